"""The commands that train: each prints for people and returns what `--json` prints."""

import argparse
import math
import os
import statistics
import time
from pathlib import Path
from typing import Any

from tqdm import tqdm

from minigpt.cli.looking import newest_losses
from minigpt.cli.options import given
from minigpt.cli.terminal import aside, note, say
from minigpt.cli.texts import chosen_text, chosen_tokenizer
from minigpt.config import GPTConfig, InputError, SettingError, TrainConfig
from minigpt.corpus import bits_per_character, fit_baselines, split, worlds
from minigpt.counting import counted
from minigpt.engine.launch import launch, longer_plan, resume, train_longer
from minigpt.engine.supervisor import Supervisor, settle
from minigpt.findings import AT_FLOOR, MOST_SAID, findings, levels_of
from minigpt.limits import Limits
from minigpt.recipes import PRESETS, WITHOUT, without
from minigpt.store import EVERYONE, EXTENDABLE, Curves, Run, Store

POLL_SECONDS = 0.2
SAID = {"uniform": "blind guessing", "unigram": "counting tokens (unigram)"}


def train(store: Store, args: argparse.Namespace) -> dict[str, Any]:
    """Train a model on a text, and watch it learn; under torchrun, in several processes at once."""
    if int(os.environ.get("WORLD_SIZE") or 1) > 1:
        from minigpt.engine.together import train_together

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
        raise SettingError(run.reason)
    curves = store.curves(run.id)
    losses = newest_losses(curves)
    if run.step:
        _sum_up(store, run, curves, losses)
    say(f"{run.state} at step {run.step:,}; run {run.id}")
    for what, words in _next_commands(run):
        say(f"{what}: python -m minigpt {words}")
    return {
        "run": run.id,
        "state": run.state,
        "step": run.step,
        **losses,
        "tokens_per_second": float(curves.tokens[-1] / curves.seconds[-1]) if run.step else None,
    }


def _sum_up(store: Store, run: Run, curves: Curves, losses: dict[str, float | None]) -> None:
    """What a run has come to: its losses beside what counting reaches, and its newest sample."""
    known, unseen = levels_of(store, run), losses["val_loss"]
    told = f"{losses['train_loss']:.3f} nats per token in training"
    if unseen is not None:
        bits = bits_per_character(unseen, run.characters_per_token)
        told = f"{unseen:.3f} nats per token on unseen text ({bits:.3f} bits per character), {told}"
    say(f"loss: {told}")
    guessing = {"uniform": math.log(run.model.vocab_size)}  # blind
    lines = guessing | dict(known.lines if known else {})
    say(f"to compare: {', '.join(f'{SAID.get(name, name)} {lines[name]:.3f}' for name in lines)}")
    for finding in findings(run, curves, known)[:MOST_SAID]:
        say(str(finding))
    for step, text in store.samples(run.id)[-1:]:
        say(f"sample at step {step:,}:")
        for line in text.splitlines():
            say(f"    {line}")


def _next_commands(run: Run) -> list[tuple[str, str]]:
    """What can be done with a run at rest, each with its command."""
    if run.active:
        return [("go on with", f"train --resume {run.id}")]
    return [
        ("let it write", f'generate {run.id} --prompt "..."'),
        ("look inside", f'inspect {run.id} --prompt "..."'),
        ("train longer", f"train --resume {run.id} --longer {max(1, run.step // 2)}"),
    ]


def _wanted_run(store: Store, args: argparse.Namespace) -> str:
    """The id of the run that was asked for, a new one or one to go on with."""
    if args.resume is not None:
        run = store.find_run(args.resume)
        run_id = run.id
        if args.longer is not None:
            share = args.share
            train_longer(store, Limits.from_environment(), run, args.longer, share)
            note(longer_plan(run, args.longer, share))
        elif run.state in EXTENDABLE:
            raise InputError(
                f"{run.incomplete}, so it cannot train on: start a new one with its settings"
                if run.incomplete
                else f"this run is {run.state} at step {run.step:,}, and goes on only when trained "
                f"longer: --resume {run.id} --longer STEPS"
            )
        else:
            resume(store, Limits.from_environment(), run)
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
    from minigpt.engine.ablation import lengths, time_to

    _, text, origin = chosen_text(store, args)
    tokenizer = chosen_tokenizer(text, args)
    whole = PRESETS[args.preset]
    ids = tokenizer.encode_array(text)
    train_ids, val_ids = split(ids, whole.train.val_fraction, whole.model(100).block_size)
    world = worlds.load(origin)
    floor = world.floor * len(text) / len(ids) if world else 0.0
    if args.target <= floor * (1 - AT_FLOOR):
        raise InputError(
            f"--target is {args.target:g}, and no training gets to a loss of {floor:.3g}: choose a "
            "higher one"
        )
    tried, trigrams = lengths(whole), fit_baselines(train_ids, val_ids, tokenizer.vocab_size)
    say(
        f"each recipe is trained anew with ever more steps, from {tried[0]:,} to at most "
        f"{tried[-1]:,}, until one ends at {args.target:g} nats per token on unseen text; where "
        f"none does, that is {counted(sum(tried), 'step')} with each seed. Blind guessing gives "
        f" {trigrams.uniform:.3f}, counting triples {trigrams.trigram:.3f}"
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
            say(f"{name:<20} did not reach {args.target:g} in {counted(tried[-1], 'step')}")
            rows.append({"recipe": name, "steps": None, "seconds": None, "at_most": False})
            continue
        steps = statistics.median(one.steps for one in reached)
        seconds = statistics.median(one.seconds for one in reached)
        at_most = statistics.median_low(one.steps for one in reached) == tried[0]
        most = "at most" if at_most else ""  # nothing shorter was tried
        say(f"{name:<20} {most:>7} {steps:>6,.0f} steps {seconds:>8.2f} s")
        rows.append({"recipe": name, "steps": steps, "seconds": seconds, "at_most": at_most})
    return {"target": args.target, "recipes": rows}
