"""Train: the time a run takes, on a machine that is busier than when it was measured."""

import re
import time
from types import SimpleNamespace

import pytest

from minigpt.engine.speed import Speed, work
from minigpt.recipes import PRESETS
from minigpt.store import Wait
from minigpt.ui import services
from minigpt.ui.train import pace, watching
from tests.pages.visits import SMALL, opened, start_training, wait_for, well

SPEED = Speed({name: work(p.model(100), p.train) / 1e9 for name, p in PRESETS.items()})


@pytest.fixture
def running(home_page, store):
    """A run that trains, and has done so for some steps."""
    run_id = start_training(home_page, **{**SMALL, "Steps": 60_000})
    wait_for(store, run_id, "running")
    while store.run(run_id).step < 200:
        time.sleep(0.1)
    return run_id


def slower(store, run_id: str, times: float) -> Speed:
    """A probe that would have said so many times less than what a step takes now."""
    run = store.run(run_id)
    now = store.seconds_per_step(run_id) / SPEED.seconds_per_step(run.model, run.train)
    return Speed({name: seconds * now / times for name, seconds in SPEED.seconds.items()})


def test_an_estimate_goes_by_the_pace_of_what_trains(home_page, store, running, monkeypatch):
    for times, said in (
        (6.0, "busy with other work: a step takes"),
        (1.0, ""),
        (0.1, "faster than it was: a step takes"),
    ):
        speed = slower(store, running, times)
        monkeypatch.setattr(services, "speed", lambda speed=speed: speed)
        opened(home_page, "pages/2_Train.py", running)
        (words,) = (c.value for c in well(home_page).caption if "Its steps take about" in c.value)
        told = pace.differs(store.run(running), sharing=1)
        if said:
            assert said in words and "by which it would be" in words
            assert said in told and "by this pace the whole run takes about" in told
        else:
            assert told == ""
            assert "This machine is" not in words


@pytest.mark.parametrize("seconds", [0.2, 3, 9.6, 44, 89, 161, 640, 3_500, 9_000, 90_000])
def test_an_estimate_is_no_closer_than_it_is_known(home_page, monkeypatch, seconds):
    model, train = PRESETS["modern"].model(100), PRESETS["modern"].train
    speed = SPEED.seconds_per_step(model, train) * train.max_steps
    changed = Speed({name: each * seconds / speed for name, each in SPEED.seconds.items()})
    monkeypatch.setattr(services, "speed", lambda: changed)
    words = pace.estimate(model, train)
    number, unit = re.search(r"about \*\*([\d.]+) (s|min|h)\*\* on this machine", words).groups()
    said = float(number) * {"s": 1, "min": 60, "h": 3_600}[unit]
    assert abs(said - max(1, seconds)) <= 0.2 * max(1, seconds)
    assert len(number.replace(".", "")) <= 2
    assert "while nothing else keeps it busy" in words


def test_of_a_run_that_waits_for_certain_others_it_is_told_that_when_is_unclear(monkeypatch):
    for place, said in (
        (Wait(2, 60.0), "when there is room, in about 60 s. You may"),
        (Wait(2, None, "it takes much"), "room; when is unclear, for it takes much. You may"),
        (Wait(2, None), "it begins when there is room. You may"),
    ):
        told = []
        monkeypatch.setattr(watching, "wait", lambda *_, place=place: place)
        monkeypatch.setattr(watching.services, "store", lambda: None)
        monkeypatch.setattr(watching.st, "info", lambda words, icon, told=told: told.append(words))
        watching._place_in_line(SimpleNamespace(id="one"))
        assert said in told[0]
