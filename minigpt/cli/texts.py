"""Texts on the command line: where one comes from, and how it is cut."""

import argparse
from pathlib import Path
from typing import Any

from tqdm import tqdm

from minigpt import tokenizers
from minigpt.cli.options import (
    BPE,
    FILE,
    MARKOV,
    NEW_RUN,
    WORLD,
    Place,
    number,
    option,
    whole,
    words,
)
from minigpt.cli.terminal import say
from minigpt.config import InputError, TrainConfig
from minigpt.corpus import (
    CLEANINGS,
    DOWNLOADS,
    LIBRARY,
    WORLDS,
    characters_per_token,
    clean,
    fit_baselines,
    read_text,
    trained_on,
)
from minigpt.corpus.damage import DROP
from minigpt.counting import counted
from minigpt.limits import Limits
from minigpt.store import Store
from minigpt.tokenizers.visible import visible

SPECIAL = (
    "three tokens of every vocabulary are no text: <pad> fills up short texts, <unk> stands for "
    "what the tokenizer does not know, <eos> for an end; training texts have none of them"
)
LEAST_SCORED = 100  # tokens: of fewer, how far counting gets is chance
BAD_BYTES = (
    "how bytes are read that are no text in the file's encoding: in another, mostly windows-1252, "
    f"or {DROP} to leave them out"
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Where a text comes from, and how it is cut."""
    group = parser.add_argument_group("the text")
    new = (NEW_RUN,)
    option(group, "file", places=new, nargs="?", help="a text file, or a PDF with text in it")
    option(
        group, "--corpus", places=new, metavar="NAME", help="a text of `corpus` instead of a file"
    )
    option(
        group,
        "--encoding",
        places=(*new, FILE),
        help="how the file is encoded, where it is not UTF-8",
    )
    option(group, "--bad-bytes", places=(*new, FILE), metavar="ENCODING", help=BAD_BYTES)
    add_cleaning(group, new)
    option(
        group,
        "--world-seed",
        places=(*new, WORLD),
        usual=1,
        type=whole(0),
        help="of a world: its seed",
    )
    option(
        group,
        "--characters",
        places=(*new, WORLD),
        usual=200_000,
        type=whole(),
        help="of a world: how much of it to write",
    )
    option(
        group,
        "--bits",
        places=(*new, MARKOV),
        type=number(),
        help="of the world markov: its entropy",
    )
    option(
        group,
        "--tokenizer",
        places=new,
        usual="char",
        choices=tokenizers.KINDS,
        help="characters, or BPE",
    )
    option(
        group,
        "--vocab-size",
        places=(*new, BPE),
        usual=1024,
        type=whole(None),
        help="of BPE: how many tokens",
    )


def add_cleaning(parser: Any, places: tuple[Place, ...] = ()) -> None:
    """Which clean-ups are made."""
    option(
        parser,
        "--clean",
        places=places,
        type=lambda names: names.split(","),
        metavar="NAMES",
        help=f"clean-ups to make, with commas between them: {', '.join(CLEANINGS)}",
    )


def add_merges(parser: argparse.ArgumentParser) -> None:
    """How much of a cut text is shown."""
    option(parser, "--show", usual=40, type=whole(0), help="how many tokens to show")
    option(
        parser,
        "--merges",
        places=(BPE,),
        usual=10,
        type=whole(0),
        help="of BPE: how many merges to show",
    )


def chosen_text(store: Store, args: argparse.Namespace) -> tuple[str, str, str]:
    """Title, body and origin of the text that was asked for: a file, or one of the corpus."""
    if bool(args.file) == bool(args.corpus):
        raise InputError("give either a text FILE or --corpus NAME (or --resume RUN to go on)")
    origin = ""
    if args.file:
        path = Path(args.file)
        # A name may be in any encoding.
        title, text = words(path.name), text_of(path, args)
    elif args.corpus in LIBRARY:
        title, text = LIBRARY[args.corpus].title, LIBRARY[args.corpus].read()
    elif args.corpus in WORLDS:
        Limits.from_environment().check_text(args.characters)
        chance = {"bits": args.bits} if args.bits is not None else {}
        world = WORLDS[args.corpus](seed=args.world_seed, **chance)
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
    return title, cleaned(text, args), "" if args.clean else origin


def cleaned(text: str, args: argparse.Namespace) -> str:
    """The text after the clean-ups that were asked for. Raises InputError where there is none."""
    names = args.clean or []
    if unknown := sorted(set(names) - set(CLEANINGS)):
        raise InputError(f"there is no clean-up {unknown[0]!r}: choose of {', '.join(CLEANINGS)}")
    return clean(text, names)


def chosen_tokenizer(text: str, args: argparse.Namespace) -> tokenizers.Tokenizer:
    return tokenizers.train(text, args.tokenizer, args.vocab_size)


def corpus(store: Store, args: argparse.Namespace) -> dict[str, Any]:
    """List the texts that come with minigpt, that it writes by a rule, or can download."""
    rows = []
    for kind, entries in (("here", LIBRARY), ("world", WORLDS), ("download", DOWNLOADS)):
        for name, entry in entries.items():
            say(f"{name:<38} {kind:<8}  {entry.title}")
            rows.append({"name": name, "kind": kind, "title": entry.title, "about": entry.about})
    return {"corpus": rows}


def tokenize(store: Store, args: argparse.Namespace) -> dict[str, Any]:
    """Show how a tokenizer cuts a text, and how far counting its tokens gets."""
    _, text, _ = chosen_text(store, args)
    tokenizer = chosen_tokenizer(text, args)
    ids = tokenizer.encode_array(text)
    shown = [tokenizer.tokens[i] for i in ids[: args.show]]
    say(" ".join(visible(token) for token in shown))
    if isinstance(tokenizer, tokenizers.BPETokenizer):
        applied = tokenizer.applied(ids)
        for n, (left, right) in enumerate(tokenizer.merges[: args.merges]):
            parts = visible(tokenizer.tokens[left]), visible(tokenizer.tokens[right])
            say(f"merge {n + 1}: {parts[0]} + {parts[1]}, joined {counted(applied[n], 'time')}")
    result = {
        "vocab_size": tokenizer.vocab_size,
        "tokens": len(ids),
        "characters_per_token": len(text) / len(ids),
    }
    say(
        f"{counted(len(text), 'character')}, {counted(len(ids), 'token')} of "
        f"{tokenizer.vocab_size:,}: "
        f"{result['characters_per_token']:.2f} characters per token"
    )
    say(SPECIAL)
    cut = trained_on(len(ids), TrainConfig().val_fraction)
    kept = len(ids) - cut
    if kept < LEAST_SCORED:
        say(
            "the text is too short to tell how far counting gets: its last tenth has "
            f"{counted(kept, 'token')}, and of fewer than {LEAST_SCORED} a loss is chance"
        )
        return result
    train_ids, val_ids = ids[:cut], ids[cut:]
    per_token = characters_per_token(tokenizer, val_ids)
    lines = fit_baselines(train_ids, val_ids, tokenizer.vocab_size)
    result["bits_per_character"] = lines.in_bits_per_character(per_token)
    say(
        f"counting in the first nine tenths, scored on the last: {counted(kept, 'token')} of "
        f"{per_token:.2f} characters each"
    )
    for name, bits in result["bits_per_character"].items():
        nats = getattr(lines, name)
        say(f"{name:<8} {nats:.3f} nats per token, {bits:.3f} bits per character")
    return result


def text_of(path: Path, args: argparse.Namespace) -> str:
    """The text in a file. Raises InputError when it cannot be read, or is too large for one."""
    limits = Limits.from_environment()
    most = 4 * limits.max_text_mb  # no encoding takes more for a character
    data = read_bytes(path, most)
    if len(data) > most * 1_000_000:
        raise InputError(
            f"{words(path.name)} has more than {most:,} MB, this installation takes texts of at "
            f"most {limits.max_text_mb:,} million characters: cut it into parts"
        )
    return read_text(data, words(path.name), args.encoding, args.bad_bytes)


def read_bytes(path: Path, most_mb: int) -> bytes:
    """What is in a file, up to one byte more than so many MB: a device may never end."""
    try:
        with open(path, "rb") as file:
            return file.read(most_mb * 1_000_000 + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
