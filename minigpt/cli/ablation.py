"""What is lost without each part of a run, as a table: `inspect RUN --what ablation`."""

import argparse

import numpy as np

from minigpt.cli.heads import text_of_heads
from minigpt.cli.looks import Look, Reading
from minigpt.cli.terminal import note, say
from minigpt.counting import counted

ROW = "{:<18}  {:>8}  {:<20}  {}"
EXPLAINED = (
    "without it: what the loss rises by, in nats per token, when the part is taken out, one at a "
    "time; effects do not add, and a part that is gone may be stood in for by another",
    "no effect seen: the interval holds 0",
)


def ablation_of(reading: Reading, args: argparse.Namespace) -> Look:
    """By how much the loss rises without each part, on text that the run has not seen, and without
    the one of the heads and MLPs that matters most on each token of a prompt."""
    from minigpt import plots
    from minigpt.interpret import token_effect, what_matters

    model = reading.model
    source, windows = text_of_heads(reading.store, reading.run, model)
    found = what_matters(model, windows, args.instead)
    names = [part.name for part in found.parts]
    whole = np.array([part.kind == "layer" for part in found.parts])
    n, T = windows.shape
    say(f"loss {found.loss:.4f} on {counted(n, 'window')} of {counted(T, 'token')} {source}")
    level = f"{found.level:.2%} interval"
    say(ROW.format("part", "without", level, "").rstrip())
    for name, delta, low, high, seen in zip(
        names, found.delta, found.low, found.high, found.seen, strict=True
    ):
        known = np.isfinite(low)
        between = f"{low:+.4f} to {high:+.4f}" if known else "–"
        verdict = "" if seen or not known else "no effect seen"
        say(ROW.format(name, f"{delta:+.4f}", between, verdict).rstrip())
    for sentence in found.notes:
        note(sentence[0].lower() + sentence[1:-1])
    for line in EXPLAINED:
        say(line)
    most = found.parts[int(np.where(whole, -np.inf, found.delta).argmax())]
    rises = token_effect(model, reading.ids, most, windows, args.instead).tolist()
    told = {
        "text": source,
        "windows": n,
        "instead": found.kind,
        "level": found.level,
        "loss": found.loss,
        "parts": [
            {**part._asdict(), "delta": delta, "low": _known(low), "high": _known(high)}
            for part, delta, low, high in zip(
                found.parts, found.delta.tolist(), found.low, found.high, strict=True
            )
        ],
        "notes": found.notes,
        "most": {**most._asdict(), "read": reading.tokens, "rises": rises},
    }
    heads = [f"head {head}" for head in range(reading.run.model.n_head)]
    return Look(
        told,
        f"{reading.run.name}: what matters, {found.kind} in a part's place",
        lambda title: plots.parts_svg(
            [f"layer {i}" for i in range(reading.run.model.n_layer)],
            [*heads, "MLP", "whole layer"],
            found.delta,
            found.seen,
            plots.depths(found.delta, whole),
            title,
            f"Rise of the loss without a part, nats per token. Hatched: no effect seen ({level}).",
        ),
        lambda: plots.parts_table(names, found.delta, found.low, found.high, found.level),
    )


def _known(value: float) -> float | None:
    """A number as JSON has it."""
    return float(value) if np.isfinite(value) else None
