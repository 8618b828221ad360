"""What was learned when: the loss of several groups of tokens over the steps of a training."""

import csv
import io
from collections.abc import Sequence

import numpy as np

from minigpt.plots.chart import DASHES, Axis, Chart, Line, legend_room, rounded
from minigpt.plots.curves import mark
from minigpt.plots.theme import GUIDES_AT, OTHERS_AT, TRAIN_AT


def learned(
    steps: Sequence[int], names: Sequence[str], losses: np.ndarray, at: int, height: int
) -> Chart:
    """The loss of up to eight groups of tokens, nats per token, through training: n steps, losses
    (n, groups), NaN where a group has none. Steps lie on a scale of powers, for most is learned in
    the first of them; step 0, before any learning, has no place on it."""
    x = np.asarray(steps, dtype=float)
    y = rounded("nats per token", [losses[x > 0].ravel(), np.zeros(1)], ".3f")
    lines = [
        Line(name, x[x > 0], losses[x > 0, i], color, DASHES[i % 4], points=True,
             says="{y} at step {x}")
        for i, (name, color) in enumerate(zip(names, (*OTHERS_AT, *GUIDES_AT), strict=False))
    ]  # fmt: skip
    if at > 0:
        lines.append(mark("this moment", at, y, TRAIN_AT))
    high = max(10.0, float(x[-1]))
    return Chart(lines, Axis("step", 1, high, log=True), y, height + legend_room(lines), "down")


def learned_table(steps: Sequence[int], names: Sequence[str], losses: np.ndarray) -> str:
    """The same as CSV, with step 0: a row for each step, losses (n, groups)."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["step", *names])
    lines.writerows(
        [step, *("" if np.isnan(loss) else f"{loss:.6f}" for loss in row)]
        for step, row in zip(steps, losses, strict=True)
    )
    return text.getvalue()
