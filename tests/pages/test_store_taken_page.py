"""What the pages say when the store's file is taken away while they are looked at."""

from tests.pages.visits import PAGES, opened, well
from tests.test_store_together import locked_up, put_back, taken_away, unlocked

GONE = "store.sqlite was deleted or moved while it was in use: put it back and all goes on."


def test_every_page_says_that_the_file_is_gone_and_goes_on_once_it_is_back(home_page, store):
    taken_away(store)
    try:
        for page in PAGES:
            app = opened(home_page, page)
            assert not app.exception
            (error,) = app.error
            assert error.value.startswith(GONE)
    finally:
        put_back(store)
    well(home_page.run())


def test_a_page_is_drawn_from_a_file_that_is_read_only(home_page, store):
    locked_up(store)
    try:
        assert not opened(home_page, "pages/1_Data.py").exception
        assert any(title.value == "Data" for title in home_page.title)
    finally:
        unlocked(store)
