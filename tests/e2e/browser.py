"""What a visitor's hands and eyes do in the browser."""

import re
import time

from playwright.sync_api import Locator, Page, expect

from minigpt.ui.pages import HOME, PAGES

expect.set_options(timeout=20_000)
PATHS = ["" if page is HOME else page.title for page in PAGES]  # behind the server's address
EXCEPTION = "[data-testid=stException]"
HEAD = ".view .map"  # one head, large
TEXT, TOKENS = ".strip .text", ".strip .token"  # what a model wrote, and each token of it
RIVER = "The river ran to the sea, and the sea sang to the river.\n" * 80


def visit(page: Page, address: str, title: str) -> None:
    page.goto(address)
    expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()


def loss_on_screen(page: Page) -> float | None:
    card = page.get_by_test_id("stMetric").filter(has_text="Loss on")
    found = re.search(r"([\d.]+) nats", card.inner_text())
    return float(found[1]) if found else None


def step_on_screen(page: Page) -> int:
    card = page.get_by_test_id("stMetric").filter(has_text="Step")
    return int(re.search(r"Step\D*?([\d,]+)", card.inner_text())[1].replace(",", ""))


def wait_until(page: Page, condition, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        page.wait_for_timeout(200)


def go(page: Page, name: str) -> None:
    page.get_by_test_id("stSidebar").get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()


def set_number(page: Page, label: str, value: str) -> None:
    field = page.get_by_label(label, exact=True)
    field.fill(value)
    field.press("Enter")
    expect(field).to_have_value(value)


def upload(page: Page, name: str, text: str) -> None:
    settled(page)  # a file that is given while the page is drawn may be lost
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(
        {"name": name, "mimeType": "text/plain", "buffer": text.encode()}
    )
    expect(page.get_by_text(f"Took {name}")).to_be_visible()


def expect_state(page: Page, state: str) -> None:
    badge = page.get_by_test_id("stMain").get_by_text(re.compile(rf"{state}$"))
    expect(badge.first).to_be_visible(timeout=60_000)


def start(page: Page, steps: str = "100000") -> None:
    set_number(page, "Steps", steps)
    page.get_by_text("All settings").click()
    set_number(page, "Context", "32")
    set_number(page, "Measure every", "20")
    page.get_by_role("button", name="Start training").click()
    expect_state(page, "running")


def settled(page: Page) -> None:
    """Waits until the page's script has run to its end."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def at_rest(page: Page) -> None:
    """The same, for a while: what the browser answers has the page drawn once more, and a click on
    a download that is drawn anew just then is lost."""
    calm = 0
    while calm < 5:
        settled(page)
        page.wait_for_timeout(100)
        state = page.get_by_test_id("stApp").get_attribute("data-test-script-state")
        calm = calm + 1 if state == "notRunning" else 0


def workspace_of(page: Page) -> str:
    """Whose browser this is, once it has said so."""
    page.wait_for_function("localStorage.getItem('minigpt-workspace')")
    return page.evaluate("localStorage.getItem('minigpt-workspace')")


def unfold(choice: Locator) -> None:
    """Opens a list of choices. A list closes when its page scrolls, and whoever scrolls and clicks
    within one frame closes what was just opened: so it is scrolled to first."""
    choice.scroll_into_view_if_needed()
    choice.evaluate("() => new Promise(seen => requestAnimationFrame(() => setTimeout(seen, 100)))")
    choice.click()


def ask(page: Page, what: str) -> None:
    """Chooses an entry of the menu of what is rarely asked of a run."""
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("menuitem", name=what).click()


def expect_head(page: Page, title: str, tokens: int) -> None:
    """The large head: which one, at which moment, over so many tokens."""
    expect(page.locator(".view h4").first).to_contain_text(title)
    expect(page.locator(HEAD).first).to_have_attribute(
        "aria-label", re.compile(f"over {tokens:,} tokens?")
    )
