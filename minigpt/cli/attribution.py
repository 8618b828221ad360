"""What each part of a run gave to a logit, as a table: `inspect RUN --what attribution`."""

import argparse

import numpy as np

from minigpt.cli.looks import Look, Reading
from minigpt.cli.terminal import say
from minigpt.config import InputError
from minigpt.counting import counted
from minigpt.tokenizers.visible import brief

ROW = "{:<22}  {:>8}  {:>8}"
ERASED = (
    "an amount is what a part wrote, with the final norm's scale held as it is here, and not what "
    "it caused: later parts may have erased it, or built on it"
)


def attribution_of(reading: Reading, args: argparse.Namespace) -> Look:
    """What each part of a model gave to the logit of the next token after a prompt."""
    from minigpt import plots
    from minigpt.interpret import attribute, next_probs

    probs = next_probs(reading.model, reading.ids)
    first, second = np.argsort(-probs, kind="stable")[:2].tolist()
    target = first if args.target is None else _token(reading, "--target", args.target)
    against = None if args.against is None else _token(reading, "--against", args.against)
    found = attribute(reading.model, reading.ids, target, against)
    names = [brief(token) for token in reading.tokenizer.tokens]
    over = "the mean of all" if against is None else f"that of {names[against]}"
    unit = f"logit of {names[target]} above {over}"
    say(
        f"likeliest next: {names[first]} ({probs[first]:.1%}), then {names[second]} "
        f"({probs[second]:.1%})"
    )
    say(ROW.format("part", "amount", "in all").rstrip())
    for name, amount, sum in zip(found.names, found.amounts, found.amounts.cumsum(), strict=True):
        say(ROW.format(name, f"{amount:+.3f}", f"{sum:+.3f}"))
    say(f"the sum is the {unit}, {found.logit:+.3f} in the model's own output")
    say(ERASED)
    chart = plots.waterfall(found.names, found.amounts, found.logit, unit)
    told = {
        "target": reading.tokenizer.tokens[target],
        "against": None if against is None else reading.tokenizer.tokens[against],
        "parts": dict(zip(found.names, found.amounts.tolist(), strict=True)),
        "logit": found.logit,
    }
    return Look(
        told,
        f"{reading.run.name}: {unit}, part by part",
        lambda title: plots.waterfall_svg(chart, title),
        lambda: plots.waterfall_table(found.names, found.amounts, found.logit),
    )


def _token(reading: Reading, option: str, text: str) -> int:
    """The token that a text is. Raises InputError where it is none, or several."""
    ids = reading.tokenizer.encode(text)
    if len(ids) != 1 or ids[0] == reading.tokenizer.unk_id:
        what = "no token" if ids in ([], [reading.tokenizer.unk_id]) else counted(len(ids), "token")
        raise InputError(f"{option} is {text!r}, {what} of this run: give one of its tokens")
    return ids[0]
