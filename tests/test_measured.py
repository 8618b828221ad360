"""What was measured of heads is measured once, and one at a time."""

import threading
import time

import pytest

from minigpt.config import InputError
from minigpt.ui import measured
from minigpt.ui.kept import Kept


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch):
    monkeypatch.setattr(measured, "_results", Kept(1_000_000))


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
