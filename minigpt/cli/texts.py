"""Texts on the command line: where one comes from, and how it is cut."""

import argparse
import os
from pathlib import Path
from typing import Any

from tqdm import tqdm

from minigpt import tokenizers
from minigpt.config import InputError
from minigpt.corpus import (
    CLEANINGS,
    DOWNLOADS,
    LIBRARY,
    WORLDS,
    clean,
    fit_baselines,
    read_text,
)
from minigpt.plots import visible
from minigpt.store import Store


def add_options(parser: argparse.ArgumentParser) -> None:
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


def chosen_text(store: Store, args: argparse.Namespace) -> tuple[str, str, str]:
    """Title, body and origin of the text that was asked for: a file, or one of the corpus."""
    if bool(args.file) == bool(args.corpus):
        raise InputError("give either a text FILE or --corpus NAME (or --resume RUN to go on)")
    origin = ""
    if args.file:
        path = Path(args.file)
        name = os.fsencode(path.name).decode(errors="replace")  # a name may be in any encoding
        title, text = name, read_text(read_bytes(path), path.name, args.encoding)
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


def chosen_tokenizer(text: str, args: argparse.Namespace) -> tokenizers.Tokenizer:
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
    _, text, _ = chosen_text(store, args)
    tokenizer = chosen_tokenizer(text, args)
    ids = tokenizer.encode_array(text)
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


def size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
