"""What was measured of heads is measured once, and one at a time."""

import threading
import time
from types import SimpleNamespace

import pytest

from minigpt.config import InputError
from minigpt.ui import measured, services
from minigpt.ui.kept import Kept
from minigpt.ui.measured import Sample
from minigpt.ui.turn import Turn


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch):
    for name in ("_results", "_refusals"):
        monkeypatch.setattr(measured, name, Kept(1_000_000))


def test_ten_who_ask_at_once_have_it_measured_once_and_one_at_a_time():
    calls, busy, most = [], [], []

    def measure(name):
        busy.append(name)
        most.append(len(busy))
        time.sleep(0.02)
        calls.append(name)
        busy.remove(name)
        return name

    def ask(name):
        assert measured.once(name, lambda: measure(name)) == name

    asking = [threading.Thread(target=ask, args=[i % 3]) for i in range(10)]
    for one in asking:
        one.start()
    for one in asking:
        one.join()
    assert sorted(calls) == [0, 1, 2] and max(most) == 1


def test_what_could_not_be_measured_is_tried_again():
    def refuse():
        raise InputError("too short")

    for _ in range(2):
        with pytest.raises(InputError):
            measured.once("x", refuse)
    assert measured.once("x", lambda: 1) == 1


def test_the_oldest_results_are_let_go_of(monkeypatch):
    monkeypatch.setattr(measured, "_results", Kept(3_000))
    for i in range(5):
        measured.once(i, lambda: bytes(900))
    assert [i for i in range(5) if measured._results.known(i)] == [2, 3, 4]


def test_results_of_a_callers_own_are_bounded_and_push_out_nobody_elses():
    own = Kept(3_000)
    measured.once("kept", lambda: "theirs")
    for i in range(5):
        assert measured.once(i, lambda: bytes(900), own) == bytes(900)
    assert [i for i in range(5) if own.known(i)] == [2, 3, 4]
    assert measured._results.known("kept") == "theirs"


def test_a_short_measurement_goes_before_the_rest_of_a_long_one(monkeypatch):
    """A run of 48 × 64 heads kept everybody else's measurements waiting for two minutes."""
    turn, order = Turn(), []
    monkeypatch.setattr(services, "turn", turn)

    def work(name: str, seconds: float) -> str:
        until = time.thread_time() + seconds
        while time.thread_time() < until:
            sum(range(1_000))
            turn.give_way()
        order.append(name)
        return name

    long = threading.Thread(target=measured.once, args=["long", lambda: work("long", 1.0)])
    long.start()
    time.sleep(0.3)
    assert measured.once("short", lambda: work("short", 0.02)) == "short"
    assert order == ["short"]
    long.join()
    assert order == ["short", "long"]


def test_what_takes_too_long_is_stopped_and_not_tried_again(monkeypatch):
    turn, tries = Turn(), []
    monkeypatch.setattr(services, "turn", turn)
    monkeypatch.setattr(measured, "MOST_SECONDS", 0.05)

    def work() -> None:
        tries.append(1)
        while True:
            turn.give_way()

    for _ in range(2):
        with pytest.raises(InputError, match="fewer layers and heads"):
            measured.once("endless", work)
    assert len(tries) == 1
    assert measured.once("other", lambda: 1) == 1


def test_what_those_hold_that_are_under_way_is_bounded_for_all_together(monkeypatch):
    """Ten visitors who let ten large models write had all of them in memory."""
    turn, told = Turn(most_bytes=100), []
    monkeypatch.setattr("minigpt.ui.turn.ROOM_SECONDS", 0.2)
    ends, inside = threading.Event(), threading.Event()

    def first() -> None:
        with turn.taken():
            turn.hold("a model", 60, own=10)
            inside.set()
            while not ends.is_set():
                turn.give_way()

    def second(thing: str, size: int, own: int = 0) -> None:
        with turn.taken():
            try:
                turn.hold(thing, size, own)
                told.append(thing)
            except InputError as error:
                told.append(str(error))

    other = threading.Thread(target=first)
    other.start()
    inside.wait()
    second("a model", 60, 30)  # the same one is there once
    second("another", 31)
    second("no room at all", 90, 20)
    second("small", 30)
    ends.set()
    other.join()
    second("another", 100)
    assert told[0] == "a model" and told[3:] == ["small", "another"]
    assert "no room beside them" in told[1] and "about 0 MB" in told[2]


def test_what_waits_for_room_gets_it_as_soon_as_there_is_some():
    turn, order = Turn(most_bytes=100), []

    def ask(name: str, seconds: float) -> None:
        with turn.taken():
            turn.hold(name, 60)
            order.append(name)
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                turn.give_way()
                time.sleep(0.01)
        order.append(f"{name} ends")

    threads = [threading.Thread(target=ask, args=[name, 0.3]) for name in ("one", "two")]
    for thread in threads:
        thread.start()
        time.sleep(0.1)
    for thread in threads:
        thread.join()
    assert order == ["one", "one ends", "two", "two ends"]


def test_whoever_has_the_turn_has_it_for_what_it_needs_on_the_way(monkeypatch):
    monkeypatch.setattr(services, "turn", Turn())
    assert measured.once("outer", lambda: 1 + measured.once("inner", lambda: 1)) == 2


def test_a_run_whose_text_is_not_here_is_not_measured_for_ever_on_what_it_wrote_at_first(
    monkeypatch,
):
    """Watched from its beginning, a run was measured to its end on the gibberish of its first
    weights, at more bits than blind guessing takes."""
    at, run = [0], SimpleNamespace(id="a", workspace="w", text_id="t", active=True)
    store = SimpleNamespace(may_read=lambda *_: False, weights_step=lambda _: at[0])
    monkeypatch.setattr(services, "store", lambda: store)
    monkeypatch.setattr(measured, "_sample", lambda run, unseen: Sample(at[0], held_out=False))
    found = []
    for at[0] in (0, 100, 127, 128, 200):
        found.append(measured.sample(run).windows)
    assert found == [0, 100, 100, 128, 128]
    for run.active, at[0] in ((False, 200), (False, 250)):
        assert measured.sample(run).windows == at[0]
    about = "what", "a"
    assert measured.on_sample(about, run, lambda _: 1) == 1  # of this sample
    at[0] = 300
    assert measured.on_sample(about, run, lambda _: 2) == 2
