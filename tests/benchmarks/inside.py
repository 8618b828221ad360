"""How long what the page Inside asks of a model takes.

    python -m tests.benchmarks.inside [--rounds 5] [--only lens] [--presets classic gpt2] [--deep]

On one thread, as in the app's server, with fresh weights of each preset, over 256 tokens of our
own tales: where a preset's context is shorter, it is made that long. What matters is measured on
windows of the app, with --deep of 6 layers of 6 heads.
"""

import argparse
from collections.abc import Callable

import numpy as np
import torch

from minigpt.interpret import (
    aligned,
    attribute,
    embedding,
    held_out_windows,
    lens,
    neighbours,
    plane,
    surprise,
    walk,
    what_matters,
)
from minigpt.interpret.learned import token_losses
from minigpt.model import GPT, new_model
from minigpt.recipes import PRESETS
from minigpt.tokenizers import CharTokenizer
from tests.benchmarks.attention import TALES
from tests.benchmarks.timing import timed

TOKENS = 256
USUAL = ["classic", "modern", "gpt2"]
PARTS = (
    "lens", "attribution", "ablation", "surprise", "embeddings", "learned", "arithmetic",
)  # fmt: skip
LARGE = 16_384  # tokens, the largest vocabulary of BPE


def actions(model: GPT, ids: np.ndarray) -> dict[str, dict[str, Callable[[], object]]]:
    """What is timed of a model, by part."""
    read = ids[:TOKENS]
    many = np.random.default_rng(0).standard_normal((LARGE, model.config.n_embd))
    windows = held_out_windows(ids[-len(ids) // 10 :], model.config.block_size)
    return {
        "lens": {"all rows over 256 tokens": lambda: lens(model, read)},
        "attribution": {"all parts of one logit": lambda: attribute(model, read, int(ids[TOKENS]))},
        "ablation": {"what each part matters": lambda: what_matters(model, windows)},
        "surprise": {"surprise of 256 tokens": lambda: surprise(model, read)},
        "embeddings": {
            "tokens, as one snapshot shows them": lambda: laid_out(embedding(model)),
            "16,384 vectors of that width": lambda: laid_out(many),
        },
        "learned": {"one snapshot's losses": lambda: token_losses(model, windows)},
        "arithmetic": {"all numbers of a prediction": lambda: walk(model, read)},
    }


def laid_out(vectors: np.ndarray) -> None:
    """The plane of one moment, turned like the one before, and the neighbours of one vector."""
    found = plane(vectors)
    aligned(found.points, found.points[:, ::-1])
    neighbours(vectors, 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--presets", nargs="+", choices=PRESETS, default=USUAL)
    parser.add_argument(
        "--deep", action="store_true", help="6 layers of 6 heads, each as wide as before"
    )
    args = parser.parse_args()
    torch.set_num_threads(1)
    text = TALES.read_text()
    tokenizer = CharTokenizer.train(text)
    ids = tokenizer.encode_array(text)
    print(f"medians of {args.rounds}, on one thread")
    for name in args.presets:
        print(name)
        config = PRESETS[name].model(tokenizer.vocab_size)
        if args.deep:
            config = config.replace(n_layer=6, n_head=6, n_embd=6 * config.head_size)
        longer = config.replace(block_size=max(TOKENS, config.block_size))
        timings = actions(new_model(longer, seed=1), ids)
        for part in args.only:
            for what, action in timings[part].items():
                print(f"  {what:<36} {1000 * timed(action, args.rounds):7.1f} ms")


if __name__ == "__main__":
    main()
