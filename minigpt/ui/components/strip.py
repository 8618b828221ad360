"""The token strip: what a model wrote, shaded by surprise; a click shows what a token could have
been instead."""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

import numpy as np
import streamlit as st

from minigpt.tokenizers.visible import legible, shortened
from minigpt.ui.components.sources import source
from minigpt.ui.tokens import DEEPEST, DEEPEST_BITS

_component = st.components.v2.component(
    "minigpt_strip",
    html=source("strip.html"),
    css=source("strip.css"),
    js=source("numbers.js", "strip_candidates.js", "strip.js"),
)


@dataclass(frozen=True)
class Rival:
    """A token that could have been drawn."""

    id: int
    label: str
    prob: float  # of the bare model
    drawn_from: float  # after temperature and filters
    cut_by: str | None  # the filter that removed it: "top_k", "top_p", "min_p"
    drawn: bool


@dataclass(frozen=True)
class Told:
    """One written token, as it is drawn; prob, rank and bits are those of the bare model."""

    text: str  # its piece of the text; "" for a part of a character: then its label is shown
    label: str  # as tokens are shown everywhere: `tokenizers.visible`
    prob: float
    rank: int
    bits: float  # −log₂ prob
    candidates: Sequence[Rival]  # in order of the bare model, the drawn one among them
    special: bool = False
    by_hand: bool = False  # a person chose it


def strip(
    prompt: str,
    unread: str,
    tokens: Sequence[Told],
    *,
    key: str,
    chosen: int | None,
    shade: bool = True,
    copied: Sequence[tuple[int, int]] = (),
) -> None:
    """Draws a prompt, the part before it that was not read struck through, and what was written.

    The colour begins at 0 bits and is deepest from `DEEPEST_BITS` on. Under the text stand the
    candidates of the token `chosen`. A token without candidates can be pointed at but not chosen:
    so it is while a text is written. copied: passages (start, end) to be underlined, in characters
    of the tokens' texts joined. A text that grows is drawn again and again by a fragment, once in
    each of its runs, under the same key: then what stands stays where it is.
    """
    rivals = [rival for token in tokens for rival in token.candidates]
    drawn = [one.drawn * (1 + token.by_hand) for token in tokens for one in token.candidates]
    filters = sorted({rival.cut_by for rival in rivals if rival.cut_by})
    data = {
        "prompt": legible(prompt),
        "unread": legible(unread),
        "pieces": list(_pieces([token.text for token in tokens], copied)),
        "labels": [shortened(token.label) for token in tokens],
        "special": [i for i, token in enumerate(tokens) if token.special],
        "prob": _packed([token.prob for token in tokens], "<f4"),
        "bits": _packed([token.bits for token in tokens], "<f4"),
        "rank": _packed([token.rank for token in tokens], "<u4"),
        "deepest": [DEEPEST_BITS, DEEPEST],
        "shade": shade,
        "chosen": chosen,
        "rivals": {
            "many": _packed([len(token.candidates) for token in tokens], "<u4"),
            "id": _packed([rival.id for rival in rivals], "<u4"),
            "prob": _packed([rival.prob for rival in rivals], "<f4"),
            "drawn_from": _packed([rival.drawn_from for rival in rivals], "<f4"),
            "cut": _packed([_cut(rival, filters) for rival in rivals], "u1"),
            "drawn": _packed(drawn, "u1"),
            "filters": [name.replace("_", "-") for name in filters],
            "labels": {str(rival.id): shortened(rival.label) for rival in rivals},
        },
    }
    _component(
        data=data,
        key=key,
        on_clicked_change=lambda: None,
        on_branched_change=lambda: None,
    )


def clicked(key: str, n: int) -> int | None:
    """Which of the n tokens of the strip of that key was clicked just now.

    What comes from the browser is checked: anything but a token of this strip is no click.
    """
    answer = getattr(st.session_state.get(key), "clicked", None)
    return answer if type(answer) is int and 0 <= answer < n else None


def branched(key: str, tokens: Sequence[Told]) -> tuple[int, int] | None:
    """At which token (from 0) which other id was chosen just now for the text to go on with.

    What comes from the browser is checked: anything but a candidate of that token, and not the one
    that was drawn, is no choice.
    """
    match getattr(st.session_state.get(key), "branched", None):
        case {"at": at, "id": id} if type(at) is type(id) is int and 0 <= at < len(tokens):
            if id in {rival.id for rival in tokens[at].candidates if not rival.drawn}:
                return at, id
    return None


def _packed(numbers: Sequence[float], kind: str) -> str:
    return base64.b64encode(np.array(numbers, dtype=kind).tobytes()).decode()


def _cut(rival: Rival, filters: Sequence[str]) -> int:
    """0, or which filter removed it, counted from 1."""
    return 1 + filters.index(rival.cut_by) if rival.cut_by else 0


def _pieces(texts: Sequence[str], copied: Sequence[tuple[int, int]]) -> Iterator[list[str]]:
    """Each text as what of it is, by turns, not copied and copied.

    >>> list(_pieces(["so ", "it ", "was"], [(1, 7)]))
    [['s', 'o '], ['', 'it '], ['', 'w', 'as']]
    """
    whole = "".join(texts)
    inside = np.zeros(len(whole), bool)
    for start, end in copied:
        inside[start:end] = True
    start = 0
    for text in texts:
        marks = inside[start : start + len(text)].tolist()
        start += len(text)
        runs = [
            (mark, legible("".join(character for character, _ in run)))
            for mark, run in groupby(zip(text, marks, strict=True), key=itemgetter(1))
        ]
        front = [""] if runs and runs[0][0] else []
        yield front + [words for _, words in runs]
