"""The commands that look at runs and ask them: each prints for people and returns what `--json`
prints."""

import argparse
import math
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from minigpt import tokenizers
from minigpt.cli.terminal import note, say
from minigpt.cli.texts import cleaned, text_of
from minigpt.corpus import bits_per_character, trained_on, windows
from minigpt.counting import counted
from minigpt.engine.supervisor import settle
from minigpt.store import Curves, Run, Store
from minigpt.tokenizers import unfamiliar
from minigpt.tokenizers.visible import visible

ROW = "{:<12}  {:<16}  {:<9} {:>15}  {:>6}  {:>8}  {}"


def runs(store: Store, args: argparse.Namespace) -> dict[str, Any]:
    """List all runs, newest first, with their losses."""
    idle, rows = settle(store), []
    say("losses are the newest, in nats per token: on unseen text (validation), and in training")
    say(ROW.format("run", "begun", "state", "step", "unseen", "training", "name"))
    for run in store.runs():
        losses = newest_losses(store.curves(run.id, most=1))
        shown = [f"{loss:.3f}" if loss is not None else "–" for loss in losses.values()]
        when = datetime.fromtimestamp(run.created_at).strftime("%Y-%m-%d %H:%M")
        progress = f"{run.step:,}/{run.train.max_steps:,}"
        say(ROW.format(run.id[:12], when, run.state, progress, *shown, run.name))
        rows.append(
            {"run": run.id, "name": run.name, "state": run.state, "step": run.step} | losses
        )
    if idle and any(row["state"] == "queued" for row in rows):
        note("nothing trains now: what is queued goes on with train --resume RUN, or in the app")
    return {"runs": rows}


def newest_losses(curves: Curves) -> dict[str, float | None]:
    """The newest loss on unseen text and in training, in nats per token; None before it was
    measured."""
    found = {}
    for name in ("val_loss", "train_loss"):
        known = getattr(curves, name)
        known = known[~np.isnan(known)]
        found[name] = float(known[-1]) if len(known) else None
    return found


def evaluate(store: Store, args: argparse.Namespace) -> dict[str, Any]:
    """Measure how well a run's model predicts a text file."""
    from minigpt.evaluation import mean_loss
    from minigpt.weights import load_model

    run = store.find_run(args.run)
    tokenizer = tokenizers.load(run.tokenizer)
    text = cleaned(text_of(Path(args.file), args), args)
    ids = tokenizer.encode_array(text)
    tell_unknown(store, run, tokenizer, text)
    model = load_model(store, run)
    x, y = windows(ids, run.model.block_size)
    scored, loss = y.size, mean_loss(model, x, y, batch_size=16)
    if (left := len(ids) - 1 - scored) > 0:  # the end, too short for a whole context
        end = mean_loss(model, *windows(ids[scored:], left), batch_size=1)
        scored, loss = scored + left, (loss * scored + end * left) / (scored + left)
    bits = bits_per_character(loss, len(text) / len(ids))
    guessing = math.log(tokenizer.vocab_size)
    say(
        f"loss {loss:.4f} nats per token, {bits:.4f} bits per character, over "
        f"{counted(scored, 'token')}, all but the first; blind guessing gives {guessing:.4f} nats"
    )
    return {
        "run": run.id, "loss": loss, "bits_per_character": bits, "tokens": scored,
        "uniform": guessing,
    }  # fmt: skip


def tell_unknown(store: Store, run: Run, tokenizer: tokenizers.Tokenizer, text: str) -> None:
    """Notes what of a text the model does not know."""
    seen = None
    if run.text_id is not None:
        ids = tokenizer.encode_array(store.text(run.text_id))
        seen = unfamiliar.met(tokenizer, ids[: trained_on(len(ids), run.train.val_fraction)])
    alike = "one-form (`--clean one-form` of train)"
    for sentence in unfamiliar.notes(tokenizer, text, seen, visible, alike):
        note(sentence[0].lower() + sentence[1:-1])
