"""The command line: train, runs, corpus, tokenize, generate, evaluate, inspect, export, import.

Each command is a function of its parsed arguments that prints for people and returns what
`--json` prints for machines. It works on the same store as the app.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
from tqdm import tqdm

from minigpt import bundle, tokenizers
from minigpt.config import PRESETS, GPTConfig, InputError, SampleConfig, Settings, TrainConfig
from minigpt.corpus import (
    CLEANINGS,
    DOWNLOADS,
    LIBRARY,
    WORLDS,
    clean,
    fit_baselines,
    read_text,
    windows,
)
from minigpt.huggingface import export_huggingface
from minigpt.launch import launch
from minigpt.limits import Limits
from minigpt.plots import visible
from minigpt.store import EVERYONE, Run, Store, home
from minigpt.supervisor import Supervisor

POLL_SECONDS = 0.2


def train(store: Store, args: argparse.Namespace) -> dict[str, Any]:
    """Train a model on a text, and watch it learn."""
    if args.resume:
        run = store.find_run(args.resume)
        run_id = run.id
        if args.longer:
            limits = Limits.from_environment()
            limits.check_run(run.model, run.train.replace(max_steps=run.step + args.longer))
            store.extend(run_id, args.longer)
        else:
            store.wish(run_id, "running")
    else:
        run_id = _new_run(store, args)
    print(f"run {run_id}", file=sys.stderr)
    with Supervisor(store.folder):
        run = _follow(store, run_id)
    if run.state in ("failed", "diverged"):
        raise InputError(run.reason)
    curves = store.curves(run_id)
    measured = curves.val_loss[~np.isnan(curves.val_loss)]
    print(f"{run.state} at step {run.step:,}; run {run_id}")
    return {
        "run": run_id,
        "state": run.state,
        "step": run.step,
        "train_loss": float(curves.train_loss[-1]) if run.step else None,
        "val_loss": float(measured[-1]) if len(measured) else None,
        "tokens_per_second": float(curves.tokens[-1] / curves.seconds[-1]) if run.step else None,
    }


def _new_run(store: Store, args: argparse.Namespace) -> str:
    """Puts the text and its run into the store."""
    title, text, origin = _text(store, args)
    limits = Limits.from_environment()
    limits.check_text(len(text))
    tokenizer = _tokenizer(text, args)
    preset = PRESETS[args.preset]
    model = preset.model(tokenizer.vocab_size, **_given(args, GPTConfig))
    train = preset.train.replace(**_given(args, TrainConfig))
    text_id = store.add_text(EVERYONE, title, text, origin)
    name = args.name or f"{Path(title).stem}, {args.preset}"
    return launch(store, limits, EVERYONE, name, text_id, tokenizer, model, train)


def _text(store: Store, args: argparse.Namespace) -> tuple[str, str, str]:
    """Title, body and origin of the text that was asked for: a file, or one of the corpus."""
    if bool(args.file) == bool(args.corpus):
        raise InputError("give either a text FILE or --corpus NAME (or --resume RUN to go on)")
    origin = ""
    if args.file:
        path = Path(args.file)
        title, text = path.name, read_text(_read(path), path.name, args.encoding)
    elif args.corpus in LIBRARY:
        title, text = LIBRARY[args.corpus].title, LIBRARY[args.corpus].read()
    elif args.corpus in WORLDS:
        chance = {"bits": args.bits} if args.bits is not None else {}
        try:
            world = WORLDS[args.corpus](seed=args.world_seed, **chance)
        except TypeError as error:
            raise InputError("--bits is for the world markov: leave it out") from error
        title, text, origin = world.title, world.text(args.characters), world.to_json()
    elif args.corpus in DOWNLOADS:
        entry = DOWNLOADS[args.corpus]
        with tqdm(unit="B", unit_scale=True, disable=None, desc=entry.title) as bar:

            def show(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            title, text = entry.title, entry.read(store.folder, show)
    else:
        raise InputError(
            f"there is no text {args.corpus!r} here: `python -m minigpt corpus` lists them"
        )
    if args.clean:
        unknown = sorted(set(args.clean) - set(CLEANINGS))
        if unknown:
            raise InputError(
                f"there is no clean-up {unknown[0]!r}: choose of {', '.join(CLEANINGS)}"
            )
        text, origin = clean(text, args.clean), ""
    return title, text, origin


def _tokenizer(text: str, args: argparse.Namespace) -> tokenizers.Tokenizer:
    if args.tokenizer == "char" and args.vocab_size is not None:
        raise InputError("--vocab-size is for --tokenizer bpe: characters are as many as they are")
    return tokenizers.train(text, args.tokenizer, args.vocab_size or 1024)


def corpus(store: Store, args: argparse.Namespace) -> dict[str, Any]:
    """List the texts that come with minigpt, that it writes by a rule, or can download."""
    rows = []
    for kind, entries in (("here", LIBRARY), ("world", WORLDS), ("download", DOWNLOADS)):
        for name, entry in entries.items():
            print(f"{name:<38} {kind:<8}  {entry.title}")
            rows.append({"name": name, "kind": kind, "title": entry.title, "about": entry.about})
    return {"corpus": rows}


def tokenize(store: Store, args: argparse.Namespace) -> dict[str, Any]:
    """Show how a tokenizer cuts a text, and how far counting its tokens gets."""
    _, text, _ = _text(store, args)
    tokenizer = _tokenizer(text, args)
    ids = np.array(tokenizer.encode(text))
    shown = [tokenizer.tokens[i] for i in ids[: args.show]]
    print(" ".join(visible(token) for token in shown))
    if isinstance(tokenizer, tokenizers.BPETokenizer):
        applied = tokenizer.applied(ids)
        for n, (left, right) in enumerate(tokenizer.merges[: args.merges]):
            parts = visible(tokenizer.tokens[left]), visible(tokenizer.tokens[right])
            print(f"merge {n + 1}: {parts[0]} + {parts[1]}, {applied[n]:,} times")
    result = {
        "vocab_size": tokenizer.vocab_size,
        "tokens": len(ids),
        "characters_per_token": len(text) / len(ids),
    }
    print(
        f"{len(text):,} characters, {len(ids):,} tokens of {tokenizer.vocab_size:,}: "
        f"{result['characters_per_token']:.2f} characters per token"
    )
    cut = len(ids) - max(2, len(ids) // 10)
    if cut > 1:
        per_token = len(tokenizer.decode(ids[cut:])) / (len(ids) - cut)
        lines = fit_baselines(ids[:cut], ids[cut:], tokenizer.vocab_size)
        result["bits_per_character"] = lines.in_bits_per_character(per_token)
        for name, bits in result["bits_per_character"].items():
            nats = getattr(lines, name)
            print(f"{name:<8} {nats:.3f} nats per token, {bits:.3f} bits per character")
    return result


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
    text = read_text(_read(path), path.name, args.encoding)
    ids = np.array(tokenizer.encode(text))
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
    bundle.check_size(_size(path), limits)
    run_id = bundle.import_run(store, _read(path), EVERYONE, limits=limits)
    print(f"run {run_id}")
    return {"run": run_id}


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


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


def _add_settings(parser: argparse.ArgumentParser, config: type[Settings]) -> None:
    """One option per setting, with the field's sentence as its help."""
    hints = get_type_hints(config)
    for spec in fields(config):
        if spec.name == "vocab_size":
            continue  # the tokenizer knows
        names = [f"--{spec.name.replace('_', '-')}"]
        if spec.name == "max_steps":
            names.append("--steps")
        (kind,) = {*(get_args(hints[spec.name]) or (hints[spec.name],))} - {type(None)}
        help = spec.metadata["help"].replace("%", "%%")
        if kind is bool:
            parser.add_argument(*names, action=argparse.BooleanOptionalAction, help=help)
        else:
            parser.add_argument(*names, dest=spec.name, type=kind, metavar=kind.__name__, help=help)


def _add_text(parser: argparse.ArgumentParser) -> None:
    """Where a text comes from, and how it is cut."""
    group = parser.add_argument_group("the text")
    group.add_argument("file", nargs="?", help="a text file, or a PDF with text in it")
    group.add_argument("--corpus", metavar="NAME", help="a text of `corpus` instead of a file")
    group.add_argument("--encoding", help="how the file is encoded, where it is not UTF-8")
    group.add_argument(
        "--clean",
        type=lambda names: names.split(","),
        metavar="NAMES",
        help=f"clean-ups to make, with commas between them: {', '.join(CLEANINGS)}",
    )
    group.add_argument("--world-seed", type=int, default=1, help="of a world: its seed")
    group.add_argument(
        "--characters", type=int, default=200_000, help="of a world: how much of it to write"
    )
    group.add_argument("--bits", type=float, help="of the world markov: its entropy")
    group.add_argument(
        "--tokenizer", choices=tokenizers.KINDS, default="char", help="characters, or BPE"
    )
    group.add_argument("--vocab-size", type=int, help="of BPE: how many tokens (default: 1024)")


def parser() -> argparse.ArgumentParser:
    """All commands with their options, help and an example each."""
    top = argparse.ArgumentParser(
        prog="python -m minigpt",
        description="Train a small GPT on a text of yours, let it write, and look inside.",
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(function: Callable, example: str) -> argparse.ArgumentParser:
        name = function.__name__.rstrip("_")
        sub = commands.add_parser(
            name,
            help=function.__doc__,
            description=function.__doc__,
            epilog=f"example: python -m minigpt {name} {example}".rstrip(),
        )
        sub.add_argument("--json", action="store_true", help="end with one line of JSON")
        sub.set_defaults(command=function)
        return sub

    sub = command(train, "tales.txt --preset classic --steps 500")
    _add_text(sub)
    sub.add_argument(
        "--preset", choices=PRESETS, default="classic", help="the recipe to start from"
    )
    sub.add_argument("--name", help="what to call the run")
    sub.add_argument("--resume", metavar="RUN", help="go on with a paused run")
    sub.add_argument(
        "--longer", type=int, metavar="STEPS", help="with --resume: train an ended run for longer"
    )
    _add_settings(sub.add_argument_group("the model"), GPTConfig)
    _add_settings(sub.add_argument_group("the training"), TrainConfig)

    command(runs, "")
    command(corpus, "")

    sub = command(tokenize, "tales.txt --tokenizer bpe --vocab-size 512 --merges 20")
    _add_text(sub)
    sub.add_argument("--show", type=int, default=40, help="how many tokens to show")
    sub.add_argument("--merges", type=int, default=10, help="how many merges to show")

    sub = command(generate, '1a2b3c --prompt "hello" --temperature 0.8 --top-k 40 --seed 1')
    sub.add_argument("run", help="a run's id, or its first characters")
    sub.add_argument("--prompt", required=True, help="the text to continue")
    _add_settings(sub, SampleConfig)

    sub = command(evaluate, "1a2b3c other.txt")
    sub.add_argument("run", help="a run's id, or its first characters")
    sub.add_argument("file", help="a text file")
    sub.add_argument("--encoding", help="how the file is encoded, where it is not UTF-8")

    sub = command(inspect, '1a2b3c --prompt "once upon a time" --layer 0 --head 1')
    sub.add_argument("run", help="a run's id, or its first characters")
    sub.add_argument("--prompt", required=True, help="the text to look at")
    sub.add_argument("--layer", type=int, default=0, help="which layer, from 0")
    sub.add_argument("--head", type=int, default=0, help="which head of that layer, from 0")
    sub.add_argument("--output", default="attention.html", help="the file to write")

    sub = command(export, "1a2b3c --output run.safetensors")
    sub.add_argument("run", help="a run's id, or its first characters")
    sub.add_argument("--output", help="what to write (default: run.safetensors, or the folder run)")
    sub.add_argument(
        "--format",
        choices=["minigpt", "huggingface"],
        default="minigpt",
        help="minigpt: one file that import reads; huggingface: a folder for GPT2LMHeadModel",
    )
    sub.add_argument(
        "--snapshots", type=int, help="how many snapshots to keep at most (default: all)"
    )

    sub = command(import_, "run.safetensors")
    sub.add_argument("file", help="a file that export wrote")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; 0 when it worked, 1 with a sentence on stderr when it could not."""
    args = parser().parse_args(argv)
    try:
        store = Store(home())
        bundle.ensure_demo(store)
        result = args.command(store, args)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error.filename} cannot be written: {error.strerror}", file=sys.stderr)
        return 1
    if args.json:
        print(json.dumps(result))
    return 0
