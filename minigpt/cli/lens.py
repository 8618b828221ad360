"""What a run would answer if it stopped early, as a table: `inspect RUN --what lens`."""

import argparse
from typing import TYPE_CHECKING

import numpy as np

from minigpt.cli.looks import Look, Reading
from minigpt.cli.terminal import say
from minigpt.tokenizers.visible import columns, visible

if TYPE_CHECKING:
    from minigpt.plots import LensMap

EXPLAINED = (
    "under a part: the likeliest next token, and its probability, if the model stopped there; the "
    "last part gives its answer",
    "next: the token that does come next, its probability at the end, its rank of all tokens",
    "decided: where the answer has come to stay",
)
TIED = (
    "the output layer of this model is its token embedding, so right after the embedding each "
    "token mostly foretells itself: that is an echo, no guess"
)


def lens_of(reading: Reading, args: argparse.Namespace) -> Look:
    """What can be read of the next token after each part of a model, at every place of a prompt."""
    from minigpt import plots
    from minigpt.interpret import decision_depth, lens

    found = lens(reading.model, reading.ids)
    shown = plots.LensMap.of(found, decision_depth(found), reading.ids, reading.tokenizer.tokens)
    _say_table(_lines(shown))
    for sentence in (*EXPLAINED, *([TIED] if reading.run.model.tie_weights else [])):
        say(sentence)
    numbers = ("prob", "true_prob", "rank", "entropy", "kl")
    told = {
        "rows": shown.rows,
        "read": shown.read,
        "likeliest": shown.likeliest,
        **{name: _known(getattr(shown, name)) for name in numbers},
        "decided": shown.decided.tolist(),
    }
    return Look(
        told,
        f"{reading.run.name}: what each part leaves to be read of the next token",
        lambda title: plots.lens_svg(shown, "true", title),
        lambda: plots.lens_table(shown),
    )


def _lines(shown: "LensMap") -> list[list[str]]:
    """The table: a line for each place, with a heading."""
    from minigpt.plots import short

    brief = [row.removeprefix("layer ").removesuffix(" (output)") for row in shown.rows]
    lines = [["", "read", *brief, "next", "", "rank", "decided"]]
    signs = [short(visible(token)) for token in shown.read]
    for at, sign in enumerate(signs):
        answers = [
            f"{short(visible(row[at]))} {prob:.0%}"
            for row, prob in zip(shown.likeliest, shown.prob[:, at], strict=True)
        ]
        coming = ["–", "–", "–"]
        if at + 1 < len(signs):
            coming = [signs[at + 1], f"{shown.true_prob[-1, at]:.1%}", f"{shown.rank[-1, at] + 1}"]
        lines.append([str(at + 1), sign, *answers, *coming, brief[shown.decided[at]]])
    return lines


def _say_table(lines: list[list[str]]) -> None:
    wide = [max(map(columns, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = zip(line, wide, strict=True)
        say("  ".join(cell + " " * (width - columns(cell)) for cell, width in cells).rstrip())


def _known(values: np.ndarray) -> list[list[float | None]]:
    """Numbers as JSON has them: None where none is known."""
    return [[None if np.isnan(value) else value for value in row] for row in values.tolist()]
