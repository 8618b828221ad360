"""What of a text a model does not know: characters its tokenizer lacks, tokens it never met.

The same letter can be one character, ü, or two, u and U+0308, which look alike and are different to
a tokenizer. So a letter that is unknown in one form may be known in the other.
"""

import unicodedata
from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np

from minigpt.tokenizers import Tokenizer

MOST = 12  # characters or tokens in one sentence


def letters(text: str) -> Iterator[str]:
    """The text in pieces that its two Unicode forms, NFC and NFD, write differently or alike.

    >>> [len(letter) for letter in letters("u\\u0308be")]
    [2, 1, 1]
    """
    starts = [0, *(i for i in range(1, len(text)) if not _belongs(text[i - 1], text[i]))]
    return (text[start:end] for start, end in pairwise([*starts, len(text)]))


def _belongs(before: str, character: str) -> bool:
    """Whether a character is written together with the one before it: a mark, or part of a
    syllable of Hangul."""
    if character.isascii():
        return False
    together = unicodedata.normalize("NFC", before + character)
    return unicodedata.combining(character) > 0 or len(together) == 1


def other_forms(letter: str) -> list[str]:
    """The same letter as one character, or as several, where it can be written so."""
    forms = (unicodedata.normalize(form, letter) for form in ("NFC", "NFD"))
    return [form for form in forms if form != letter]


def met(tokenizer: Tokenizer, ids: np.ndarray) -> np.ndarray:
    """Which tokens stand in the text trained on, `ids` of shape (n,): bool (V,)."""
    return np.bincount(ids, minlength=tokenizer.vocab_size) > 0


def notes(
    tokenizer: Tokenizer,
    text: str,
    seen: np.ndarray | None = None,
    show: Callable[[str], str] = str,
    alike: str = "one-form",
) -> list[str]:
    """What a person should know of a text that they give to a model, in sentences.

    `seen`: what `met` says of the text it was trained on, where that is at hand. `show` makes a
    token visible; `alike` is what the clean-up one-form is called where they are.
    """
    said, unknown = [], []
    known = set(tokenizer.tokens) if tokenizer.kind == "char" else set(text)
    for letter in dict.fromkeys(() if known.issuperset(text) else letters(text)):
        if known.issuperset(letter):
            continue
        form = next((form for form in other_forms(letter) if known.issuperset(form)), None)
        if form is None:
            unknown += [character for character in letter if character not in known]
        elif len(said) < MOST:
            said.append(
                f"The training text has {_named(form, show)} where you have "
                f"{_named(letter, show)}: the same letter to the eye and another to the model, "
                f"which reads `<unk>`. The clean-up {alike} makes such letters alike before "
                "training."
            )
    if unknown:
        shown = _listed(sorted(set(unknown)), show)
        places = sum(map(text.count, set(unknown)))
        said.append(
            f"The training text has no {shown} – there, in {places:,} "
            f"{'place' if places == 1 else 'places'}, the model reads `<unk>`, the token for all "
            "it never saw."
        )
    inside, nowhere = _strange(tokenizer, text, seen) if seen is not None else ([], [])
    if inside:
        stand, as_own = (
            ("stands", "it as a token of its own")
            if len(inside) == 1
            else ("stand", "them as tokens of their own")
        )
        said.append(
            f"In the text the model was trained on, {_listed(inside, show)} {stand} only inside "
            f"longer tokens: it has never been trained on {as_own}, and what it writes behind "
            f"{'it' if len(inside) == 1 else 'them'} is a guess."
        )
    if nowhere:
        said.append(
            f"Among the tokens the model was trained on there is no {_listed(nowhere, show)}: what "
            f"it writes behind {'it' if len(nowhere) == 1 else 'them'} is a guess."
        )
    return said


def _listed(tokens: list[str], show: Callable[[str], str]) -> str:
    """The first of some tokens, and how many more there are."""
    shown, more = " ".join(map(show, tokens[:MOST])), len(tokens) - MOST
    return f"{shown} and {more:,} more" if more > 0 else shown


def _named(letter: str, show: Callable[[str], str]) -> str:
    """A letter, and of which characters it is made."""
    if len(letter) == 1:
        return f"{show(letter)} as one character (U+{ord(letter):04X})"
    base, *marks = letter
    return f"{show(base)} with {' and '.join(f'U+{ord(mark):04X}' for mark in marks)} behind it"


def _strange(tokenizer: Tokenizer, text: str, seen: np.ndarray) -> tuple[list[str], list[str]]:
    """The tokens of a text that the model never met, a byte as the character it is part of: those
    that stand inside tokens it met, and those that do not."""
    new = {i for i in tokenizer.encode(text) if not seen[i]} - {tokenizer.unk_id}
    parts = {i for i in new if tokenizer.kind == "bpe" and _is_part(tokenizer.token_bytes[i])}
    split = {c for c in text if not c.isascii() and not parts.isdisjoint(tokenizer.encode(c))}
    strange = [*(tokenizer.tokens[i] for i in sorted(new - parts)), *sorted(split)]
    if tokenizer.kind != "bpe":
        return [], strange  # its tokens are single characters
    longer = [tokenizer.token_bytes[i] for i in np.flatnonzero(seen)]
    inside = [token for token in strange if any(token.encode() in other for other in longer)]
    return inside, [token for token in strange if token not in inside]


def _is_part(token: bytes) -> bool:
    """Whether it is only some bytes of a character."""
    return "\ufffd" in token.decode("utf-8", "replace")
