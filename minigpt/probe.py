"""How fast this machine trains, found out in about a second."""

import time
from collections.abc import Iterator

import numpy as np

from minigpt.config import PRESETS, GPTConfig, Preset, TrainConfig
from minigpt.devices import best_device
from minigpt.speed import USUAL_VOCABULARY, Speed, work
from minigpt.trainer import Trainer
from minigpt.weights import new_model

LONGEST = 5e7  # nanoseconds of `work`: of a preset with longer steps, a part is timed
REPEATS = 3  # at least, of a short step more
REPEATING_SECONDS = 0.15


def probe() -> Speed:
    """Times a step of every preset on the best device there is."""
    return Speed(dict(timed_presets()))


def timed_presets() -> Iterator[tuple[str, float]]:
    """Name and seconds of a step of each preset, one after the other."""
    for name, preset in PRESETS.items():
        yield name, _seconds_per_step(preset)


def _seconds_per_step(preset: Preset) -> float:
    whole = preset.model(USUAL_VOCABULARY), preset.train
    part = _short(*whole)
    model, train = part
    ids = np.random.default_rng(0).integers(0, model.vocab_size, 4 * model.block_size)
    trainer = Trainer(new_model(model, seed=0).to(best_device()), ids, ids[:0], train)
    trainer.advance()  # the first step also builds what the others use
    times: list[float] = []
    while len(times) < REPEATS or sum(times) < REPEATING_SECONDS:
        started = time.perf_counter()
        trainer.advance()
        times.append(time.perf_counter() - started)
    # The shortest counts: others' work only makes a step longer.
    return min(times) * work(*whole) / work(*part)


def _short(model: GPTConfig, train: TrainConfig) -> tuple[GPTConfig, TrainConfig]:
    """The same with as many pieces in a batch, and as many layers, as LONGEST allows."""
    share = min(1.0, LONGEST / work(model, train))
    train = train.replace(batch_size=max(1, int(train.batch_size * share)), accumulation_steps=1)
    if work(model, train) > 2 * LONGEST:
        model = model.replace(n_layer=1)
    return model, train
