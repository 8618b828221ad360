"""Tokens per second of `Trainer` with the preset gpt2, beside nanoGPT at the same shape.

    python -m tests.benchmarks.training --nanogpt PATH_TO_A_NANOGPT_CHECKOUT

Both train in this process, in turns, with the same batch of 12 × 64 tokens, without evaluation;
the ratio is taken turn by turn, so a machine that slows down slows both.
"""

import argparse
import importlib.util
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from minigpt.config import PRESETS
from minigpt.trainer import Trainer
from minigpt.weights import new_model

VOCABULARY = 65


def our_step(ids: np.ndarray) -> Callable[[], object]:
    preset = PRESETS["gpt2"]
    config = preset.train.replace(max_steps=1_000_000, eval_interval=100_000)
    trainer = Trainer(new_model(preset.model(VOCABULARY), 1), ids, ids[:0], config)
    return trainer.advance


def nanogpt_step(path: Path, ids: np.ndarray) -> Callable[[], object]:
    """One step as nanoGPT's own train.py makes it on a CPU, with its recipe's settings."""
    spec = importlib.util.spec_from_file_location("nanogpt_model", path / "model.py")
    nanogpt = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(nanogpt)
    preset = PRESETS["gpt2"]
    shape, train = preset.model(VOCABULARY), preset.train
    T, B = shape.block_size, train.batch_size
    model = nanogpt.GPT(
        nanogpt.GPTConfig(
            block_size=T, vocab_size=VOCABULARY, n_layer=shape.n_layer, n_head=shape.n_head,
            n_embd=shape.n_embd, dropout=0.0, bias=shape.bias,
        )
    )  # fmt: skip
    optimizer = model.configure_optimizers(
        train.weight_decay, train.learning_rate, (train.beta1, train.beta2), "cpu"
    )
    data = ids.astype(np.uint16)

    def step() -> float:
        starts = torch.randint(len(data) - T, (B,))
        x, y = (
            torch.stack(
                [torch.from_numpy(data[i + s : i + s + T].astype(np.int64)) for i in starts]
            )
            for s in (0, 1)
        )
        _, loss = model(x, y)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), train.grad_clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    return step


def seconds_of(step: Callable[[], object], steps: int) -> float:
    start = time.perf_counter()
    for _ in range(steps):
        step()
    return time.perf_counter() - start


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--nanogpt", type=Path, required=True, help="a checkout of nanoGPT")
    arguments.add_argument("--rounds", type=int, default=15)
    arguments.add_argument("--steps", type=int, default=20, help="steps a round, each side")
    args = arguments.parse_args()
    torch.manual_seed(0)
    ids = np.random.default_rng(0).integers(0, VOCABULARY, 1_000_000)
    ours, theirs = our_step(ids), nanogpt_step(args.nanogpt, ids)
    seconds_of(ours, 5), seconds_of(theirs, 5)
    rounds = [
        (seconds_of(ours, args.steps), seconds_of(theirs, args.steps)) for _ in range(args.rounds)
    ]
    tokens = args.steps * PRESETS["gpt2"].train.batch_size * 64
    for name, times in zip(("minigpt", "nanoGPT"), zip(*rounds, strict=True), strict=True):
        print(f"{name}: {tokens / statistics.median(times):,.0f} tokens/s")
    ratios = sorted(theirs / ours for ours, theirs in rounds)
    print(
        f"minigpt / nanoGPT: median {statistics.median(ratios):.3f}, "
        f"{ratios[0]:.3f} to {ratios[-1]:.3f} over {len(ratios)} rounds"
    )


if __name__ == "__main__":
    main()
