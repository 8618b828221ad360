"""The commands that train: each prints for people and returns what `--json` prints."""

import argparse
import os
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from minigpt.cli.options import given
from minigpt.cli.terminal import aside, note, say
from minigpt.cli.texts import chosen_text, chosen_tokenizer
from minigpt.config import PRESETS, GPTConfig, InputError, TrainConfig
from minigpt.corpus import split
from minigpt.findings import MOST_SAID, findings, levels_of
from minigpt.ingredients import WITHOUT, without
from minigpt.launch import launch, longer_plan, train_longer
from minigpt.limits import Limits
from minigpt.store import EVERYONE, Store
from minigpt.supervisor import Supervisor, settle

POLL_SECONDS = 0.2


def train(store: Store, args: argparse.Namespace) -> dict[str, Any]:
    """Train a model on a text, and watch it learn; under torchrun, in several processes at once."""
    if int(os.environ.get("WORLD_SIZE") or 1) > 1:
        from minigpt.together import train_together

        run = train_together(store, lambda: _wanted_run(store, args))
        if run is None:
            return {}  # the first process tells the rest
    else:
        run_id = _wanted_run(store, args)
        try:
            with Supervisor(store.folder) as supervisor:
                _follow(store, run_id, supervisor)
        finally:  # told to end twice, it may not have come to rest
            settle(store)
        run = store.run(run_id)
    if run.state in ("failed", "diverged"):
        raise InputError(run.reason)
    curves = store.curves(run.id)
    measured = curves.val_loss[~np.isnan(curves.val_loss)]
    for finding in findings(run, curves, levels_of(store, run))[:MOST_SAID]:
        say(str(finding))
    more = f"; go on with: python -m minigpt train --resume {run.id}" if run.active else ""
    say(f"{run.state} at step {run.step:,}; run {run.id}{more}")
    return {
        "run": run.id,
        "state": run.state,
        "step": run.step,
        "train_loss": float(curves.train_loss[-1]) if run.step else None,
        "val_loss": float(measured[-1]) if len(measured) else None,
        "tokens_per_second": float(curves.tokens[-1] / curves.seconds[-1]) if run.step else None,
    }


def _wanted_run(store: Store, args: argparse.Namespace) -> str:
    """The id of the run that was asked for, a new one or one to go on with."""
    if args.resume is not None:
        run = store.find_run(args.resume)
        run_id = run.id
        if args.longer is not None:
            share = args.restart_share
            train_longer(store, Limits.from_environment(), run, args.longer, share)
            note(longer_plan(run, args.longer, share))
        else:
            store.wish(run_id, "running")
    else:
        run_id = _new_run(store, args)
    aside(f"run {run_id}")
    return run_id


def _new_run(store: Store, args: argparse.Namespace) -> str:
    """Puts the text and its run into the store."""
    title, text, origin = chosen_text(store, args)
    limits = Limits.from_environment()
    limits.check_text(len(text))
    tokenizer = chosen_tokenizer(text, args)
    preset = PRESETS[args.preset]
    model = preset.model(tokenizer.vocab_size, **given(args, GPTConfig))
    train = preset.train.replace(**given(args, TrainConfig))
    text_id = store.add_text(EVERYONE, title, text, origin)
    name = args.name or f"{Path(title).stem}, {args.preset}"
    return launch(store, limits, EVERYONE, name, text_id, tokenizer, model, train)


def _follow(store: Store, run_id: str, supervisor: Supervisor) -> None:
    """Shows a run's progress until it rests. Ctrl-C pauses it; a second one does not wait for the
    step in which it is."""
    run = store.run(run_id)
    with tqdm(total=run.train.max_steps, initial=run.step, unit="step", disable=None) as bar:
        try:
            _watch(store, run_id, supervisor, bar)
        except KeyboardInterrupt:
            if store.run(run_id).active:
                store.wish(run_id, "paused")
            _watch(store, run_id, supervisor, bar)


def _watch(store: Store, run_id: str, supervisor: Supervisor, bar: tqdm) -> None:
    run, told = store.run(run_id), ""
    while run.active and not (run.state == run.wish == "paused"):
        if supervisor.trouble != told:
            told = supervisor.trouble
            note(told or "it works again")
        time.sleep(POLL_SECONDS)
        run = store.run(run_id)
        store.look(run_id)
        curves = store.curves(run_id, most=1)
        if len(curves.step):
            speed = curves.tokens[-1] / curves.seconds[-1]
            bar.set_postfix_str(f"loss {curves.train_loss[-1]:.3f}, {speed:,.0f} tokens/s")
        bar.update(run.step - bar.n)


def ablate_recipe(store: Store, args: argparse.Namespace) -> dict[str, Any]:
    """Show how much longer a recipe takes to a loss without each of its ingredients."""
    from minigpt.recipe import time_to

    _, text, _ = chosen_text(store, args)
    tokenizer = chosen_tokenizer(text, args)
    whole = PRESETS[args.preset]
    train_ids, val_ids = split(
        tokenizer.encode_array(text), whole.train.val_fraction, whole.model(100).block_size
    )
    recipes = {"the whole recipe": whole} | {
        f"without {name}": without(whole, name) for name in WITHOUT
    }
    rows = []
    for name, recipe in recipes.items():
        reached = [
            time_to(args.target, recipe, tokenizer.vocab_size, train_ids, val_ids, seed)
            for seed in range(1, args.seeds + 1)
        ]
        if None in reached:
            say(f"{name:<20} did not reach {args.target:g} in eight times the steps")
            rows.append({"recipe": name, "steps": None, "seconds": None})
            continue
        steps = statistics.median(one.steps for one in reached)
        seconds = statistics.median(one.seconds for one in reached)
        say(f"{name:<20} {steps:>6,.0f} steps {seconds:>8.2f} s")
        rows.append({"recipe": name, "steps": steps, "seconds": seconds})
    return {"target": args.target, "recipes": rows}
