"""The commands about runs: each prints for people and returns what `--json` prints."""

import argparse
import math
import os
import statistics
import sys
import time
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from minigpt import bundle, tokenizers
from minigpt.cli.texts import chosen_text, chosen_tokenizer, read_bytes, size_of
from minigpt.config import (
    PRESETS,
    RESTART_SHARE,
    GPTConfig,
    InputError,
    SampleConfig,
    Settings,
    TrainConfig,
)
from minigpt.corpus import read_text, split, windows
from minigpt.huggingface import export_huggingface
from minigpt.ingredients import WITHOUT, without
from minigpt.launch import launch, longer_plan, train_longer
from minigpt.limits import Limits
from minigpt.store import EVERYONE, Run, Store
from minigpt.supervisor import Supervisor

POLL_SECONDS = 0.2


def train(store: Store, args: argparse.Namespace) -> dict[str, Any]:
    """Train a model on a text, and watch it learn; under torchrun, in several processes at once."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        from minigpt.together import train_together

        run = train_together(store, lambda: _wanted_run(store, args))
        if run is None:
            return {}  # the first process tells the rest
    else:
        run_id = _wanted_run(store, args)
        with Supervisor(store.folder):
            run = _follow(store, run_id)
    if run.state in ("failed", "diverged"):
        raise InputError(run.reason)
    curves = store.curves(run.id)
    measured = curves.val_loss[~np.isnan(curves.val_loss)]
    print(f"{run.state} at step {run.step:,}; run {run.id}")
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
    if args.restart_share is not None and not (args.resume and args.longer):
        raise InputError("--restart-share is for --resume RUN --longer STEPS: leave it out")
    if args.resume:
        run = store.find_run(args.resume)
        run_id = run.id
        if args.longer:
            share = RESTART_SHARE if args.restart_share is None else args.restart_share
            train_longer(store, Limits.from_environment(), run, args.longer, share)
            _tell(longer_plan(run, args.longer, share))
        else:
            store.wish(run_id, "running")
    else:
        run_id = _new_run(store, args)
    print(f"run {run_id}", file=sys.stderr)
    return run_id


def _new_run(store: Store, args: argparse.Namespace) -> str:
    """Puts the text and its run into the store."""
    title, text, origin = chosen_text(store, args)
    limits = Limits.from_environment()
    limits.check_text(len(text))
    tokenizer = chosen_tokenizer(text, args)
    preset = PRESETS[args.preset]
    model = preset.model(tokenizer.vocab_size, **_given(args, GPTConfig))
    train = preset.train.replace(**_given(args, TrainConfig))
    text_id = store.add_text(EVERYONE, title, text, origin)
    name = args.name or f"{Path(title).stem}, {args.preset}"
    return launch(store, limits, EVERYONE, name, text_id, tokenizer, model, train)


def _follow(store: Store, run_id: str) -> Run:
    """Shows a run's progress until it rests; Ctrl-C pauses it."""
    run = store.run(run_id)
    with tqdm(total=run.train.max_steps, initial=run.step, unit="step", disable=None) as bar:
        while run.active and not (run.state == run.wish == "paused"):
            try:
                time.sleep(POLL_SECONDS)
                run = store.run(run_id)
                store.look(run_id)
                curves = store.curves(run_id, most=1)
                if len(curves.step):
                    speed = curves.tokens[-1] / curves.seconds[-1]
                    bar.set_postfix_str(f"loss {curves.train_loss[-1]:.3f}, {speed:,.0f} tokens/s")
                bar.update(run.step - bar.n)
            except KeyboardInterrupt:
                print(f"\npausing; go on with: python -m minigpt train --resume {run_id}")
                store.wish(run_id, "paused")
    return run


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
            print(f"{name:<20} did not reach {args.target:g} in eight times the steps")
            rows.append({"recipe": name, "steps": None, "seconds": None})
            continue
        steps = statistics.median(one.steps for one in reached)
        seconds = statistics.median(one.seconds for one in reached)
        print(f"{name:<20} {steps:>6,.0f} steps {seconds:>8.2f} s")
        rows.append({"recipe": name, "steps": steps, "seconds": seconds})
    return {"target": args.target, "recipes": rows}


def runs(store: Store, args: argparse.Namespace) -> dict[str, Any]:
    """List all runs, newest first."""
    rows = []
    for run in store.runs():
        curves = store.curves(run.id, most=1)
        loss = float(curves.train_loss[-1]) if len(curves.step) else math.nan
        when = datetime.fromtimestamp(run.created_at).strftime("%Y-%m-%d %H:%M")
        progress = f"{run.step:,}/{run.train.max_steps:,}"
        print(f"{run.id[:12]}  {when}  {run.state:<9} {progress:>15}  {loss:6.3f}  {run.name}")
        rows.append({"run": run.id, "name": run.name, "state": run.state, "step": run.step})
    return {"runs": rows}


def generate(store: Store, args: argparse.Namespace) -> dict[str, Any]:
    """Continue a prompt with a run's model."""
    from minigpt.generation import generate as continue_text
    from minigpt.weights import load_model

    run = store.find_run(args.run)
    tokenizer = tokenizers.load(run.tokenizer)
    config = SampleConfig(**_given(args, SampleConfig))
    ids = tokenizer.encode(args.prompt)
    _tell_unknown(ids, tokenizer)
    if len(ids) > run.model.block_size:
        _tell(
            f"the prompt has {len(ids):,} tokens: only the newest {run.model.block_size:,} are read"
        )
    print(args.prompt, end="", flush=True)
    written = []
    steps = continue_text(load_model(store, run), ids, config)
    for piece in tokenizer.pieces(step.id for step in steps):
        written.append(piece)
        print(piece, end="", flush=True)
    print()
    return {"run": run.id, "prompt": args.prompt, "text": "".join(written)}


def evaluate(store: Store, args: argparse.Namespace) -> dict[str, Any]:
    """Measure how well a run's model predicts a text file."""
    from minigpt.trainer import mean_loss
    from minigpt.weights import load_model

    run = store.find_run(args.run)
    tokenizer = tokenizers.load(run.tokenizer)
    path = Path(args.file)
    text = read_text(read_bytes(path), path.name, args.encoding)
    ids = tokenizer.encode_array(text)
    _tell_unknown(ids.tolist(), tokenizer)
    x, y = windows(ids, run.model.block_size)
    loss = mean_loss(load_model(store, run), x, y, batch_size=16)
    bits = loss / math.log(2) * len(ids) / len(text)
    print(f"loss {loss:.4f} nats per token, {bits:.4f} bits per character, over {y.size:,} tokens")
    return {"run": run.id, "loss": loss, "bits_per_character": bits, "tokens": int(y.size)}


def inspect(store: Store, args: argparse.Namespace) -> dict[str, Any]:
    """Write one head's attention over a prompt as a picture, in one HTML file."""
    from minigpt import plots
    from minigpt.interpret import attention
    from minigpt.weights import load_model

    run = store.find_run(args.run)
    shape = run.model
    for name, value, most in (
        ("layer", args.layer, shape.n_layer),
        ("head", args.head, shape.n_head),
    ):
        if not 0 <= value < most:
            raise InputError(f"there is no {name} {value}: this model's run from 0 to {most - 1}")
    tokenizer = tokenizers.load(run.tokenizer)
    ids = tokenizer.encode(args.prompt)
    _tell_unknown(ids, tokenizer)
    if len(ids) > shape.block_size:
        _tell(f"the prompt has {len(ids):,} tokens: only the newest {shape.block_size:,} are shown")
    ids = ids[-shape.block_size :]
    pattern = attention(load_model(store, run), ids)[args.layer, args.head].numpy()
    figure = plots.attention_heatmap(pattern, [tokenizer.tokens[i] for i in ids])
    figure.update_layout(
        template=plots.TEMPLATE,
        title=f"{run.name}: layer {args.layer}, head {args.head}",
        margin={"t": 120},
    )
    output = Path(args.output)
    output.write_text(figure.to_html(include_plotlyjs=True), encoding="utf-8")
    print(f"wrote {output}")
    return {"run": run.id, "file": str(output), "tokens": len(ids)}


def export(store: Store, args: argparse.Namespace) -> dict[str, Any]:
    """Write a run to one .safetensors file, or as a folder for Hugging Face's transformers."""
    run = store.find_run(args.run)
    output = Path(args.output or {"minigpt": "run.safetensors", "huggingface": "run"}[args.format])
    if args.format == "huggingface":
        export_huggingface(store, run, output)
        size = sum(file.stat().st_size for file in output.iterdir())
    else:
        size = output.write_bytes(bundle.export_run(store, run, args.snapshots))
    print(f"wrote {output} ({size / 1e6:.2f} MB)")
    return {"run": run.id, "file": str(output), "bytes": size}


def import_(store: Store, args: argparse.Namespace) -> dict[str, Any]:
    """Add a run from a file that `export` wrote."""
    path, limits = Path(args.file), Limits.from_environment()
    bundle.check_size(size_of(path), limits)
    run_id = bundle.import_run(store, read_bytes(path), EVERYONE, limits=limits)
    print(f"run {run_id}")
    return {"run": run_id}


def _tell(sentence: str) -> None:
    print(f"note: {sentence}", file=sys.stderr)


def _tell_unknown(ids: list[int], tokenizer: tokenizers.Tokenizer) -> None:
    if unknown := ids.count(tokenizer.unk_id):
        _tell(
            f"{unknown:,} of the characters were not in the training text; "
            "the model reads <unk> instead"
        )


def _given(args: argparse.Namespace, config: type[Settings]) -> dict[str, Any]:
    """The settings of a config that were given as options."""
    values = {spec.name: getattr(args, spec.name, None) for spec in fields(config)}
    return {name: value for name, value in values.items() if value is not None}
