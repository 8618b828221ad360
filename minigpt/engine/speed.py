"""How long a training will take on this machine, from what a probe measured. No torch.

The probe times a step of every preset; another model is compared with the preset most like it, by
the arithmetic that both have to do.
"""

import json
import math
import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Self

from minigpt.config import GPTConfig, TrainConfig
from minigpt.counting import counted
from minigpt.memory import matrices
from minigpt.recipes import PRESETS, Preset

USUAL_VOCABULARY = 100  # of the models that are timed
BUDGETS = (10, 60, 300, 1_800)  # seconds
TOKENS_PER_WEIGHT = 2  # that a model should read at least, to be worth its size
SAME_PACE = 1.5  # steps within so many times the probe's take what it said: it is no closer
PACED_STEPS = 10  # after so many the pace of a run is known
HEADROOM = 0.9  # of a budget is for steps; the rest for measuring and writing samples
MEASUREMENTS = 20  # on unseen text, in all
FLOPS_PER_NANOSECOND = 100
# Nanoseconds for each number of the residual stream, forward and backward.
NORM = {"layernorm": 1.6, "rmsnorm": 6.0}
ACTIVATION = {"gelu": 18.0, "relu2": 5.0, "swiglu": 10.0}
# What to train in little time and in much: layers, heads, width, context, batch.
LADDER = (
    (2, 1, 64, 64, 32),
    (4, 4, 96, 128, 16),
    (4, 2, 128, 256, 8),
    (4, 3, 192, 256, 8),
    (6, 4, 256, 256, 12),
    (6, 6, 384, 256, 32),
    (8, 8, 512, 256, 48),
)


@dataclass(frozen=True)
class Speed:
    """Seconds of one training step of each preset, without validation."""

    seconds: Mapping[str, float]

    def to_json(self) -> str:
        return json.dumps(dict(self.seconds))

    @classmethod
    def from_json(cls, text: str) -> Self:
        return cls(json.loads(text))

    @classmethod
    def supposed(cls) -> Self:
        """That of the machine on which the terms of `work` were timed: for one that has not been
        measured yet."""
        return cls({name: _work_of(preset) / 1e9 for name, preset in PRESETS.items()})

    def seconds_to_measure(self, model: GPTConfig, train: TrainConfig, tokens: int) -> float:
        """About how long it takes to measure the loss on unseen text, of a text of so many tokens:
        that goes forward only, a third of a step a batch."""
        batches = tokens * train.val_fraction / (train.batch_size * model.block_size)
        return self.seconds_per_step(model, train) * min(batches, train.eval_batches) / 3

    def seconds_per_step(self, model: GPTConfig, train: TrainConfig) -> float:
        """About how long a step takes when nothing else trains."""
        own = work(model, train)
        anchors = {name: _work_of(PRESETS[name]) for name in self.seconds if name in PRESETS}
        nearest = min(
            anchors,
            key=lambda name: (
                PRESETS[name].train.optimizer != train.optimizer,
                abs(math.log(anchors[name] / own)),
            ),
        )
        return self.seconds[nearest] * own / anchors[nearest]

    def for_budget(
        self,
        seconds: float,
        vocab_size: int = USUAL_VOCABULARY,
        possible: Callable[[GPTConfig, TrainConfig], bool] = lambda model, train: True,
    ) -> Preset:
        """A modern model and its training that take about so long: the largest of the ladder that
        is possible here and still reads enough, or the smallest where none does."""
        for rung in reversed(LADDER):
            preset, model = _on(rung), _on(rung).model(vocab_size)
            if not possible(model, preset.train) and rung != LADDER[0]:
                continue
            per_step = self.seconds_per_step(model, preset.train)
            steps = max(1, int(HEADROOM * seconds / per_step))
            tokens = steps * preset.train.batch_size * model.block_size
            if tokens >= TOKENS_PER_WEIGHT * matrices(model) or rung == LADDER[0]:
                break
        train = preset.train.replace(
            max_steps=steps, eval_interval=max(1, round(steps / MEASUREMENTS))
        )
        return replace(preset, train=train)


def slowdown(paces: Iterable[tuple[float, float]]) -> float:
    """How many times as long as the probe said a step takes by now, on a machine that other work
    may keep busy; 1 where they agree or nothing trains.

    `paces` are seconds a step of what trains: as measured, and as the probe says.
    """
    ratios = [measured / said for measured, said in paces if measured and said]
    ratio = statistics.median(ratios) if ratios else 1.0
    return ratio if not 1 / SAME_PACE <= ratio <= SAME_PACE else 1.0


def _on(rung: tuple[int, ...]) -> Preset:
    n_layer, n_head, n_embd, block_size, batch_size = rung
    modern = PRESETS["modern"]
    return Preset(
        f"The largest model that learns well in that time: {counted(n_layer, 'layer')}, "
        f"width {n_embd}, context {block_size}.",
        {
            **modern.shape,
            "n_layer": n_layer,
            "n_head": n_head,
            "n_embd": n_embd,
            "block_size": block_size,
        },
        modern.train.replace(batch_size=batch_size),
    )


def work(model: GPTConfig, train: TrainConfig) -> float:
    """What one training step costs, in nanoseconds of the two cores on which its terms were timed;
    only their relations matter, for the probe tells how fast this machine is."""
    N, C, T = train.batch_size * model.block_size, model.n_embd, model.block_size
    weights = matrices(model)
    matmul = 6 * N * (weights + C * model.vocab_size) / FLOPS_PER_NANOSECOND
    attention = N * T * (0.12 * C + 2.8 * model.n_head)
    a_layer = 2 * NORM[model.norm] + ACTIVATION[model.activation] + 4
    a_layer += (NORM[model.norm] + 1) * model.qk_norm + 3 * (model.position == "rope")
    a_layer += 30 * (model.dropout > 0)  # drawing at random is slow
    optimizer = 3 * model.num_parameters()
    if train.optimizer == "muon":
        optimizer += 180 * model.n_layer * C**3 / FLOPS_PER_NANOSECOND  # Newton-Schulz
    calls = 1e6 + 4e5 * model.n_layer  # of Python and of kernels, however small the tensors
    return matmul + model.n_layer * (attention + N * C * a_layer) + optimizer + calls


def _work_of(preset: Preset) -> float:
    return work(preset.model(USUAL_VOCABULARY), preset.train)
