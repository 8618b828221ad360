"""Curves over the steps of a training, and over the merges of a tokenizer."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

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


def moment(
    steps: np.ndarray, train: np.ndarray, val: np.ndarray, at: int, max_steps: int, height: int
) -> Chart:
    """The loss over the steps of a run, as in `loss`, and where one moment of it is."""
    chart = loss(steps, train, val, {}, max_steps, height)
    return replace(
        chart, parts=[*chart.parts, mark("this moment", at, chart.y, GUIDES_AT[0])], legend="line"
    )


def course(
    steps: Sequence[int],
    lifts: np.ndarray,
    chosen: tuple[int, int],
    least: float,
    at: int,
    max_steps: int,
    height: int,
) -> Chart:
    """How far each head has a role, through training: the chosen head, the strongest of the others
    at the end, and all the rest.

    steps: n of them; lifts: (n, n_layer, n_head), NaN where nothing could be measured; least: the
    lift that a role takes; at: the step of the moment that is looked at.
    """
    x, shape = np.asarray(steps, dtype=float), lifts.shape[1:]
    flat = lifts.reshape(len(x), -1)
    others = [head for head in np.argsort(-flat[-1], kind="stable") if head != _flat(chosen, shape)]
    y = Axis("lift", min(0.0, float(np.floor(5 * np.nanmin(flat)) / 5)), 1, 0.2, ".2f")
    says = "{y} at step {x}"
    its, here = lifts[:, *chosen], mark("this moment", at, y, GUIDES_AT[1])
    lines = [
        Line(_named(*chosen), x, its, TRAIN_AT, width=3, points=True, says=says),
        level(f"a role takes {least:g}", least, float(max_steps), 0),
        here,
    ]
    if others:
        strongest = f"strongest other: {_named(*np.unravel_index(others[0], shape))}"
        lines.append(Line(strongest, x, flat[:, others[0]], OTHERS_AT[0], DASHES[3], says=says))
    if len(others) > 1:
        rest = [np.append(flat[:, head], np.nan) for head in others[1:]]
        again = np.tile(np.append(x, x[-1]), len(rest))
        lines.append(Line("the others", again, np.concatenate(rest), GUIDES_AT[2], width=1))
    return Chart(lines, Axis("step", 0, max_steps), y, height, "across")


def copies(steps: Sequence[int], losses: np.ndarray, at: int, max_steps: int, height: int) -> Chart:
    """The loss on sequences that are repeated, through training. losses: (n, 2), nats per token, on
    the first copy, which can only be guessed, and on the later ones."""
    x = np.asarray(steps, dtype=float)
    y = rounded("nats per token", [losses.ravel(), np.zeros(1)], ".3f")
    says = "{y} at step {x}"
    lines = [
        Line("first copy", x, losses[:, 0], GUIDES_AT[0], DASHES[1], points=True, says=says),
        Line("later copies", x, losses[:, 1], OTHERS_AT[1], points=True, says=says),
        mark("this moment", at, y, GUIDES_AT[1]),
    ]
    return Chart(lines, Axis("step", 0, max_steps), y, height, "across")


def by_place(
    places: Sequence[tuple[int, int]],
    bits: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    trigram: np.ndarray | None,
    height: int,
) -> Chart:
    """How much tokens surprise a model by how many stand before them: of g groups of places, first
    and last of each, bits per token (g,) with the ends of their intervals, NaN where there are
    none, and of a trigram model."""
    x = np.mean(places, axis=1)
    ends = np.column_stack([low, high, np.full(len(x), np.nan)]).ravel()  # up, and a gap
    lines = [Line("this model", x, bits, VALIDATION_AT, points=True, says="{y} bits")]
    if np.isfinite(low).all():
        lines.append(Line("95 % interval", np.repeat(x, 3), ends, GUIDES_AT[1], width=1.5))
    if trigram is not None:
        lines.append(Line("trigram", x, trigram, GUIDES_AT[0], DASHES[1], says="{y} bits"))
    y = rounded("bits per token", [line.y for line in lines], ".2f")
    return Chart(lines, Axis("tokens before it", 0, float(places[-1][1])), y, height, "across")


def _named(layer: int, head: int) -> str:
    return f"layer {layer}, head {head}"


def _flat(head: tuple[int, int], shape: tuple[int, ...]) -> int:
    return head[0] * shape[1] + head[1]


def mark(name: str, at: float, y: Axis, color: int) -> Line:
    """A line from bottom to top at one place of x."""
    ends = np.array([y.low, y.high], dtype=float)
    return Line(name, np.full(2, float(at)), ends, color, DASHES[1], width=1.5)


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


def memorising(
    steps: np.ndarray, shares: np.ndarray, unseen: float | None, max_steps: int, height: int = 220
) -> Chart:
    """How much of what a model writes is copied, over the steps of its run, both (n,), and how much
    text that it never saw has in common with what it learned from."""
    x = np.asarray(steps, dtype=float)
    lines = [Line("what it writes", x, shares, TRAIN_AT, points=True, says="{y} at step {x}")]
    if unseen is not None:
        lines.append(level("unseen text", unseen, float(max_steps), 0))
    return Chart(lines, step_axis(x, max_steps), Axis("copied", 0, 1, 0.2, ".0%"), height, "across")


def compression(tokens: np.ndarray, characters: int, at: int) -> Chart:
    """How long the text is after each merge. tokens: (n + 1,), how many tokens it has after 0, 1,
    … n merges; `at` is the merge to mark."""
    x, y = buckets(np.arange(len(tokens)), tokens)
    says = "{y} tokens after {x} merges: {more} characters per token"
    length = Line("the text", x, y, TRAIN_AT, says=says, more=characters / y)
    up = Axis("tokens in the text", 0, 1.05 * float(y.max()), shown=",d")
    return Chart(
        [length, mark("here", at, up, GUIDES_AT[0])],
        Axis("merges", 0, len(tokens) - 1),
        up,
        height=260,
    )
