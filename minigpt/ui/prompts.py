"""What a person gives a model to read: a beginning to start from, and what to know about it."""

from collections.abc import Sequence

from minigpt import tokenizers
from minigpt.config import InputError
from minigpt.corpus import CLEANINGS
from minigpt.counting import counted
from minigpt.store import Run
from minigpt.tokenizers import unfamiliar
from minigpt.tokenizers.visible import brief
from minigpt.ui import services
from minigpt.ui.words import boxed

MOST_CHARACTERS = 20_000
MOST_TAKEN = 200_000  # that a field takes at all, and a sentence refuses
BEGINNING = 16  # letters of what is read of a text that is too long


def opening(run: Run) -> str:
    """A beginning in the run's own characters, or in words that it wrote itself, to put into an
    empty prompt."""
    tokenizer, samples = tokenizers.load(run.tokenizer), services.store().samples(run.id)
    words = samples[-1][1].split() if samples else []
    if tokenizer.kind == "bpe":
        # Bytes can spell what the model never met, and a space belongs to the word behind it.
        whole = [word for word in words if "<" not in word and "\ufffd" not in word]
        return (" ".join(whole[:3]) or tokenizer.tokens[-1])[:40]
    spelt = set(tokenizer.tokens)
    for beginning in ("Once there was ", "The ", "hello"):
        if set(beginning) <= spelt:
            return beginning
    return f"{words[0][:20]} " if words and " " in spelt else tokenizer.tokens[-1]


def check_length(text: str, what: str = "prompt") -> None:
    """Raises InputError when a text is longer than anyone would type."""
    if len(text) > MOST_CHARACTERS:
        raise InputError(
            f"the {what} has {counted(len(text), 'character')}, at most {MOST_CHARACTERS:,} are "
            "taken: shorten it, and keep its end, which is what the model goes on from"
        )


def notes_on(run: Run, text: str, what: str = "prompt") -> list[str]:
    """What a person should know about a text that is read: unknown characters, too long for the
    context."""
    if len(text) > MOST_CHARACTERS:
        return []  # it is refused
    tokenizer = tokenizers.load(run.tokenizer)
    ids = tokenizer.encode(text)
    notes = unfamiliar.notes(
        tokenizer,
        text,
        services.met(run),
        lambda token: boxed(brief(token)),
        alike=f"*{CLEANINGS['one-form'].title}* on Data",
    )
    if (left_out := len(ids) - run.model.block_size) > 0:
        are = "is" if left_out == 1 else "are"
        notes.append(
            f"The {what} has {counted(len(ids), 'token')} and the context holds "
            f"{run.model.block_size:,}: the oldest {left_out:,} {are} left out. What it reads "
            f"begins with {boxed(brief(_beginning(tokenizer, ids[left_out:])))}."
        )
    return notes


def _beginning(tokenizer: tokenizers.Tokenizer, ids: Sequence[int]) -> str:
    """The first letters of what is read."""
    text = tokenizer.decode(ids[:BEGINNING])
    return text[:BEGINNING] + "…" * (len(text) > BEGINNING or len(ids) > BEGINNING)
