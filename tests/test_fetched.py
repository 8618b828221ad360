"""What is made for a download stays until its browser has asked for it, and not for long."""

import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage

from minigpt import ui
from minigpt.ui import downloads


@pytest.fixture
def manager(monkeypatch) -> MediaFileManager:
    """Streamlit's own, of a server that the buttons of pages find."""
    found = MediaFileManager(MemoryMediaFileStorage("/media"))
    server = SimpleNamespace(media_file_mgr=found)
    found_there = SimpleNamespace(exists=lambda: True, get_instance=lambda: server)
    monkeypatch.setattr(downloads, "runtime", found_there)
    return found


def pressed(manager: MediaFileManager, make, name: str = "a.csv") -> str:
    """The id of the file that a press of a button makes, as the server does."""
    button = manager.add_deferred(make, "text/csv", "a place", name)
    return Path(manager.execute_deferred(button)).stem


def pages_are_drawn(manager: MediaFileManager) -> None:
    for _ in range(3):
        manager.remove_orphaned_files()


@pytest.mark.parametrize("made", ["größer", b"bytes"])
def test_a_file_is_there_for_who_asks_late_and_goes_after_a_while(manager, monkeypatch, made):
    """Without more ado Streamlit drops it."""
    file = pressed(manager, lambda: made)
    pages_are_drawn(manager)
    assert manager.read_file(file) is None
    monkeypatch.setattr(downloads, "HELD_SECONDS", 0.2)
    file = pressed(manager, lambda: downloads._held(made, "a.csv", "text/csv"))
    pages_are_drawn(manager)
    found = manager.read_file(file)
    assert found.content == (made if isinstance(made, bytes) else made.encode())
    assert found.filename == "a.csv"
    time.sleep(0.3)
    pages_are_drawn(manager)
    assert manager.read_file(file) is None


def test_files_asked_for_at_once_are_all_there(manager):
    files = [
        pressed(manager, lambda n=n: downloads._held(f"{n}", "a.csv", "text/csv"))
        for n in range(30)
    ]
    pages_are_drawn(manager)
    assert [manager.read_file(file).content.decode() for file in files] == [*map(str, range(30))]


def test_every_button_of_a_page_makes_its_file_so():
    buttons = [
        path.name
        for path in Path(ui.__file__).parent.rglob("*.py")
        if "st.download_button(" in path.read_text()
    ]
    assert buttons == ["downloads.py"]
