"""Train: what a run is said to be and what can be asked of it agree, whatever was just asked."""

from dataclasses import replace
from itertools import product

import pytest

from minigpt.store import ACTIVE, Store
from tests.pages.visits import opened, well

SAID = {
    ("queued", "paused"): "pausing",
    ("running", "paused"): "pausing",
    **{(state, "stopped"): "stopping" for state in ACTIVE},
}
CAN = {
    "queued": {"Pause", "Stop"},
    "running": {"Pause", "Stop"},
    "pausing": {"Resume", "Stop"},
    "paused": {"Resume", "Stop", "One step"},
    "stopping": set(),
}


PAIRS = set(product(ACTIVE, ("running", "paused", "stopped"))) - {("paused", "running")}


@pytest.mark.parametrize("state, wish", sorted(PAIRS))
def test_the_badge_the_clock_and_the_buttons_say_one_thing(
    home_page, store, finished_run, monkeypatch, state, wish
):
    run = replace(store.run(finished_run), state=state, wish=wish)
    monkeypatch.setattr(Store, "run", lambda self, run_id: run)
    app = well(opened(home_page, "pages/2_Train.py", finished_run))
    said = SAID.get((state, wish), state)
    badges = [words.value for words in app.markdown if "-badge[" in words.value]
    assert len(badges) == 1 and badges[0].endswith(f" {said}]")
    steering = ("Pause", "Resume", "Stop", "One step")
    assert {b.label for b in app.button if b.label in steering and not b.disabled} == CAN[said]
    speed = next(metric for metric in app.metric if metric.label == "Tokens per second")
    assert said == "running" or speed.delta == said
