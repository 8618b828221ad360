"""Each page: with the demo, with a run, with a disk that refuses."""

import pytest

from minigpt.store import StoreError
from minigpt.ui import services
from tests.pages.visits import PAGES, opened, well


@pytest.mark.parametrize("page", PAGES)
def test_every_page_shows_the_demo_before_anything_was_trained(home_page, page):
    app = well(opened(home_page, page))
    assert app.selectbox[0].options[0]


@pytest.mark.parametrize("page", PAGES)
def test_every_page_shows_a_trained_run(home_page, finished_run, page):
    well(opened(home_page, page, finished_run))


@pytest.mark.parametrize("page", PAGES)
def test_a_run_that_does_not_exist_is_one_sentence_and_the_demo(home_page, page):
    app = opened(home_page, page, "nonsense")
    assert not app.exception
    assert len(app.error) == 1
    assert "There is no run 'nonsense'" in app.error[0].value


def test_the_demo_is_found_by_the_name_that_it_has_on_the_command_line(home_page):
    well(opened(home_page, "pages/2_Train.py", "demo"))


@pytest.mark.parametrize("page", PAGES)
def test_a_disk_that_refuses_is_told_on_every_page(home_page, page, monkeypatch):
    monkeypatch.setattr(services, "trouble", lambda: "store.sqlite – the disk is full")
    app = opened(home_page, page)
    assert not app.exception
    assert "Training waits: store.sqlite – the disk is full." in app.error[0].value


def test_a_page_is_shown_even_when_the_look_at_it_cannot_be_written(home_page, store, monkeypatch):
    def refuse(run_id: str) -> None:
        raise StoreError("store.sqlite – the disk is full")

    monkeypatch.setattr(store, "look", refuse)
    app = opened(home_page, "pages/3_Attention.py")
    assert not app.exception
    assert app.error[0].value == "store.sqlite – the disk is full."
    assert app.text_area[0].value


@pytest.mark.parametrize("page", PAGES)
def test_no_field_takes_more_than_a_message_may_have(home_page, page):
    """A browser keeps to it, so that no message of a person's is refused; and the server cuts what
    comes from elsewhere, for it keeps it as long as the session."""
    home_page.session_state["source"] = "Paste"
    opened(home_page, page)
    fields = [*home_page.text_area, *home_page.text_input]
    assert fields or page in ("pages/2_Train.py", "pages/5_Inside.py"), page
    for field in fields:
        assert 0 < field.proto.max_chars <= 1_000_000, field.label
