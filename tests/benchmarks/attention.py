"""How long what is asked of attention takes: patterns of a text, roles of heads, their effects.

    python -m tests.benchmarks.attention [--rounds 5] [--only roles] [--presets classic modern]

On one thread, as in the app's server, with fresh weights of each preset: which numbers they are
changes nothing of the time. The text is our own tales; windows are those of the app.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from minigpt.interpret import (
    attention,
    head_effects,
    head_scores,
    held_out_windows,
    norm_weighted,
    sharpest,
)
from minigpt.model import GPT, new_model
from minigpt.recipes import PRESETS
from minigpt.tokenizers import CharTokenizer
from tests.benchmarks.timing import timed

TALES = Path(__file__).resolve().parents[2] / "assets" / "tales.txt"
USUAL = ["classic", "modern", "shakespeare"]
PARTS = ("patterns", "roles", "effects")


def actions(model: GPT, ids: np.ndarray) -> dict[str, dict[str, Callable[[], object]]]:
    """What is timed of a model, by part."""
    windows = held_out_windows(ids[-len(ids) // 10 :], model.config.block_size)
    read = ids[: model.config.block_size]
    return {
        "patterns": {
            "attention over a whole context": lambda: attention(model, read),
            "the same times norms": lambda: norm_weighted(model, read),
        },
        "roles": {
            "roles of all heads": lambda: head_scores(model, windows),
            "where one head looks most sharply": lambda: sharpest(model, windows, 0, 0),
        },
        "effects": {
            "effect of one head": lambda: head_effects(model, windows, heads=[(0, 0)]),
            "effects of all": lambda: head_effects(model, windows),
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--presets", nargs="+", choices=PRESETS, default=USUAL)
    args = parser.parse_args()
    torch.set_num_threads(1)
    text = TALES.read_text()
    tokenizer = CharTokenizer.train(text)
    ids = tokenizer.encode_array(text)
    print(f"medians of {args.rounds}, on one thread")
    for name in args.presets:
        print(name)
        timings = actions(new_model(PRESETS[name].model(tokenizer.vocab_size), seed=1), ids)
        for part in args.only:
            for what, action in timings[part].items():
                print(f"  {what:<36} {timed(action, args.rounds):7.3f} s")


if __name__ == "__main__":
    main()
