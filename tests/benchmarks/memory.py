"""What a run takes in memory: as `minigpt.memory` says it before it begins, and as measured.

    python -m tests.benchmarks.memory

Each shape trains in a process of its own: three steps, a validation, a checkpoint. What the process
had at most, beyond what it had before, stands beside the estimate.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np

from minigpt import memory
from minigpt.config import GPTConfig, TrainConfig
from minigpt.recipes import PRESETS

TOKENS = 400_000
ODD = {
    "modern, BPE 2,048": ("modern", {"vocab_size": 2_048}, {}),
    "modern, BPE 16,384": ("modern", {"vocab_size": 16_384}, {}),
    "classic, 64 pieces": ("classic", {}, {"batch_size": 64}),
    "classic, dropout, 32 pieces": ("classic", {"dropout": 0.2}, {"batch_size": 32}),
    "classic, context 2,048": ("classic", {"block_size": 2_048}, {"batch_size": 8}),
    "classic, 64 heads of 2": ("classic", {"n_head": 64, "n_embd": 128}, {"batch_size": 8}),
    "gpt2, 256 pieces": ("gpt2", {}, {"batch_size": 256}),
    "gpt2, 256 pieces in 8 parts": ("gpt2", {}, {"batch_size": 256, "accumulation_steps": 8}),
    "gpt2, swiglu": ("gpt2", {"activation": "swiglu"}, {"batch_size": 128}),
    "gpt2, relu2": ("gpt2", {"activation": "relu2"}, {"batch_size": 128}),
    "gpt2, rmsnorm": ("gpt2", {"norm": "rmsnorm"}, {"batch_size": 128}),
    "gpt2, rope, QK-norm": ("gpt2", {"position": "rope", "qk_norm": True}, {"batch_size": 128}),
    "gpt2, 24 layers": ("gpt2", {"n_layer": 24, "n_embd": 64}, {"batch_size": 32}),
    "gpt2, width 512, 2 pieces": ("gpt2", {"n_embd": 512}, {"batch_size": 2}),
    "modern, width 512, 2 pieces": ("modern", {"n_embd": 512}, {"batch_size": 2}),
}  # fmt: skip


def configs(name: str) -> tuple[GPTConfig, TrainConfig]:
    if name in PRESETS:
        return PRESETS[name].model(100), PRESETS[name].train
    preset, shape, train = ODD[name]
    preset = PRESETS[preset]
    return preset.model(**{"vocab_size": 100, **shape}), preset.train.replace(**train)


def resident(field: str) -> int:
    """VmRSS, what this process has now, or VmHWM, the most it had, in bytes."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return 1_024 * int(found[1])


def train(model: GPTConfig, config: TrainConfig) -> int:
    """Bytes by which this process grows at most while it trains so."""
    import torch

    from minigpt import weights
    from minigpt.model import new_model
    from minigpt.trainer import Trainer

    torch.set_num_threads(1)

    def run(model: GPTConfig, config: TrainConfig) -> Trainer:
        ids = np.random.default_rng(0).integers(0, model.vocab_size, TOKENS).astype(np.uint16)
        cut = int(TOKENS * (1 - config.val_fraction))
        trainer = Trainer(new_model(model, 0), ids[:cut], ids[cut:], config)
        for _ in range(3):
            trainer.advance()
        weights.to_bytes(trainer.state())
        return trainer

    tiny = model.replace(n_layer=1, n_head=1, n_embd=4, block_size=8, vocab_size=10)
    few = config.replace(batch_size=1, accumulation_steps=1, eval_batches=1, eval_interval=2)
    run(tiny, few)  # loads what torch needs
    before = resident("VmRSS")
    run(model, config.replace(eval_interval=2))
    return resident("VmHWM") - before


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--only", nargs="+", choices=[*PRESETS, *ODD], default=[*PRESETS, *ODD])
    arguments.add_argument("--one", choices=[*PRESETS, *ODD], help=argparse.SUPPRESS)
    args = arguments.parse_args()
    if args.one:
        print(json.dumps(train(*configs(args.one))))
        return
    for name in args.only:
        command = [sys.executable, "-m", "tests.benchmarks.memory", "--one", name]
        measured = json.loads(subprocess.check_output(command))
        said = memory.of_run(*configs(name), TOKENS).total
        print(
            f"{name:28} {said / 1e6:6,.0f} MB said, {measured / 1e6:6,.0f} measured: "
            f"{said / measured:.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
