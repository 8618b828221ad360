from types import SimpleNamespace

import numpy as np
import pytest

from minigpt.config import GPTConfig, TrainConfig
from minigpt.engine import probe as probing
from minigpt.engine.probe import Prober
from minigpt.engine.speed import BUDGETS, LADDER, Speed, slowdown, work
from minigpt.memory import matrices
from minigpt.metrics import Metrics, Results
from minigpt.recipes import PRESETS
from minigpt.store import Store


@pytest.fixture
def speed() -> Speed:
    """A machine as fast as the one that `work` counts nanoseconds of."""
    return Speed({name: work(p.model(100), p.train) / 1e9 for name, p in PRESETS.items()})


def test_json_brings_back_the_same_speed(speed):
    assert Speed.from_json(speed.to_json()) == speed


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_takes_what_was_measured_of_it(name):
    speed = Speed({other: 0.1 + n for n, other in enumerate(PRESETS)})
    preset = PRESETS[name]
    assert speed.seconds_per_step(preset.model(100), preset.train) == pytest.approx(
        speed.seconds[name]
    )


@pytest.mark.parametrize(
    "more",
    [
        {"n_layer": 8}, {"n_embd": 256}, {"block_size": 512}, {"dropout": 0.1},
        {"activation": "gelu"}, {"vocab_size": 8_000},
    ],
    ids=lambda more: next(iter(more)),
)  # fmt: skip
def test_more_of_anything_takes_longer(speed, more):
    preset = PRESETS["modern"]
    usual = speed.seconds_per_step(preset.model(100), preset.train)
    shape = {**preset.shape, "vocab_size": 100, **more}
    assert speed.seconds_per_step(GPTConfig(**shape), preset.train) > usual
    assert speed.seconds_per_step(preset.model(100), preset.train.replace(batch_size=24)) > usual


@pytest.mark.parametrize("factor", [0.2, 1.0, 50.0])
def test_a_budget_is_kept_and_more_time_never_gives_a_smaller_model(speed, factor):
    machine = Speed({name: seconds / factor for name, seconds in speed.seconds.items()})
    weights = []
    for budget in BUDGETS:
        preset = machine.for_budget(budget)
        model = preset.model(100)
        taken = machine.seconds_per_step(model, preset.train) * preset.train.max_steps
        assert 0.7 * budget < taken <= budget or preset.train.max_steps == 1
        assert 1 <= preset.train.eval_interval <= preset.train.max_steps
        weights.append(matrices(model))
    assert weights == sorted(weights)
    assert weights[-1] > weights[0] or factor == 50.0


def test_the_smallest_model_is_for_who_has_no_time(speed):
    preset = speed.for_budget(0.001)
    assert preset.train.max_steps == 1
    assert preset.model(100).n_layer == LADDER[0][0]


def test_the_probe_times_every_preset_on_little(monkeypatch):
    monkeypatch.setattr(probing, "LONGEST", 1e6)
    found = probing.probe()
    assert found.seconds.keys() == PRESETS.keys()
    assert all(seconds > 0 for seconds in found.seconds.values())
    model, train = probing._short(PRESETS["baby"].model(100), PRESETS["baby"].train)
    assert (model.n_layer, train.batch_size) == (1, 1)


def test_what_fits_is_timed_whole():
    whole = GPTConfig(n_layer=1, n_embd=16), TrainConfig(batch_size=2)
    assert probing._short(*whole) == whole


@pytest.mark.parametrize(
    "paces, times",
    [
        ([], 1),
        ([(0.62, 0.1)], 6.2),
        ([(0.14, 0.1)], 1),
        ([(0.16, 0.1)], 1.6),
        ([(0.07, 0.1)], 1),
        ([(0.05, 0.1)], 0.5),
        ([(0.1, 0.1), (0.4, 0.1), (1.0, 0.5)], 2),
        ([(0.0, 0.1), (0.3, 0.0)], 1),
    ],
)
def test_steps_are_slowed_down_by_what_was_measured_against_what_was_said(paces, times):
    assert slowdown(paces) == pytest.approx(times)


def paced(store: Store, seconds: list[float]) -> float | None:
    """The pace of a run whose steps took so long."""
    run_id = store.create_run("me", "a run", None, "{}", GPTConfig(), TrainConfig())
    ends = np.cumsum(seconds)
    rows = [Metrics(n, n, 2.0, None, 0.1, 1.0, end) for n, end in enumerate(ends, 1)]
    store.record(run_id, Results(rows))
    return store.seconds_per_step(run_id)


def test_a_pace_is_that_of_the_last_minute(fresh_store):
    assert paced(fresh_store, []) is paced(fresh_store, [0.5]) is None
    assert paced(fresh_store, [9.0, 0.5]) == 0.5
    assert paced(fresh_store, [0.1] * 100 + [2.0] * 40) == pytest.approx(2.0)
    assert paced(fresh_store, [90.0, 70.0, 80.0]) == 80.0, "at least one whole step"
    assert paced(fresh_store, [1.0] * 50 + [0.01] * 9_000) == pytest.approx(0.01)
    assert paced(fresh_store, [1.0] * 900 + [0.01] * 1_000) == pytest.approx(60 / 1_050, rel=0.02)
    assert paced(fresh_store, [0.0] * 60) == 0.0


@pytest.fixture
def impatient(monkeypatch):
    """Measurements are due at once, and never fresh."""
    for name in ("AFTER_SECONDS", "AGAIN_SECONDS", "SOON_SECONDS"):
        monkeypatch.setattr(probing, name, 0.0)


def test_a_machine_is_measured_once(fresh_store, monkeypatch):
    presets = iter([("gpt2", 0.5), ("modern", 0.25)])
    monkeypatch.setattr(probing, "timed_presets", lambda: presets)
    monkeypatch.setattr(probing, "AFTER_SECONDS", 0.0)
    prober = Prober(fresh_store)
    for _ in range(3):
        assert fresh_store.speed() is None
        prober.turn(idle=False)
    _, body = fresh_store.speed()
    assert Speed.from_json(body).seconds == {"gpt2": 0.5, "modern": 0.25}
    before = fresh_store.speed()
    prober.turn(idle=True)
    Prober(fresh_store).turn(idle=True)
    assert fresh_store.speed() == before


def test_a_machine_is_measured_again_when_idle(fresh_store, monkeypatch, impatient):
    monkeypatch.setattr(probing, "timed_presets", lambda: iter([("gpt2", 0.5)]))
    prober = Prober(fresh_store)
    for _ in range(2):
        prober.turn(idle=True)
    first = fresh_store.speed()
    for _ in range(3):
        prober.turn(idle=False)
    assert fresh_store.speed() == first, "somebody trains"
    for _ in range(3):
        prober.turn(idle=True)
    assert fresh_store.speed()[0] > first[0]


@pytest.mark.parametrize(("share", "again"), [(0.4, True), (0.6, False)])
def test_a_disturbed_measurement_is_soon_made_again(
    fresh_store, monkeypatch, impatient, share, again
):
    """A measurement of a second, in which the worker has a share of one processor."""
    clock = SimpleNamespace(wall=0.0, processor=0.0)
    clock.monotonic, clock.process_time = lambda: clock.wall, lambda: clock.processor

    def presets():
        clock.wall += 1.0
        clock.processor += share
        yield "gpt2", 0.5

    monkeypatch.setattr(probing, "time", clock)
    monkeypatch.setattr(probing, "timed_presets", presets)
    monkeypatch.setattr(probing, "AGAIN_SECONDS", 600.0)
    prober = Prober(fresh_store)
    for _ in range(2):
        prober.turn(idle=True)
    first = fresh_store.speed()
    for _ in range(2):
        prober.turn(idle=True)
    second = fresh_store.speed()
    assert second != first, "the first measurement of all is never the last"
    for _ in range(2):
        prober.turn(idle=True)
    assert (fresh_store.speed() != second) == again


def test_speeds_are_kept_for_each_machine(tmp_path):
    now = 100.0
    store = Store(tmp_path, clock=lambda: now)
    store.keep_speed("here", "{}")
    now = 200.0
    store.keep_speed("there", '{"gpt2": 1.0}')
    assert store.speed("here") == (100.0, "{}")
    assert store.speed() == (200.0, '{"gpt2": 1.0}')
    assert store.speed("nowhere") is None
    store.close()
