"""How long it takes to see what was copied out of a text of 5 MB, and what that takes of memory.

    python -m tests.benchmarks.overlap [--rounds 5]

The text is Shakespeare's plays, from the library. What is looked up is 2,000 characters: held out
of the text, copied from it, and half and half; and one letter over and over, in itself. Memory is
read out of Linux's /proc: the most while something is made, above what there was before.
"""

import argparse
import re
from collections.abc import Callable
from pathlib import Path

from minigpt.corpus import LIBRARY
from minigpt.corpus.overlap import Index, Source, passages
from minigpt.tokenizers import BPETokenizer, CharTokenizer
from tests.benchmarks.timing import timed

WRITTEN = 2_000  # characters


def memory(action: Callable[[], object]) -> float:
    """How many MB an action takes at most."""
    process = Path("/proc/self")
    (process / "clear_refs").write_text("5")  # the peak begins anew
    before = _megabytes(process, "VmRSS")
    action()
    return _megabytes(process, "VmHWM") - before


def _megabytes(process: Path, what: str) -> float:
    return int(re.search(rf"{what}:\s+(\d+)", (process / "status").read_text())[1]) / 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    text = LIBRARY["shakespeare"].read()
    cut = len(text) * 9 // 10
    train, held_out = text[:cut], text[cut:]
    print(f"{len(text):,} characters, medians of {rounds}")
    wide = "".join(chr(ord(c) + 0x4E00 + i % 700) for i, c in enumerate(train))
    for name, body in (("English", train), ("of 800 different characters", wide)):
        print(f"index, {name:<33} {timed(lambda body=body: Index(body), rounds):8.2f} s")
        print(f"{'  memory for it, at most':<40} {memory(lambda body=body: Index(body)):8.0f} MB")

    index, one = Index(train), Index("a" * cut)
    unseen, half = held_out[50_000 : 50_000 + WRITTEN], WRITTEN // 2
    for name, where, written in (
        ("held out", index, unseen),
        ("copied", index, train[70_000 : 70_000 + WRITTEN]),
        ("half and half", index, unseen[:half] + train[70_000 : 70_000 + half]),
        ("one letter, in itself", one, "a" * half + "b" + "a" * half),
    ):
        look_up = timed(lambda w=written, i=where: passages(w, i, 10), rounds)
        print(f"look-up, {name:<31} {1e3 * look_up:8.1f} ms")

    for name, tokenizer in (
        ("characters", CharTokenizer.train(text)),
        ("BPE, 2,048 merges", BPETokenizer.train(text, 2_048 + 259)),
    ):
        seconds = timed(lambda t=tokenizer: Source.of(text, t, 0.1), rounds)
        made = []
        most = memory(lambda t=tokenizer, made=made: made.append(Source.of(text, t, 0.1)))
        (source,) = made
        answer = timed(lambda s=source: s.trace(unseen), rounds)
        print(f"all to compare with, by {name:<16} {seconds:8.2f} s")
        print(f"{'  memory for it, at most':<40} {most:8.0f} MB")
        print(f"then an answer {'':<25} {1e3 * answer:8.1f} ms, least {source.least}")
        print(f"  {source.trace(unseen).held_out_share}")
        print(f"  {source.trace(unseen).trigram_share}")


if __name__ == "__main__":
    main()
