"""How fast a text of 5 MB becomes statistics and tokens, and what that takes of memory.

    python -m tests.benchmarks.tokens [--rounds 5]

The text is Shakespeare's plays, from the library. Times are of the functions that the Data page
calls, in a process of their own.
"""

import argparse
import resource

from minigpt.corpus import LIBRARY, describe, fit_baselines, read_file
from minigpt.tokenizers import BPETokenizer, CharTokenizer
from minigpt.ui import tokens
from tests.benchmarks.timing import timed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    text = LIBRARY["shakespeare"].read()
    data = text.encode()
    megabytes = len(data) / 1e6
    char, bpe = CharTokenizer.train(text), BPETokenizer.train(text, 2_048 + 259)
    ids = bpe.encode_array(text)
    n = len(ids) * 9 // 10
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    print(f"{megabytes:.2f} MB, medians of {rounds}")
    for what, action in {
        "upload to preview": lambda: tokens.running(
            read_file(data, "plays.txt").text[:2_000], marks=True
        ),
        "statistics": lambda: describe(text),
        "characters: vocabulary and encoding": lambda: CharTokenizer.train(text).encode_array(text),
        "BPE: 2,048 merges": lambda: BPETokenizer.train(text, 2_048 + 259),
        "baselines": lambda: fit_baselines(ids[:n], ids[n:], bpe.vocab_size),
    }.items():
        print(f"{what:<38} {timed(action, rounds):6.2f} s")
    for name, tokenizer in (("characters", char), ("BPE", bpe)):
        seconds = timed(lambda tokenizer=tokenizer: tokenizer.encode_array(text), rounds)
        print(f"{f'encoding by {name}':<38} {megabytes / seconds:6.1f} MB/s")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{'memory of the process, at most':<38} {max(before, peak) / 1e3:6.0f} MB")


if __name__ == "__main__":
    main()
