"""What of a text stands word for word in a run's training text: `trace RUN FILE`."""

import argparse
from pathlib import Path
from typing import Any

from minigpt import tokenizers
from minigpt.cli.terminal import note, say
from minigpt.cli.texts import cleaned, text_of
from minigpt.config import InputError
from minigpt.corpus.overlap import Copied, Passage, Source, Spread
from minigpt.counting import counted
from minigpt.store import Store

MOST_CHARACTERS = 1_000_000  # of a file: about ten seconds
AROUND, WITHIN = 20, 60  # characters of the text around a passage, and of it, that are shown
ROW = "{:>10} {:>7} {:>11}  {}"


def trace(store: Store, args: argparse.Namespace) -> dict[str, Any]:
    """Find what of a text file stands word for word in the text a run was trained on."""
    run = store.find_run(args.run)
    if run.text_id is None:
        raise InputError(
            f"the text that {run.name} was trained on is not here, so nothing can be looked up in "
            "it: a run that was imported brings no text along"
        )
    written = cleaned(text_of(Path(args.file), args), args)
    if len(written) > MOST_CHARACTERS:
        raise InputError(
            f"the file has {counted(len(written), 'character')}, at most {MOST_CHARACTERS:,} are "
            "looked up at once: cut it into parts"
        )
    tokenizer = tokenizers.load(run.tokenizer)
    source = Source.of(store.text(run.text_id), tokenizer, run.train.val_fraction)
    found = source.trace(written)
    text = source.index.text
    say(
        f"{counted(len(written), 'character')}, looked up in the {len(text):,} that {run.name} "
        f"was trained on; the longest match has {found.longest:,}"
    )
    _tell_shares(found)
    longest_first = sorted(found.passages, key=lambda passage: passage.start - passage.end)
    if found.passages:
        say(ROW.format("characters", "times", "first at", "passage, in its place there"))
    for passage in longest_first[: args.show]:
        say(_told(passage, text))
    if (more := len(found.passages) - args.show) > 0:
        say(f"and {counted(more, 'more passage')}, none longer")
    shares = {"held_out_share": found.held_out_share, "trigram_share": found.trigram_share}
    return {
        "run": run.id,
        "characters": len(written),
        "trained_on": len(text),
        "longest": found.longest,
        "least": found.least,
        "share": found.share,
        **{name: spread and spread._asdict() for name, spread in shares.items()},
        "unclear": found.unclear,
        "passages": [
            {"text": written[passage.start : passage.end], **passage._asdict()}
            for passage in longest_first
        ],
    }


def _tell_shares(found: Copied) -> None:
    """How much was copied, beside what has not been."""
    if found.share is not None:
        say(
            f"a passage counts as copied from {counted(found.least, 'character')} on: of those of "
            "held-out text, at most one in a hundred is so long"
        )
        say(f"{found.share:6.1%} of this text is copied")
        for name, spread in (
            ("of held-out text", found.held_out_share),
            ("of what a trigram model writes", found.trigram_share),
        ):
            if spread:
                say(_beside(name, spread))
    if found.unclear:
        note(found.unclear[0].lower() + found.unclear[1:-1])


def _beside(name: str, spread: Spread) -> str:
    return (
        f"{spread.mean:6.1%} {name}, in {spread.pieces:,} pieces of "
        f"{counted(spread.characters, 'character')}: {spread.low:.1%} to {spread.high:.1%} in the "
        "middle nine tenths of them"
    )


def _told(passage: Passage, text: str) -> str:
    """One line of the list: a passage between what stands around it in the training text."""
    length, at = passage.end - passage.start, passage.places[0]
    end = at + length
    cut = f"{text[at : at + WITHIN]}…" if length > WITHIN else text[at:end]
    around = f"{text[max(0, at - AROUND) : at]}[{cut}]{text[end : end + AROUND]}"
    return ROW.format(f"{length:,}", f"{passage.count:,}", f"{at:,}", around)
