"""What the next token could be."""

from collections.abc import Mapping, Sequence

from minigpt.plots.chart import Axis, Bars, Chart, Rows
from minigpt.plots.theme import GUIDES_AT, OTHERS_AT, TRAIN_AT
from minigpt.tokenizers.visible import brief

NAME = 20  # columns of a token at its row
Candidate = tuple[str, float, float]  # token, p of the bare model, p after temperature and filters


def next_tokens(candidates: Sequence[Candidate], marks: Mapping[int, str] | None = None) -> Chart:
    """Next tokens, a row each; marks: row → what stands before its token."""
    tokens, bare, drawn_from = zip(*candidates, strict=True)
    before = ["" for _ in tokens]
    for row, mark in (marks or {}).items():
        before[row] = f"{mark}  ".replace(" ", "\u00a0")  # on one line with its token
    bars = [Bars("drawn from", drawn_from, TRAIN_AT), Bars("bare model", bare, GUIDES_AT[2])]
    rows = Rows([brief(token, NAME) for token in tokens], before)
    x = Axis("probability", shown=".1%")
    return Chart(bars, x, rows, height=60 + 30 * len(tokens), legend="across")


def with_and_without(
    tokens: Sequence[str],
    whole: Sequence[float],
    left: Sequence[float],
    how: str = "without this head",
) -> Chart:
    """Next tokens, a row each, by the whole model and by what is left of it after a change."""
    bars = [Bars("whole model", whole, TRAIN_AT), Bars(how, left, OTHERS_AT[0])]
    rows = Rows([brief(token, NAME) for token in tokens], [""] * len(tokens))
    x = Axis("probability", shown=".1%")
    return Chart(bars, x, rows, height=60 + 30 * len(tokens), legend="across")
