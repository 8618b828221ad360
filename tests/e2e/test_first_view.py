"""What a visitor sees without scrolling, on a screen and on a phone, and that nothing is cut."""

import re

import pytest
from playwright.sync_api import Page, expect

from minigpt.config import GPTConfig, TrainConfig
from minigpt.store import Store
from minigpt.tokenizers import CharTokenizer
from tests.e2e.browser import (
    EXCEPTION,
    RIVER,
    TOKENS,
    ask,
    expect_state,
    settled,
    visit,
    wait_until,
    workspace_of,
)

SCREEN, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
NAME = "the river and the sea, a text with a long name, modern, width 8"


@pytest.fixture
def store(running_app) -> Store:
    store = Store(running_app.home)
    yield store
    for run in store.runs():
        if run.active:
            store.wish(run.id, "stopped")
    store.close()


def runs_of(page: Page, server: str, store: Store, *steps: int) -> list[str]:
    """Runs of the browser's own, on one text, of so many steps each."""
    visit(page, f"{server}/Train", "Train")
    workspace = workspace_of(page)
    text_id = store.add_text(workspace, NAME.split(", modern")[0], RIVER)
    tokenizer = CharTokenizer.train(RIVER)
    model = GPTConfig(
        tokenizer.vocab_size, block_size=16, n_layer=1, n_head=2, n_embd=8, activation="relu2",
        norm="rmsnorm",
    )  # fmt: skip
    return [
        store.create_run(
            workspace,
            f"{NAME}, run {i}",
            text_id,
            tokenizer.to_json(),
            model,
            TrainConfig(max_steps=most, batch_size=4, eval_interval=min(most, 500)),
        )
        for i, most in enumerate(steps)
    ]


@pytest.mark.parametrize("size", [SCREEN, PHONE], ids=["screen", "phone"])
def test_curve_pause_and_stop_are_in_the_first_view_while_a_run_trains(page, server, store, size):
    page.set_viewport_size(size)
    (run_id,) = runs_of(page, server, store, 100_000)
    visit(page, f"{server}/Train?run={run_id}", "Train")
    expect_state(page, "running")
    expect(page.locator("canvas").first).to_be_visible()
    for name in ("Pause", "Stop", "More"):
        box = page.get_by_role("button", name=name, exact=True).bounding_box()
        assert box["y"] + box["height"] < size["height"], name
    numbers = [metric.bounding_box() for metric in page.get_by_test_id("stMetric").all()]
    assert len({round(box["y"]) for box in numbers}) == 1, "one row"
    assert numbers[-1]["x"] + numbers[-1]["width"] <= size["width"]
    curve = page.locator("canvas").first.bounding_box()
    assert curve["y"] + 0.9 * curve["height"] <= size["height"]
    assert page.get_by_test_id("stMain").evaluate("main => main.scrollTop") == 0
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= size["width"], "nothing to scroll sideways"


CUT = """(root) => [...root.querySelectorAll("*")].filter((element) =>
  element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0 &&
  getComputedStyle(element).textOverflow === "ellipsis").map((element) => element.innerText)"""


@pytest.mark.parametrize("size", [SCREEN, PHONE], ids=["screen", "phone"])
def test_no_label_around_a_run_is_cut(page, server, store, size):
    page.set_viewport_size(SCREEN)
    shown, other = runs_of(page, server, store, 30, 40)
    for run_id in (shown, other):
        wait_until(page, lambda run_id=run_id: store.run(run_id).state == "finished")
    visit(page, f"{server}/Train?run={shown}", "Train")
    settled(page)
    choice = page.get_by_role("combobox", name=re.compile("Compare with"))

    def opens() -> bool:  # a list that the page's last redraw met as it opened is shut again
        choice.press("ArrowDown")
        return choice.get_attribute("aria-expanded") == "true"

    wait_until(page, opens)
    choice.press("ArrowDown")
    choice.press("Enter")
    choice.press("Escape")
    expect(page.locator(".js-plotly-plot")).to_have_count(2)
    page.set_viewport_size(size)
    page.wait_for_timeout(1_000)
    main = page.get_by_test_id("stMain")
    assert main.evaluate(CUT) == []
    # What a field of one line cuts stands under it once more: the text's name, the run's id.
    whole = f"{NAME}, run 0 · {shown[:4]}"
    expect(page.get_by_test_id("stSidebar").get_by_text(whole)).to_have_count(1)
    expect(
        main.get_by_text(re.compile(r"a text with a long name · [\d,]+ characters"))
    ).to_be_visible()
    for chart, names in zip(
        page.locator(".js-plotly-plot").all(),
        (["training", "validation", "uniform", "bigram", "trigram"], ["run 0", "run 1"]),
        strict=True,
    ):
        frame = chart.bounding_box()
        legend = chart.locator(".legendtext")
        expect(legend).to_have_count(len(names))
        for name, entry in zip(names, legend.all(), strict=True):
            box = entry.bounding_box()
            assert name in entry.text_content()
            assert frame["x"] <= box["x"] and frame["y"] <= box["y"], name
            assert box["x"] + box["width"] <= frame["x"] + frame["width"] + 1, name


def test_a_name_stands_under_its_field_only_where_the_field_cuts_it(page, server, store):
    (run_id,) = runs_of(page, server, store, 30)
    wait_until(page, lambda: store.run(run_id).state == "finished")
    sidebar = page.get_by_test_id("stSidebar")
    for name in ("iiiii, lilt, little till, fill it", "WWWWWW MMMMMM WWWWWW MM", "short", NAME):
        store.rename(run_id, name)
        visit(page, f"{server}/Generate?run={run_id}", "Generate")
        settled(page)
        field = sidebar.get_by_test_id("stSelectbox").locator("input").first
        expect(field).to_have_value(re.compile(name))
        cut = field.evaluate("field => field.scrollWidth > field.clientWidth")
        expect(sidebar.get_by_text(f"{name} · {run_id[:4]}")).to_have_count(int(cut))
        assert cut == (name in ("WWWWWW MMMMMM WWWWWW MM", NAME))


# As if the page's own part had not come yet: it listens to no tap, and says of no page it was here.
LATE = """
const listen = document.addEventListener
document.addEventListener = (kind, act, how) => {
  if (kind !== "click" || how !== true) listen.call(document, kind, act, how)
}
Object.defineProperty(window, "minigptPath", {get: () => undefined, set: () => {}})
"""


@pytest.mark.parametrize("late", [False, True], ids=["in time", "before the page is whole"])
def test_the_drawer_of_a_phone_closes_after_a_tap(page, server, late):
    page.set_viewport_size(PHONE)
    if late:
        page.add_init_script(LATE)
    visit(page, f"{server}/Train", "Train")
    settled(page)
    page.get_by_test_id("stExpandSidebarButton").click()
    sidebar = page.get_by_test_id("stSidebar")
    expect(sidebar).to_have_attribute("data-collapsed", "false")
    sidebar.get_by_role("link", name="Attention").click()
    expect(page.get_by_role("heading", name="Attention", level=1)).to_be_visible()
    expect(sidebar).to_have_attribute("data-collapsed", "true")
    assert page.locator(EXCEPTION).count() == 0


def test_a_panel_closes_says_what_happened_and_a_double_click_counts_once(page, server, store):
    (run_id,) = runs_of(page, server, store, 30)
    wait_until(page, lambda: store.run(run_id).state == "finished")
    before = len(store.runs())
    visit(page, f"{server}/Train?run={run_id}", "Train")
    ask(page, "Leave one out")
    panel = page.get_by_role("dialog")
    for ingredient in ("relu2", "rmsnorm"):
        panel.get_by_role("button", name=re.compile(ingredient)).click()
    panel.get_by_role("button", name="Train 2 runs").dblclick()
    expect(panel).to_have_count(0)
    expect(page.get_by_text("In line: without")).to_be_visible()
    expect(page.get_by_text("Along", exact=True)).to_be_visible()
    assert len(store.runs()) == before + 2

    ask(page, "Rename")
    panel.get_by_role("textbox", name="Name").fill("mine")
    panel.get_by_role("button", name="Keep this name").dblclick()
    expect(panel).to_have_count(0)
    expect(page.get_by_text("The run has its new name.")).to_be_visible()
    expect(page.get_by_role("heading", name="mine")).to_be_visible()
    assert page.locator(EXCEPTION).count() == 0


def test_share_says_what_to_do_where_the_address_stays_on_this_computer(page, server):
    visit(page, f"{server}/Train", "Train")
    ask(page, "Share")
    panel = page.get_by_role("dialog")
    expect(panel.get_by_text("Others cannot open this address")).to_be_visible()
    expect(panel.get_by_text("--server.address 0.0.0.0")).to_be_visible()  # it listens to 127.0.0.1


def test_the_new_text_of_a_long_prompt_is_in_the_first_view(page, server):
    visit(page, f"{server}/Generate", "Generate")
    expect(page.locator(TOKENS).first).to_be_visible()
    prompt = page.get_by_role("textbox", name="Prompt")
    prompt.fill("Once there was a lamp in the harbour.\n" * 300)
    prompt.press("Control+Enter")
    page.get_by_role("button", name="Write").click()
    expect(page.get_by_text("context holds 128")).to_be_visible()
    written = page.locator(TOKENS)
    expect(written.first).to_be_in_viewport()
