"""Heavy work in a child: what it returns, what stops it, who waits for it, and when it ends."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from minigpt.config import InputError, SettingError
from minigpt.engine import bounded
from minigpt.engine.bounded import Bounded, Work

MEMORY = 300  # MB


@pytest.fixture(scope="module")
def shared() -> Bounded:
    child = Bounded(MEMORY, works="tests.heavy")
    yield child
    child.close()


def work(name: str, seconds: float = 20) -> Work:
    return Work(name, "counting", "take a shorter text", seconds)


def ask(child: Bounded, name: str, *arguments, seconds: float = 20):
    with child.turn("me") as asks:
        return asks(work(name, seconds), *arguments)


def alive(pid: int) -> bool:
    try:
        return "(zombie)" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def gone(pid: int, within: float) -> bool:
    until = time.monotonic() + within
    while alive(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not alive(pid)


def test_a_child_returns_what_it_is_given(shared):
    array = np.arange(6, dtype=np.uint16).reshape(2, 3)
    found = ask(shared, "echo", {"a": [1, None, "ö\ud800"]}, b"\0\xff", array, np.empty((0, 2)))
    assert found[:2] == [{"a": [1, None, "ö\ud800"]}, b"\0\xff"]
    assert found[2].dtype == np.uint16 and (found[2] == array).all()
    assert found[3].shape == (0, 2)


def test_one_child_serves_one_work_after_the_other(shared):
    first = ask(shared, "process")
    assert first == ask(shared, "process") != os.getpid()


def test_a_refusal_comes_out_as_it_was_said(shared):
    with pytest.raises(InputError, match=r"^it is empty: bring another$"):
        ask(shared, "refuse", "it is empty: bring another")
    with pytest.raises(SettingError) as caught:
        ask(shared, "refuse_setting", "{n_embd} is 10")
    assert caught.value.called({"n_embd": "Width"}) == "Width is 10"


def test_a_fault_of_ours_is_raised_with_the_child_s_traceback(shared):
    with pytest.raises(RuntimeError, match=r"in fail\n[^$]*a fault of ours"):
        ask(shared, "fail")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("fill", [2 * MEMORY]), ("fill_by_strings", [2 * MEMORY]), ("abort", []), ("killed", [])],
    ids=["numpy", "Python", "abort", "killed"],
)
def test_what_takes_too_much_memory_or_dies_is_one_sentence_and_the_next_work_is_done(
    shared, name, arguments
):
    with pytest.raises(InputError) as caught:
        ask(shared, name, *arguments)
    assert str(caught.value) == (
        f"counting ended for want of memory, of which there are {MEMORY} MB for it here: take a "
        "shorter text"
    )
    assert ask(shared, "fill", 10) == 10 << 20


def test_a_request_larger_than_the_child_s_memory_is_refused_too(shared):
    with pytest.raises(InputError, match="want of memory"):
        ask(shared, "echo", bytes(2 * MEMORY << 20))
    assert ask(shared, "echo", 1) == [1]


def test_what_takes_too_long_is_stopped_whatever_it_does(shared):
    started = time.monotonic()
    with pytest.raises(InputError, match=r"^counting took longer than 1 s, .* take a shorter text"):
        ask(shared, "sleep", 30, seconds=0.6)
    assert time.monotonic() - started < 3
    assert ask(shared, "echo", 1) == [1]


def wait_until(fact) -> None:
    until = time.monotonic() + 20
    while not fact():
        assert time.monotonic() < until
        time.sleep(0.01)


def in_a_thread(act) -> threading.Thread:
    thread = threading.Thread(target=act)
    thread.start()
    return thread


def stand_in_line(child: Bounded, who: str, heard: list[int]) -> None:
    with child.turn(who, heard.append):
        pass


def test_who_waits_is_told_how_many_are_before_and_comes_in_turn(shared):
    heard, done = {"b": [], "c": []}, []

    def wait(who: str) -> None:
        with shared.turn(who, heard[who].append) as asks:
            done.append(asks(work("echo"), who)[0])

    with shared.turn("a"):
        threads = []
        for who in heard:
            threads.append(in_a_thread(lambda who=who: wait(who)))
            wait_until(lambda who=who: heard[who])
    for thread in threads:
        thread.join()
    assert done == ["b", "c"]
    assert heard["b"][0] == 1 and heard["c"][0] == 2


def test_a_page_that_was_left_gives_up_its_place(shared):
    class Left(BaseException):
        """As Streamlit ends a script."""

    def leave(before: int) -> None:
        raise Left

    with shared.turn("a"):
        with pytest.raises(Left), shared.turn("b", leave):
            pytest.fail("it is not b's turn")
        heard = []
        thread = in_a_thread(lambda: stand_in_line(shared, "c", heard))
        wait_until(lambda: heard)
        assert heard == [1]
    thread.join()


def test_a_work_whose_page_was_left_is_given_up_and_the_line_moves(shared):
    class Left(BaseException):
        """As Streamlit ends a script."""

    def leave(before: int) -> None:
        raise Left

    left, ended = threading.Event(), []

    def wait() -> None:
        with pytest.raises(Left), shared.turn("a", leave, left.is_set) as asks:
            asks(work("sleep"), 15)
        ended.append(time.monotonic())

    thread = in_a_thread(wait)
    wait_until(lambda: shared._child is not None)
    heard, started = [], time.monotonic()
    other = in_a_thread(lambda: stand_in_line(shared, "b", heard))
    wait_until(lambda: heard)
    left.set()
    thread.join()
    other.join()
    assert ended[0] - started < 4 and ask(shared, "echo", 1) == [1]


def test_what_writes_into_the_store_is_done_also_for_who_has_left(shared):
    with shared.turn("a", left=lambda: True) as asks:
        assert asks(work("sleep")._replace(stays=True), 1) is None
        with pytest.raises(InputError, match="counting was given up, for its page was left"):
            asks(work("sleep"), 15)


def test_the_line_is_short_and_nobody_has_much_of_it(shared, monkeypatch):
    monkeypatch.setattr(bounded, "MOST_WAITING", 3)
    threads, heard = [], []
    with shared.turn("a"):
        threads.append(in_a_thread(lambda: stand_in_line(shared, "a", heard)))
        wait_until(lambda: len(heard) >= 1)
        with pytest.raises(InputError, match="you have 2 pieces of heavy work"), shared.turn("a"):
            pytest.fail("a third of one visitor")
        for who in "bc":
            threads.append(in_a_thread(lambda who=who: stand_in_line(shared, who, heard)))
        wait_until(lambda: 3 in heard)
        with pytest.raises(InputError, match="3 visitors wait"), shared.turn("d"):
            pytest.fail("one more than there is room for")
    for thread in threads:
        thread.join()


def test_an_idle_child_leaves_and_the_next_work_gets_a_new_one():
    child = Bounded(MEMORY, works="tests.heavy", idle_seconds=0.3)
    try:
        first = ask(child, "process")
        assert gone(first, within=5)
        assert ask(child, "process") != first
    finally:
        child.close()


def test_a_child_that_holds_much_after_its_work_makes_room_for_a_new_one(shared):
    first = ask(shared, "process")
    ask(shared, "hoard", MEMORY // 4)
    assert ask(shared, "process") == first
    ask(shared, "hoard", MEMORY // 2)
    assert ask(shared, "process") != first


def test_a_child_ends_with_its_server_even_in_the_middle_of_a_work():
    """The server is killed, so that it can tell nobody."""
    server = subprocess.Popen(
        [sys.executable, "-c",
         "from minigpt.engine.bounded import Bounded, Work\n"
         f"with Bounded({MEMORY}, works='tests.heavy').turn('me') as asks:\n"
         "    print(asks(Work('process', '', '')), flush=True)\n"
         "    asks(Work('sleep', '', ''), 50)"],
        cwd=Path(__file__).resolve().parents[1], stdout=subprocess.PIPE,
    )  # fmt: skip
    with server:
        child = int(server.stdout.readline())
        assert alive(child)
        server.send_signal(signal.SIGKILL)
    assert gone(child, within=3)


def test_a_child_is_ended_on_request(shared):
    child = ask(shared, "process")
    shared.close()
    assert not alive(child)
    assert ask(shared, "process") != child
