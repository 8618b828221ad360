"""How long a beam search takes on this machine.

    python -m tests.benchmarks.beam

The models have fresh weights: what a search costs does not depend on what was learned.
"""

import argparse
import statistics
import time

import torch

from minigpt.beam import beam_search
from minigpt.model import new_model
from minigpt.recipes import PRESETS

VOCABULARY = 65


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--preset", nargs="+", choices=PRESETS, default=["gpt2"])
    arguments.add_argument("--width", type=int, default=8)
    arguments.add_argument("--tokens", type=int, default=64)
    arguments.add_argument("--rounds", type=int, default=11)
    args = arguments.parse_args()
    torch.set_num_threads(1)  # as in the server of the pages
    for preset in args.preset:
        model = new_model(PRESETS[preset].model(VOCABULARY), seed=1).eval()
        seconds = []
        for _ in range(args.rounds):
            start = time.perf_counter()
            tree = beam_search(model, [3], args.width, args.tokens)
            seconds.append(time.perf_counter() - start)
        print(
            f"{preset}: {args.width} beams × {args.tokens} tokens, {len(tree.nodes):,} nodes: "
            f"{statistics.median(seconds):.2f} s (most {max(seconds):.2f})",
            flush=True,
        )


if __name__ == "__main__":
    main()
