"""`inspect RUN`: what goes on inside a run while it reads a prompt, one look (--what) at a time."""

import argparse
import html
from collections.abc import Callable
from pathlib import Path
from typing import Any

from minigpt import tokenizers
from minigpt.cli.ablation import ablation_of
from minigpt.cli.attribution import attribution_of
from minigpt.cli.files import unused
from minigpt.cli.heads import heads_of
from minigpt.cli.lens import lens_of
from minigpt.cli.looking import tell_unknown
from minigpt.cli.looks import Look, Reading
from minigpt.cli.surprise import surprise_of
from minigpt.cli.terminal import note, say
from minigpt.cli.texts import SPECIAL
from minigpt.config import InputError
from minigpt.counting import counted
from minigpt.store import Run, Store

PICTURES = (".svg", ".html", ".csv")


def inspect(store: Store, args: argparse.Namespace) -> dict[str, Any]:
    """Tell what goes on inside a run while it reads a prompt (--what; a picture of one head's
    attention by default), or what every head does (--heads)."""
    run = store.find_run(args.run)
    if args.heads:
        return heads_of(store, run)
    if args.prompt is None:
        raise InputError(
            "give --prompt TEXT to see what goes on inside while the run reads it, or --heads to "
            "see what each head does"
        )
    usual = "attention.svg" if args.what == "attention" else None
    output = _output(args.output or usual, args.force)
    reading = _read(store, run, args.prompt)
    look = LOOKS[args.what](reading, args)
    _tell(store, reading, args.prompt)
    found = {"run": run.id, "tokens": len(reading.ids)} | look.told
    if output:
        output.write_text(_written(look, output.suffix.lower()), encoding="utf-8")
        say(f"wrote {output}")
        found["file"] = str(output)
    say(SPECIAL)
    return found


def _output(name: str | None, force: bool) -> Path | None:
    """Where a picture is to be written, if one is. Raises InputError."""
    if name is None:
        return None
    output = unused(Path(name), force)
    if output.suffix.lower() not in PICTURES:
        raise InputError(f"{output} is no picture: end --output in {', '.join(PICTURES)}")
    return output


def _written(look: Look, form: str) -> str:
    """What stands in a file of that form."""
    if form == ".csv":
        return look.csv()
    picture = look.svg(look.title)
    if form == ".html":
        return f"<!doctype html>\n<title>{html.escape(look.title)}</title>\n{picture}"
    return picture


def _read(store: Store, run: Run, prompt: str) -> Reading:
    from minigpt.weights import load_model

    tokenizer = tokenizers.load(run.tokenizer)
    ids = tokenizer.encode(prompt)[-run.model.block_size :]
    return Reading(store, run, load_model(store, run), tokenizer, ids)


def _tell(store: Store, reading: Reading, prompt: str) -> None:
    """Notes what of a prompt the model does not know, or did not read."""
    run, tokenizer = reading.run, reading.tokenizer
    tell_unknown(store, run, tokenizer, prompt)
    if (whole := len(tokenizer.encode(prompt))) > (most := run.model.block_size):
        note(f"the prompt has {counted(whole, 'token')}: only the newest {most:,} are read")


def attention_of(reading: Reading, args: argparse.Namespace) -> Look:
    """Where one head looks."""
    from minigpt import plots
    from minigpt.interpret import attention

    shape, tokens = reading.run.model, reading.tokens
    for name, value, most in (
        ("layer", args.layer, shape.n_layer),
        ("head", args.head, shape.n_head),
    ):
        if not 0 <= value < most:
            raise InputError(f"there is no {name} {value}: this model's run from 0 to {most - 1}")
    if len(tokens) > plots.MOST_ROWS:
        note(f"of {counted(len(tokens), 'token')} the newest {plots.MOST_ROWS} are shown")
    patterns = attention(reading.model, reading.ids, plots.MOST_ROWS)
    pattern = patterns[args.layer, args.head].numpy()
    return Look(
        {},
        f"{reading.run.name}: layer {args.layer}, head {args.head}",
        lambda title: plots.svg(pattern, tokens, title),
        lambda: plots.table(pattern, tokens),
    )


LOOKS: dict[str, Callable[[Reading, argparse.Namespace], Look]] = {
    "attention": attention_of,
    "lens": lens_of,
    "attribution": attribution_of,
    "ablation": ablation_of,
    "surprise": surprise_of,
}
