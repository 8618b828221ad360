"""What each head of a run does, as a table: `inspect RUN --heads`."""

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from minigpt import tokenizers
from minigpt.cli.terminal import note, say
from minigpt.corpus import measured_on, trained_on
from minigpt.counting import counted
from minigpt.store import Run, Store

if TYPE_CHECKING:
    from minigpt.interpret import Effects, HeadScores
    from minigpt.model import GPT

ROW = "{:>5}  {:>4}  {:<34}  {:>5}  {:<14}  {:>6}  {:>8}  {:>8}  {}"
TITLES = ("layer", "head", "role", "lift", "95 %", "chance", "shuffled", "without", "95 %")
EXPLAINED = (
    "lift: 1 where a head looks nowhere else, 0 where it looks there as by chance; it has a role "
    "from 0.4 on, its lower bound from 0.25 on, if no other comes to half of it",
    "chance: the share of its attention it would have there if it looked evenly at all it sees",
    "shuffled: the lift where tokens are shuffled; what stays needs no text that makes sense",
    "without: what the loss on this text rises by when the head is switched off (what it found is "
    "zero), in nats per token",
)


def heads_of(store: Store, run: Run) -> dict[str, Any]:
    """Prints what each head does and what is lost without it; returns it for `--json`."""
    from minigpt.interpret import ROLES, head_effects, head_scores
    from minigpt.weights import load_model

    model = load_model(store, run)
    source, windows = text_of_heads(store, run, model)
    scores, effects = head_scores(model, windows), head_effects(model, windows)
    n, T = windows.shape
    say(f"measured on {counted(n, 'window')} of {counted(T, 'token')} {source}")
    if copies := scores.copies:
        say(
            f"induction and the same token before on {scores.windows['induction']} sequences of "
            f"{copies.period} different tokens, {copies.copies} times over; loss on the first copy "
            f"{copies.first:.3f} nats per token, on the later ones {copies.later:.3f}"
        )
    for sentence in scores.notes:
        note(sentence[0].lower() + sentence[1:-1])
    say(ROW.format(*TITLES))
    rows = [_row(scores, effects, layer, head) for layer, head in np.ndindex(effects.delta.shape)]
    for row in rows:
        say(_told(row, scores.chance))
    for line in EXPLAINED:
        say(line)
    for name, role in ROLES.items():
        if any(name in (row["role"], *row["likeliest"]) for row in rows):
            say(f"{name}: {role.definition} ({role.source})")
    return {
        "run": run.id,
        "text": source,
        "windows": n,
        "tokens": T,
        "chance": {name: _known(value) for name, value in scores.chance.items()},
        "heads": rows,
        "loss": effects.loss,
        "copies": asdict(copies) if copies else None,
        "notes": scores.notes,
    }


def text_of_heads(store: Store, run: Run, model: "GPT") -> tuple[str, np.ndarray]:
    """Which text the heads are measured on, in words, and its windows (n, T)."""
    from minigpt.interpret import held_out_windows, written_windows

    tokenizer = tokenizers.load(run.tokenizer)
    if run.text_id is None:
        start = tokenizer.encode("\n")
        known = start != [tokenizer.unk_id]
        written = written_windows(model, start if known else [tokenizer.vocab_size - 1])
        return "that it wrote itself, for its text is not here", written
    ids = tokenizer.encode_array(store.text(run.text_id))
    cut = trained_on(len(ids), run.train.val_fraction)
    source = (
        "that it was not trained on"
        if cut < len(ids)
        else "that it was trained on, for it keeps none to validate on"
    )
    return source, held_out_windows(measured_on(ids, cut), run.model.block_size)


def _row(scores: "HeadScores", effects: "Effects", layer: int, head: int) -> dict[str, Any]:
    """All that was measured of one head; None where a number is not known."""

    def numbers(**parts: np.ndarray) -> dict[str, float | None]:
        return {name: _known(part[layer, head]) for name, part in parts.items()}

    return {
        "layer": layer,
        "head": head,
        "role": scores.roles[layer][head],
        "likeliest": scores.likeliest[layer][head],
        "scores": {
            name: numbers(
                lift=scores.lifts[name],
                low=scores.low[name],
                high=scores.high[name],
                shuffled=scores.shuffled[name],
            )
            for name in scores.lifts
        },
        "without": numbers(delta=effects.delta, low=effects.low, high=effects.high),
    }


def _told(row: dict[str, Any], chance: dict[str, float]) -> str:
    """One line of the table: of a head that is unclear, the scores of its likeliest role."""
    role, (likeliest, *_) = row["role"], row["likeliest"]
    named = role in row["scores"]
    shown, lost = row["scores"][role if named else likeliest], row["without"]
    return ROW.format(
        row["layer"],
        row["head"],
        role if named else f"{role}: {' or '.join(row['likeliest'])}?",
        f"{shown['lift']:.2f}",
        f"{shown['low']:.2f} to {shown['high']:.2f}",
        f"{chance[role if named else likeliest]:.1%}",
        f"{shown['shuffled']:.2f}",
        f"{lost['delta']:+.4f}",
        f"{lost['low']:+.4f} to {lost['high']:+.4f}",
    )


def _known(value: float) -> float | None:
    """A number as JSON has it."""
    return None if math.isnan(value) else float(value)
