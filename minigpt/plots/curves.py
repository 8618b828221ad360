"""Curves over the steps of a training, and over the merges of a tokenizer."""

from collections.abc import Mapping, Sequence

import numpy as np

from minigpt.plots.chart import DASHES, Axis, Chart, Line, above, buckets, legend_room, rounded
from minigpt.plots.theme import GUIDES_AT, OTHERS_AT, TRAIN_AT, VALIDATION_AT

MOST_DOTS = 30  # on one line of a comparison; more would hide it


def step_axis(steps: np.ndarray, max_steps: int) -> Axis:
    """Ends at 1, 2 or 5 times a power of ten, so that it seldom moves, and where the run ends."""
    return Axis("step", 0, min(above(max(float(steps[-1]), 10)), max_steps))


def level(name: str, height: float, end: float, at: int) -> Line:
    """A level to measure a curve against, from 0 to `end`: the `at`-th of them."""
    ends, heights = np.array([0.0, end]), np.full(2, height)
    return Line(name, ends, heights, GUIDES_AT[at], DASHES[at + 1], width=1.5, says="{y}")


def loss(
    steps: np.ndarray,
    train: np.ndarray,
    val: np.ndarray,
    baselines: Mapping[str, float],
    max_steps: int,
    height: int = 380,
) -> Chart:
    """Loss over the steps of a run, and up to four levels to measure it against.

    The arrays are of shape (n,), nats per token; NaN in `val` where nothing was measured.
    """
    measured, x, at_step = ~np.isnan(val), step_axis(steps, max_steps), "{y} at step {x}"
    seen = buckets(steps[measured], val[measured])
    lines = [
        Line("training", *buckets(steps, train), TRAIN_AT, says=at_step),
        Line("validation", *seen, VALIDATION_AT, points=True, says=at_step),
    ]
    levels = zip(baselines.items(), range(len(GUIDES_AT)), strict=False)
    lines += [level(name, height, x.high, at) for (name, height), at in levels]
    y = rounded("loss (nats per token)", [line.y for line in lines], ".3f")
    return Chart(lines, x, y, height, "across")


def comparison(
    names: Sequence[str],
    curves: Sequence[tuple[np.ndarray, np.ndarray]],
    along: str,
    *,
    validated: bool = True,
) -> Chart:
    """Losses of up to five runs laid over each other, in bits per character, x and y of each (n,).

    The first is the run that is looked at: it keeps the colour of what its line is. The others have
    colours that nothing else has, and each its own dash: they differ in grey as well.
    """
    colors = [VALIDATION_AT if validated else TRAIN_AT, *OTHERS_AT]
    lines = [
        Line(name, x, y, color, dash, points=len(x) <= MOST_DOTS, says="{y} at {x}")
        for name, (x, y), color, dash in zip(names, curves, colors, DASHES, strict=False)
    ]
    y = rounded("bits per character", [line.y for line in lines], ".3f")
    return Chart(lines, Axis(along, shown=",.4~r"), y, 270 + legend_room(lines), "down")


def right_answers(
    steps: np.ndarray, shares: np.ndarray, max_steps: int, height: int = 220
) -> Chart:
    """The share of right answers over the steps of a run. Both (n,), without NaN."""
    name = "right answers"
    line = Line(name, steps, shares, TRAIN_AT, points=True, says="{y} at step {x}")
    y = Axis(name, 0, 1, 0.2, ".1%")
    return Chart([line], step_axis(steps, max_steps), y, height)


def compression(tokens: np.ndarray, characters: int, at: int) -> Chart:
    """How long the text is after each merge. tokens: (n + 1,), how many tokens it has after 0, 1,
    … n merges; `at` is the merge to mark."""
    x, y = buckets(np.arange(len(tokens)), tokens)
    says = "{y} tokens after {x} merges: {more} characters per token"
    length = Line("the text", x, y, TRAIN_AT, says=says, more=characters / y)
    up = Axis("tokens in the text", 0, 1.05 * float(y.max()), shown=",d")
    here = np.array([up.low, up.high])
    mark = Line("here", np.full(2, at), here, GUIDES_AT[0], DASHES[1], width=1.5)
    return Chart([length, mark], Axis("merges", 0, len(tokens) - 1), up, height=260)
