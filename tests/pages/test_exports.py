"""A run's file for who downloads it: what it costs, who waits, and what is said before."""

import threading
import time
import tracemalloc

import pytest
from streamlit.runtime.media_file_manager import MediaFileManager

from minigpt import bundle
from minigpt.config import InputError
from minigpt.limits import Limits
from minigpt.store import EVERYONE, Run
from minigpt.ui import exports, services
from tests.pages.visits import ask, opened, well


@pytest.fixture
def demo(store) -> Run:
    return next(run for run in store.runs(EVERYONE) if run.bundled)


@pytest.fixture
def all_is_large(monkeypatch):
    monkeypatch.setattr(exports, "LITTLE", 0)
    monkeypatch.setattr(exports, "BYTES_A_SECOND", 1e9)


def make(run: Run, who: str = "me", limits: Limits | None = None) -> bytes:
    return exports.make(run, limits or Limits(), who)


def wait_until(fact) -> None:
    until = time.monotonic() + 20
    while not fact():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_large_file_is_made_in_the_child_and_is_in_the_server_once(demo, all_is_large):
    make(demo)
    tracemalloc.start()
    size = len(make(demo))
    _, highest = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 4_000_000 and highest < 1.2 * size


def test_a_small_one_is_made_at_once_whoever_waits(demo):
    with exports._line.turn("another"):
        assert len(make(demo)) <= exports.LITTLE


@pytest.mark.parametrize("megabytes", [3, 4])
def test_what_a_page_gives_can_be_imported_again_where_it_was_made(demo, store, megabytes):
    limits = Limits(max_import_mb=megabytes)
    again = bundle.import_run(store, make(demo, limits=limits), "class", limits=limits)
    steps, kept = store.snapshot_steps(again), store.snapshot_steps(demo.id)
    assert 2 <= len(steps) < len(kept) and {kept[0], kept[-1]} <= {*steps} <= {*kept}


@pytest.mark.parametrize("memory_mb", [500, 1_000, 2_700, 8_000, 64_000])
def test_a_file_has_a_third_of_the_child_s_memory_with_all_its_copies_and_no_more(memory_mb):
    limits = Limits.of_host(memory_mb)
    assert 2 * exports.most_bytes(limits) <= 1e6 * limits.max_work_mb / 3
    assert exports.most_bytes(limits) <= 1e6 * limits.max_import_mb


def test_a_session_asks_for_two_at_most_and_few_wait(demo, all_is_large, monkeypatch):
    made = []
    threads = [threading.Thread(target=lambda: made.append(make(demo)))]
    with exports._line.turn("another"):
        threads[0].start()
        wait_until(lambda: len(exports._line._line) == 2)
        monkeypatch.setattr(exports, "MOST_WAITING", 1)
        with pytest.raises(InputError, match="2 others wait for a file already"):
            make(demo, "a third")
        monkeypatch.undo()
        monkeypatch.setattr(exports, "LITTLE", 0)
        threads.append(threading.Thread(target=lambda: made.append(make(demo))))
        threads[1].start()
        wait_until(lambda: len(exports._line._line) == 3)
        with pytest.raises(InputError, match="you have 2 pieces of heavy work"):
            make(demo)
    for thread in threads:
        thread.join()
    assert len(made) == 2
    wait_until(lambda: not exports._line._line)


@pytest.mark.parametrize("line", ["of files", "of heavy work"])
def test_a_place_in_line_is_kept_for_a_short_while(demo, all_is_large, monkeypatch, line):
    monkeypatch.setattr(exports, "PATIENCE", 0.1)
    child = services._server(services.home().resolve()).child
    busy, started = exports._line if line == "of files" else child, time.monotonic()
    with busy.turn("another"), pytest.raises(InputError, match="ask again in a minute"):
        make(demo)
    assert time.monotonic() - started < 3
    assert exports._line._line == child._line == []


def test_the_next_file_is_made_when_the_one_before_has_gone_out(demo, all_is_large, monkeypatch):
    monkeypatch.setattr(exports, "BYTES_A_SECOND", 1e7)
    started = time.monotonic()
    size = len(make(demo))
    make(demo, "another")
    assert time.monotonic() - started >= size / 1e7
    wait_until(lambda: not exports._line._line)


def button(page):
    buttons = [each.proto for each in page.get("download_button")]
    return next(each for each in buttons if each.label == "The run, as one file")


def test_the_button_asks_for_what_is_bounded(home_page, demo, monkeypatch):
    asked, calls = [], []
    monkeypatch.setattr(exports, "make", lambda *all: calls.append(all) or b"a file")
    add = MediaFileManager.add_deferred

    def noted(manager, make, kind, place, file_name, **more):
        asked.append((make, file_name))
        return add(manager, make, kind, place, file_name, **more)

    monkeypatch.setattr(MediaFileManager, "add_deferred", noted)
    opened(home_page, "pages/2_Train.py", demo.id)
    well(ask(home_page, "Download"))
    make_it = next(make for make, name in asked if name.endswith(".safetensors"))
    assert not button(home_page).disabled and make_it() == b"a file"
    ((run, limits, who),) = calls
    assert (run.id, limits) == (demo.id, Limits.from_environment()) and who


def test_what_does_not_go_into_a_file_is_said_beside_its_button(home_page, demo, monkeypatch):
    opened(home_page, "pages/2_Train.py", demo.id)

    def said() -> list[str]:
        well(ask(home_page, "Download"))
        words = [each.value for each in home_page.caption]
        return [each for each in words if "python -m minigpt export" in each]

    assert said() == []
    monkeypatch.setenv("MINIGPT_MAX_IMPORT_MB", "3")
    (told,) = said()
    assert told.startswith("4 of its 8 snapshots go into this file, of about 3 MB")
    assert not button(home_page).disabled
    monkeypatch.setenv("MINIGPT_MAX_IMPORT_MB", "1")
    (told,) = said()
    assert told.startswith("This run's file would have") and button(home_page).disabled
