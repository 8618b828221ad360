"""Uploads that nobody takes are bounded in bytes and in time, and go when their browser has."""

import time
from io import BytesIO

import pytest
from streamlit import config
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from minigpt.config import InputError
from minigpt.limits import Limits
from minigpt.ui import untaken
from minigpt.ui.untaken import File, Waiting, look, too_many

MB = 1_000_000


@pytest.fixture
def manager() -> MemoryUploadedFileManager:
    """Streamlit's own, in which three sessions have a file of 10 bytes each."""
    found = MemoryUploadedFileManager("/upload")
    for session in "abc":
        bring(found, session, "1", 10)
    return found


def bring(manager: MemoryUploadedFileManager, session: str, file_id: str, size: int) -> None:
    file = UploadedFileRec(file_id, "x.txt", "text/plain", bytes(size))
    manager.add_file(session_id=session, file=file)  # as the server does


def sessions(manager: MemoryUploadedFileManager) -> list[str]:
    return [session for session in "abc" if manager.get_files(session, ["1"])]


def test_what_a_browser_left_behind_goes_after_a_while(manager, monkeypatch):
    monkeypatch.setattr(untaken, "LEFT_SECONDS", 0.1)
    waiting = Waiting()
    monkeypatch.setattr(untaken, "waiting", waiting)
    for session in "ab":
        waiting.put(session, "2", File("y.txt", b"yes"))
    left_at: dict[str, float] = {}
    look(manager, lambda session: session != "a", left_at)
    assert sessions(manager) == ["a", "b", "c"], "it may come back"
    time.sleep(0.12)
    look(manager, lambda session: session != "a", left_at)
    assert sessions(manager) == ["b", "c"]
    assert waiting.find("a", "2") is None and waiting.find("b", "2").data == b"yes"
    assert manager.get_stats() and not left_at


def test_a_browser_that_came_back_finds_its_file(manager, monkeypatch):
    monkeypatch.setattr(untaken, "LEFT_SECONDS", 0.1)
    left_at: dict[str, float] = {}
    look(manager, lambda session: session != "a", left_at)
    look(manager, lambda session: True, left_at)
    time.sleep(0.12)
    look(manager, lambda session: session != "a", left_at)
    assert sessions(manager) == ["a", "b", "c"]


def test_thirty_uploads_that_nobody_takes_stay_within_bounds(monkeypatch):
    """They took half a gigabyte, for as long as the session."""
    monkeypatch.setattr(untaken, "most_bytes", lambda: 120)
    manager = MemoryUploadedFileManager("/upload")
    for number in range(30):
        bring(manager, "a", str(number), 20)
    bring(manager, "b", "1", 20)
    look(manager, lambda session: True, {})
    kept = [file.file_id for file in manager.get_files("a", [str(n) for n in range(30)])]
    assert kept == ["27", "28", "29"] and manager.get_files("b", ["1"])


def test_no_upload_waits_for_a_look_to_be_too_much(manager, monkeypatch):
    monkeypatch.setattr(untaken, "most_bytes", lambda: 120)
    untaken.bound_each(manager)
    for number in range(30):
        bring(manager, "a", str(number), 20)
        kept = [file.file_id for file in manager.get_files("a", [str(n) for n in range(30)])]
        assert len(kept) <= 3 and str(number) in kept


def test_files_that_are_read_at_once_are_bounded_together(monkeypatch):
    """Each waits in line with all its bytes: forty took forty times as much."""
    monkeypatch.setattr(untaken, "most_bytes", lambda: 200)
    monkeypatch.setattr(untaken, "SMALL", 0)
    with untaken.reading(150), pytest.raises(InputError, match="bring it again"):  # one fits always
        untaken.reading(1).__enter__()
    with pytest.raises(KeyError), untaken.reading(60), untaken.reading(40):
        raise KeyError
    with untaken.reading(60), untaken.reading(40), pytest.raises(InputError):
        untaken.reading(1).__enter__()


def test_a_small_file_is_read_whatever_else_is():
    with untaken.reading(10**9), untaken.reading(untaken.SMALL), pytest.raises(InputError):
        untaken.reading(untaken.SMALL + 1).__enter__()


def test_where_texts_are_short_no_file_is_larger():
    """Ten uploads of 20 MB at once are there several times each, on a host of 1 GB too."""
    usual = config.get_option(untaken.LARGEST)
    try:
        untaken.limit(Limits.of_host(1_000))
        assert config.get_option(untaken.LARGEST) == 10
        assert untaken.most_bytes.__wrapped__() >= 20 << 20
        untaken.limit(Limits.of_host(8_000))
        assert config.get_option(untaken.LARGEST) == 10, "what was set lower stays"
    finally:
        config.set_option(untaken.LARGEST, usual)


def test_the_largest_upload_that_a_server_takes_waits_for_its_page_on_the_smallest_host(
    monkeypatch,
):
    """On a host of 1 GB a file between 20 MB and 20 MiB went before any page had seen it."""
    largest = 2**20 * config.get_option("server.maxUploadSize")
    monkeypatch.setenv("MINIGPT_MEMORY_MB", "500")
    monkeypatch.setattr(untaken, "most_bytes", untaken.most_bytes.__wrapped__)
    assert too_many({("a", "1"): largest, ("b", "1"): largest}) == []
    assert too_many({("a", "1"): largest, ("a", "2"): largest}) == [("a", "1")]


def test_the_largest_go_first():
    sizes = {("a", "1"): 50 * MB, ("b", "1"): 30 * MB, ("b", "2"): 30 * MB, ("c", "1"): 20 * MB}
    assert too_many(sizes) == [("b", "1")]
    assert too_many({("a", "1"): 61 * MB}) == [("a", "1")]
    assert too_many({("a", "1"): 60 * MB, ("b", "1"): 60 * MB}) == []


def test_a_file_waits_so_long_and_no_longer(monkeypatch):
    waiting = Waiting()
    waiting.put("a", "1", File("x.txt", b"some"))
    assert waiting.find("a", "1").name == "x.txt" and waiting.find("b", "1") is None
    monkeypatch.setattr(untaken, "WAIT_SECONDS", 0.0)
    assert waiting.find("a", "1") is None
    waiting.drop("a", "1")


def test_what_was_let_go_of_is_memory_that_comes_back():
    """Streamlit's file shares its bytes with the manager's record."""
    record = UploadedFileRec("1", "x.txt", "text/plain", bytes(8))
    assert BytesIO(record.data).getvalue() is record.data
