"""Pages whose heavy work is done in the bounded child, and what they say where it is stopped."""

import threading
import time
from types import SimpleNamespace

import pytest
import torch
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests

from minigpt import bundle
from minigpt.corpus import LIBRARY
from minigpt.engine import works
from minigpt.engine.bounded import Bounded
from minigpt.store import EVERYONE, home
from minigpt.ui import services
from tests.pages.visits import SMALL, by_label, data_page, opened, start_training, well

TALES = LIBRARY["tales"].read()


@pytest.fixture(autouse=True)
def all_is_heavy(monkeypatch):
    monkeypatch.setattr(services, "LITTLE", 0)
    services._kept.clear()


def child() -> Bounded:
    return services._server(home().resolve()).child


def test_a_text_goes_through_the_child_from_its_file_to_its_run(home_page, store):
    opened(home_page, "pages/1_Data.py")
    body = TALES[:30_000] + "Ende gut.\n"
    home_page.file_uploader[0].set_value(("end.txt", body.encode(), "text/plain")).run()
    well(home_page)
    assert home_page.metric[0].value == f"{len(body):,}"
    home_page.session_state["tokenizer_kind"] = "bpe"
    by_label(home_page.toggle, "Lower-case everything").set_value(True).run()
    well(home_page)
    assert any("It changes" in caption.value for caption in home_page.caption)
    run_id = start_training(home_page, **SMALL)
    well(home_page)
    assert "BPE" in store.run(run_id).name
    assert child()._child is not None


def test_a_run_s_file_comes_in_through_the_child(home_page, store):
    opened(home_page, "pages/2_Train.py")
    uploader = home_page.file_uploader[0]
    uploader.set_value(("run.safetensors", bundle.DEMO.read_bytes(), "")).run()
    well(home_page)
    assert store.run(home_page.query_params["run"]).workspace == "class"


def test_a_file_that_takes_too_long_is_stopped_and_the_next_is_read(home_page, monkeypatch):
    """One page of a PDF can take longer than all that is looked at between two pages."""
    opened(home_page, "pages/1_Data.py")
    quick = works.WORKS["read"]._replace(seconds=0)
    with monkeypatch.context() as patch:
        patch.setitem(works.WORKS, "read", quick)
        home_page.file_uploader[0].set_value(("slow.pdf", b"%PDF-1.7 " * 400_000, "")).run()
    assert not home_page.exception
    (error,) = home_page.error
    assert error.value.startswith("Reading the file took longer than") and ".txt" in error.value
    home_page.file_uploader[0].set_value(("fine.txt", b"all is well here", "text/plain")).run()
    well(home_page)


def test_a_page_says_what_stopped_and_shows_what_it_can(home_page, monkeypatch):
    data_page(home_page, "Paste")
    home_page.text_area[0].set_value(TALES[:20_000]).run()
    monkeypatch.setitem(works.WORKS, "cut", works.WORKS["cut"]._replace(seconds=0))
    by_label(home_page.button, "Keep this text").click().run()
    assert not home_page.exception
    (error,) = home_page.error
    assert error.value.startswith("Cutting the text into tokens took longer than")
    assert home_page.metric[0].value == "20,000"


def test_what_two_pages_want_at_once_is_done_once(store, monkeypatch):
    text_id = store.add_text("class", "twice", TALES[:25_000])
    asked, ask = [], Bounded._ask
    monkeypatch.setattr(Bounded, "_ask", lambda *all: asked.append(all[4:]) or ask(*all))
    found = []
    with child().turn("another"):
        threads = [
            threading.Thread(target=lambda: found.append(services.statistics(text_id)))
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        until = time.monotonic() + 20
        while len(child()._line) < 3:
            assert time.monotonic() < until
            time.sleep(0.01)
    for thread in threads:
        thread.join()
    assert found[0] == found[1] and len(asked) == 1


def test_a_page_is_left_when_another_is_wanted_or_its_session_ends_but_not_by_a_change_on_it():
    for wanted, is_left in (("this one", False), ("", False), ("another", True)):
        asked = ScriptRequests()
        leaves = services._leaves(
            SimpleNamespace(script_requests=asked, page_script_hash="this one", session_id="me")
        )
        assert not leaves()
        asked.request_rerun(RerunData(page_script_hash=wanted))
        assert leaves() == is_left
    asked.request_stop()
    assert leaves()


def test_a_model_that_is_measured_gives_way_whenever_it_is_asked(home_page, store, monkeypatch):
    demo = store.run(next(run.id for run in store.runs(EVERYONE) if run.bundled))
    ways: list[int] = []
    with services.turn.taken():
        model = services.model(demo)
    monkeypatch.setattr(services.turn, "give_way", lambda: ways.append(1))
    model(torch.zeros(1, 2, dtype=torch.long))
    assert ways == [1]


def test_a_model_is_asked_in_turn_and_nobody_stands_in_another_line_with_it(home_page, store):
    demo = next(run for run in store.runs(EVERYONE) if run.bundled)
    with pytest.raises(RuntimeError, match="take the turn"):
        services.model(demo)
    services.close()  # and forgets what it knows
    with services.turn.taken():
        assert services.model(demo).config == demo.model
        with pytest.raises(RuntimeError, match="before the turn"):
            services.held_out(demo)
