"""Names are somebody's words: on every page they stand as they were written, and do nothing."""

import re

import pytest
from playwright.sync_api import Page

from minigpt import bundle
from minigpt.corpus import LIBRARY
from minigpt.store import EVERYONE, LIBRARY_SHELF, Store
from minigpt.ui.words import JOINER, plain
from tests.e2e.browser import PATHS, expect_state, unfold, visit

LINKS = "https://a.bc www.a.bc me@a.bc :+1: :100: :material/home: :red[r] :tada: $x^2$"
MARKS = "1. <b>h</b> &copy; [l](//a.bc) ![p](//a.bc/p.png) **b** `c` ~~s~~ [^1] -> -- x"
AT_THE_START = ["# a", "## a", "- a", "+ a", "* a", "> a", "12. a", "3) a", "---", "===", "| a |"]


@pytest.fixture(scope="module")
def named(running_app) -> tuple[Store, str, str]:
    """A text and two runs on it with such names, for everybody."""
    store = Store(running_app.home)
    tales = LIBRARY["tales"]
    store.add_text(LIBRARY_SHELF, LINKS, tales.read())
    runs = []
    for name in (LINKS, MARKS):
        runs.append(bundle.import_run(store, bundle.DEMO.read_bytes(), EVERYONE))
        store.rename(runs[-1], name)
    yield store, *runs
    for run_id in runs:
        store.delete_run(run_id)
    store.add_text(LIBRARY_SHELF, tales.title, tales.read())
    store.close()


def words_of(page: Page) -> str:
    return re.sub(r"\s+", " ", page.locator("body").inner_text().replace(JOINER, ""))


def expect_no_more_than_words(page: Page) -> None:
    assert page.locator("a[href*='a.bc'], a[href^='mailto:'], img[src*='a.bc']").count() == 0
    assert not {*"👍🎉💯©"} & {*words_of(page)}
    for tag in ("katex", "footnotes"):
        assert page.locator(f".{tag}").count() == 0


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("which", [0, 1])
def test_a_name_is_words_on_every_page(page, server, named, path, which):
    store, *runs = named
    visit(page, f"{server}/{path}?run={runs[which]}", re.compile(path or "Understand a GPT"))
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    if path == "Train":
        expect_state(page, "finished")
        unfold(page.get_by_role("combobox", name="Compare with"))
        page.get_by_role("option").first.click()
        page.locator("table").wait_for()
    name = store.run(runs[which]).name
    box = page.get_by_test_id("stSidebar").get_by_test_id("stSelectbox")
    assert name in box.locator("input").first.input_value()
    if path in ("", "Train"):
        main = page.get_by_test_id("stMain").inner_text().replace(JOINER, "")
        assert name in re.sub(r"\s+", " ", main)
    expect_no_more_than_words(page)


def test_a_name_that_begins_like_a_list_or_a_heading_is_words(page, server, named):
    store, run_id, _ = named
    before = store.run(run_id).name
    for name in AT_THE_START:
        store.rename(run_id, name)
        visit(page, f"{server}/Train?run={run_id}", "Train")
        heading = page.get_by_test_id("stMain").get_by_role("heading", level=3).first
        heading.wait_for()
        assert heading.inner_text().replace(JOINER, "").strip() == name
    store.rename(run_id, before)


def test_plain_words_stay_as_they_are():
    assert plain("Harbour tales, modern – 2 layers: 64 wide (0.5 nats)") == (
        "Harbour tales, modern – 2 layers: 64 wide (0.5 nats)"
    )
