"""How fast this machine trains, found out in about a second."""

import platform
import time
from collections.abc import Iterator

import numpy as np
import torch

from minigpt import host
from minigpt.config import GPTConfig, TrainConfig
from minigpt.devices import best_device
from minigpt.engine.speed import USUAL_VOCABULARY, Speed, work
from minigpt.model import new_model
from minigpt.recipes import PRESETS, Preset
from minigpt.store import Store
from minigpt.trainer import Trainer

LONGEST = 5e7  # nanoseconds of `work`: of a preset with longer steps, a part is timed
REPEATS = 3  # at least, of a short step more
REPEATING_SECONDS = 0.15
AFTER_SECONDS = 4.0  # until then somebody may wait for a first page
AGAIN_SECONDS = 600.0
SOON_SECONDS = 10.0  # after the first, or when others had most of the processor


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


class Prober:
    """Keeps in the store how fast this machine trains: measures it where that is not known, and
    then again now and then.

    Preset by preset, so that wishes and runs need not wait for all of them.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._machine = f"{platform.node()}, {torch.get_num_threads()} threads, {best_device()}"
        self._look_at = time.monotonic() + AFTER_SECONDS
        self._fresh_for = AGAIN_SECONDS
        self._begin()

    def _begin(self) -> None:
        self._presets = timed_presets()
        self._seconds: dict[str, float] = {}
        self._undisturbed = 0.0  # seconds of the processor above half of those that it took

    def turn(self, *, idle: bool) -> None:
        """Times one preset more, if a measurement is due. Only a machine that was never measured
        is measured while others train, not `idle`. Raises StoreError."""
        if time.monotonic() < self._look_at:
            return
        known = self._store.speed(self._machine)
        fresh = known and self._store.clock() - known[0] < self._fresh_for
        if fresh or (known and not idle):
            self._look_at = time.monotonic() + self._fresh_for / 10
            return
        processor, wall = time.process_time(), time.monotonic()
        if timed := next(self._presets, None):
            self._undisturbed += time.process_time() - processor
            self._undisturbed -= (time.monotonic() - wall) / 2
            self._seconds |= [timed]
            return
        host.give_back()  # what steps of the largest preset took
        self._store.keep_speed(self._machine, Speed(self._seconds).to_json())
        # The first falls into the busy start of a server, and of a browser beside it.
        disturbed = not known or self._undisturbed < 0
        self._fresh_for = SOON_SECONDS if disturbed else AGAIN_SECONDS
        self._begin()
