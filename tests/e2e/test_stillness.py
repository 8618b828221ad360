"""A page that lives moves nothing by itself: not as points come in, not as a run changes its state.

All that happens here happens without the visitor's hand, as when another tab asks for it.
"""

from itertools import pairwise

import pytest
from playwright.sync_api import expect

from minigpt.config import GPTConfig, TrainConfig
from minigpt.store import Store
from minigpt.tokenizers import CharTokenizer
from tests.e2e.browser import (
    EXCEPTION,
    RIVER,
    expect_state,
    step_on_screen,
    visit,
    wait_until,
    workspace_of,
)
from tests.servers import app_server

SLOW_AFTER = 2.0  # seconds of training, instead of 30
PATIENT = f"""
from minigpt.ui.train import watching
watching.QUICK_SECONDS, watching.PACE_SECONDS = {SLOW_AFTER}, 4.0
"""
# Every 50 ms, where all that a person may look at or press stands; and what Chromium counts as a
# shift, but for words that change inside a room of their own: what the curve says, and the plan for
# a new run with its estimate. One line a frame that differs from the one before.
WATCH = """() => {
  const shown = {
    heading: ".st-key-run-heading", more: ".stMenuButton", steering: ".st-key-steering",
    numbers: ".st-key-numbers", curve: ".st-key-curve", words: ".st-key-curve-words",
    sample: ".st-key-sample", compare: ".stMultiSelect", start: ".stButton [kind=primary]",
  }
  window.seen = []
  window.told = []  // what stood there, for whoever has to find out why
  window.shifts = []
  const look = () => {
    const boxes = Object.entries(shown).map(([name, selector]) => {
      const found = document.querySelector("[data-testid=stMain]").querySelector(selector)
      if (!found) return [name, null]
      const box = found.getBoundingClientRect()
      return [name, [box.left, box.top, box.width, box.height].map(Math.round)]
    })
    const main = document.querySelector("[data-testid=stMain]")
    const line = JSON.stringify({ ...Object.fromEntries(boxes), scroll: main.scrollTop })
    if (window.seen.at(-1) === line) return
    window.seen.push(line)
    window.told.push(main.innerText.slice(0, 600))
  }
  look()
  setInterval(look, 50)
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const inside = ".st-key-plan, .st-key-curve-words"
      const moved = entry.sources.filter(({ node, previousRect: a, currentRect: b }) =>
        Math.max(Math.abs(a.x - b.x), Math.abs(a.y - b.y)) >= 1 &&  // a pixel or more
        !(node instanceof Text ? node.parentElement : node)?.closest(inside))
      if (moved.length) window.shifts.push({ value: entry.value, what: moved.map(
        ({ node, previousRect: a, currentRect: b }) =>
          `${node?.className ?? node?.nodeName} ${a.x},${a.y} ${a.width}x${a.height} -> ` +
          `${b.x},${b.y} ${b.width}x${b.height}`) })
    }
  }).observe({ type: "layout-shift" })
}"""


@pytest.fixture(scope="module")
def patient(tmp_path_factory):
    """A server whose pages slow down soon, and its store."""
    home = tmp_path_factory.mktemp("still")
    with app_server(home, before=PATIENT) as server:
        store = Store(home)
        yield server.address, store
        store.close()


def run_on(store: Store, workspace: str, text_id: str, steps: int, name: str) -> str:
    """A small run of that workspace, in line."""
    tokenizer = CharTokenizer.train(store.text(text_id))
    model = GPTConfig(tokenizer.vocab_size, block_size=16, n_layer=1, n_head=2, n_embd=8)
    train = TrainConfig(max_steps=steps, batch_size=4, eval_interval=min(steps, 500))
    return store.create_run(workspace, name, text_id, tokenizer.to_json(), model, train)


@pytest.mark.parametrize("width, height, scrolled", [(1440, 900, 60), (390, 844, 300)])
def test_nothing_moves_from_the_first_step_to_the_last(page, patient, width, height, scrolled):
    address, store = patient
    page.set_viewport_size({"width": width, "height": height})
    visit(page, f"{address}/Train", "Train")
    workspace = workspace_of(page)
    text_id = store.add_text(workspace, "river", RIVER)
    run_on(store, workspace, text_id, 20, "river, the first one")
    run_id = run_on(store, workspace, text_id, 100_000, "river, the second one")
    store.wish(run_id, "paused")
    wait_until(page, lambda: store.run(run_id).state == "paused")
    assert store.run(run_id).step == 0

    visit(page, f"{address}/Train?run={run_id}", "Train")
    expect_state(page, "paused")
    expect(page.get_by_text("Compare with")).to_be_visible()
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    page.get_by_test_id("stMain").evaluate(f"main => main.scrollTo(0, {scrolled})")
    page.wait_for_timeout(1_500)  # fonts, and the machine's being measured
    page.evaluate(WATCH)

    store.wish(run_id, "running")
    wait_until(page, lambda: step_on_screen(page) > 0)  # the first points and the first sample
    expect(page.locator("canvas").first).to_be_visible()
    expect(page.get_by_text("What it writes at step")).to_be_visible()
    wait_until(page, lambda: store.curves(run_id).seconds[-1] > SLOW_AFTER)
    page.wait_for_timeout(8_000)  # the slow pace comes, and its first tick
    for wish, state in (("paused", "paused"), ("running", "running"), ("stopped", "stopped")):
        store.wish(run_id, wish)
        expect_state(page, state)
        page.wait_for_timeout(1_000)
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    page.wait_for_timeout(1_000)

    seen, told, shifts = page.evaluate("[window.seen, window.told, window.shifts]")
    assert len(seen) == 1, "\n".join(map(str, zip(seen, told, strict=True)))
    assert not shifts, "\n".join(map(str, shifts))
    assert f'"scroll":{scrolled}' in seen[0]
    assert page.locator(EXCEPTION).count() == 0


def test_the_page_slows_down_without_being_drawn_anew(page, patient):
    address, store = patient
    visit(page, f"{address}/Train", "Train")
    workspace = workspace_of(page)
    text_id = store.add_text(workspace, "slow river", RIVER + "It is slow.\n")
    run_id = run_on(store, workspace, text_id, 100_000, "slow river")
    visit(page, f"{address}/Train?run={run_id}", "Train")
    wait_until(page, lambda: step_on_screen(page) > 0)

    def changes(seconds: float) -> int:
        """How often the number of the step changes in that time."""
        steps, end = [step_on_screen(page)], page.evaluate("Date.now()") + 1_000 * seconds
        while page.evaluate("Date.now()") < end:
            page.wait_for_timeout(100)
            steps.append(step_on_screen(page))
        return sum(a != b for a, b in pairwise(steps))

    wait_until(page, lambda: store.curves(run_id).seconds[-1] > SLOW_AFTER)
    page.wait_for_timeout(5_000)
    page.evaluate("document.querySelector('.st-key-run-heading').dataset.kept = 'yes'")
    # Each 3 s, and here each 4 s whether that is still the right pace; quick would be each second.
    assert 0 < changes(6) <= 5
    expect(page.locator(".st-key-run-heading[data-kept=yes]")).to_have_count(1)
    store.wish(run_id, "stopped")
    expect_state(page, "stopped")
