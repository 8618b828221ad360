"""What a visitor does, in a browser: upload, train, look inside, let it write."""

import os
import re
import signal

import pytest
from playwright.sync_api import expect

from tests.e2e.browser import (
    EXCEPTION,
    HEAD,
    PATHS,
    RIVER,
    TEXT,
    ask,
    expect_head,
    expect_state,
    go,
    loss_on_screen,
    set_number,
    settled,
    start,
    step_on_screen,
    unfold,
    upload,
    visit,
    wait_until,
)


def test_from_an_upload_to_a_trained_visible_talking_model(page, server):
    visit(page, f"{server}/Data", "Data")
    upload(page, "river.txt", RIVER)
    expect(page.get_by_test_id("stMetric").filter(has_text="Characters").first).to_contain_text(
        "4,560"
    )

    go(page, "Train")
    start(page)
    wait_until(page, lambda: loss_on_screen(page) is not None)
    first = loss_on_screen(page)
    wait_until(page, lambda: loss_on_screen(page) < max(first - 0.5, 0.5))  # it may be low by then
    assert page.locator("canvas").first.is_visible()
    expect(page.get_by_text("What it writes")).to_be_visible()

    step = step_on_screen(page)
    page.reload()  # F5 in mid-run finds the run again, further on
    expect(page.get_by_text("river.txt, ").first).to_be_visible()
    wait_until(page, lambda: step_on_screen(page) > step)

    page.get_by_role("button", name="Pause").click()
    expect_state(page, "paused")
    paused_at = step_on_screen(page)
    page.wait_for_timeout(1500)
    assert step_on_screen(page) == paused_at
    page.get_by_role("button", name="Resume").click()
    wait_until(page, lambda: step_on_screen(page) > paused_at)
    page.get_by_role("button", name="Stop").click()
    expect_state(page, "stopped")
    expect(page.locator(".js-plotly-plot").first).to_be_visible()

    go(page, "Attention")
    text = page.get_by_role("textbox", name="Text to look at")
    text.fill("the sea sang")
    text.press("Control+Enter")
    expect_head(page, "step", 12)

    go(page, "Generate")
    prompt = page.get_by_role("textbox", name="Prompt")
    prompt.fill("The river ")
    prompt.press("Control+Enter")
    texts = []
    for presses in (0, 20):
        slider = page.get_by_role("slider", name="Temperature")
        slider.focus()
        for _ in range(presses):
            slider.press("ArrowRight")
        page.get_by_role("button", name="Write").click()
        expect(page.get_by_text(f"Temperature {0.8 + presses * 0.05:g}, seed 1")).to_be_visible()
        settled(page)
        texts.append(page.locator(TEXT).inner_text())
    assert all(text.startswith("The river ") for text in texts)
    assert texts[0] != texts[1]
    assert page.locator(EXCEPTION).count() == 0


GREEK = "Μια φορά κι έναν καιρό ήταν ένας βασιλιάς που είχε τρεις κόρες.\n" * 60


def test_a_greek_file_is_confirmed_watched_merging_and_trained_on_in_bpe(page, server):
    visit(page, f"{server}/Data", "Data")
    settled(page)  # a file that is given while the page is drawn may be lost
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(
        {"name": "old.txt", "mimeType": "text/plain", "buffer": GREEK.encode("cp1253")}
    )
    expect(page.get_by_text("does not say what it is")).to_be_visible()
    expect(page.locator(".mg-text").first).to_contain_text("Μια φορά κι έναν καιρό")
    page.get_by_role("button", name="It reads well, take it").click()
    expect(page.get_by_text("Took old.txt")).to_be_visible()

    page.get_by_text("BPE", exact=True).click()
    expect(page.get_by_text("Watch it merge")).to_be_visible()
    patches = page.locator("bdi.mg-chip")
    expect(patches.first).to_be_visible()
    assert patches.first.get_attribute("title").startswith("id ")
    expect(page.get_by_text("Merge 3:")).to_be_visible()
    page.get_by_role("button", name="Next merge here").click()
    expect(page.get_by_text(re.compile(r"Merge ([4-9]|\d\d):"))).to_be_visible()
    expect(page.get_by_text("<0x").first).to_be_visible()  # half a letter, shown as its byte

    page.get_by_role("button", name="Train on this").click()
    expect(page.get_by_role("heading", name="Train", level=1)).to_be_visible()
    start(page, steps="60")
    expect_state(page, "finished")
    expect(page.get_by_text(re.compile("old.txt, .*BPE")).first).to_be_visible()
    go(page, "Attention")
    expect(page.locator(HEAD)).to_be_visible()
    go(page, "Generate")
    page.get_by_role("button", name="Write").click()
    expect(page.get_by_text("Temperature 0.8, seed 1")).to_be_visible()
    assert "\ufffd" not in page.content()
    assert page.locator(EXCEPTION).count() == 0


@pytest.mark.parametrize("name", PATHS[1:])
def test_a_cold_deep_link_shows_the_page_in_its_frame(page, server, name):
    visit(page, f"{server}/{name}", name)
    expect(page.get_by_test_id("stSidebar").get_by_role("link", name="Home")).to_be_visible()
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    assert page.locator(EXCEPTION).count() == 0


def test_home_writes_by_itself(page, server):
    visit(page, server, "Understand a GPT by training one")
    wait_until(page, lambda: len(page.locator(".mg-text").first.inner_text()) > 100)


def test_texts_and_runs_are_found_after_a_reload_and_hidden_from_another_browser(
    page, server, browser
):
    visit(page, f"{server}/Data", "Data")
    upload(page, "secret.txt", RIVER)
    page.reload()
    expect(page.get_by_role("combobox", name="Look at")).to_have_value(re.compile("secret.txt ·"))

    go(page, "Train")
    start(page)

    stranger = browser.new_context().new_page()
    visit(stranger, f"{server}/Data", "Data")
    choice = stranger.get_by_role("combobox", name="Look at")
    expect(choice).to_have_value(re.compile("Harbour tales ·"))
    unfold(choice)
    expect(stranger.get_by_role("option")).to_have_count(1)
    stranger.keyboard.press("Escape")
    unfold(stranger.get_by_role("combobox", name="Run"))
    expect(stranger.get_by_role("option")).to_have_count(1)  # the demo

    # With the link the stranger watches, looks inside and lets it write, but controls nothing.
    ask(page, "Share")
    link = page.get_by_text(re.compile(r"/Train\?run=[0-9a-f]{32}")).first.inner_text().strip()
    page.keyboard.press("Escape")
    stranger.goto(link)
    expect(stranger.get_by_text("only its owner can pause or stop it")).to_be_visible()
    wait_until(stranger, lambda: loss_on_screen(stranger) is not None)
    step = step_on_screen(stranger)
    wait_until(stranger, lambda: step_on_screen(stranger) > step)
    for name in ("Pause", "Stop"):
        expect(stranger.get_by_role("button", name=name, exact=True)).to_have_count(0)
    stranger.get_by_role("button", name="More", exact=True).click()
    expect(stranger.get_by_role("menuitem")).to_have_text(["linkShare", "downloadDownload"])
    stranger.keyboard.press("Escape")
    go(stranger, "Generate")
    stranger.get_by_role("button", name="Write").click()
    expect(stranger.get_by_text("Temperature 0.8, seed 1")).to_be_visible()
    stranger.context.close()
    page.get_by_role("button", name="Stop").click()
    expect_state(page, "stopped")


def test_one_step_train_longer_rename_duplicate_and_delete(page, server):
    visit(page, f"{server}/Train", "Train")
    start(page)
    wait_until(page, lambda: step_on_screen(page) > 0)
    page.get_by_role("button", name="Pause").click()
    expect_state(page, "paused")
    step = step_on_screen(page)
    for further in (1, 2):
        page.get_by_role("button", name="One step").click()
        wait_until(page, lambda further=further: step_on_screen(page) == step + further)
        expect_state(page, "paused")
    page.get_by_role("button", name="Stop").click()
    expect_state(page, "stopped")

    page.get_by_role("button", name="Train longer").click()
    set_number(page, "Further steps", "20")
    page.get_by_role("button", name="Go on").click()
    expect_state(page, "finished")
    wait_until(page, lambda: step_on_screen(page) == step + 22)  # the number follows the badge

    ask(page, "Rename")
    name = page.get_by_role("textbox", name="Name")
    name.fill("my *first* run")
    name.press("Enter")
    page.get_by_role("button", name="Keep this name").click()
    expect(page.get_by_role("heading", name="my *first* run")).to_be_visible()

    ask(page, "Duplicate")
    expect(page.get_by_text("The settings of my *first* run")).to_be_visible()
    settled(page)  # while it is drawn anew, the fields of before stand there too
    expect(page.get_by_label("Steps", exact=True)).to_have_value(str(step + 22))

    ask(page, "Delete")
    page.get_by_role("button", name="Delete this run").click()
    expect(page.get_by_role("heading", name="Harbour tales", exact=True)).to_be_visible()
    expect(page.get_by_text("my *first* run", exact=True)).to_have_count(0)


def test_a_run_goes_on_when_its_worker_is_killed(page, running_app):
    visit(page, f"{running_app.address}/Train", "Train")
    start(page)
    wait_until(page, lambda: step_on_screen(page) > 0)
    (worker,) = running_app.workers()
    os.kill(worker, signal.SIGKILL)
    wait_until(page, lambda: running_app.workers() not in ([], [worker]))
    step = step_on_screen(page)
    wait_until(page, lambda: step_on_screen(page) > step)
    assert page.locator("canvas").first.is_visible()
    assert page.locator(EXCEPTION).count() == 0
    page.get_by_role("button", name="Stop").click()
    expect_state(page, "stopped")


def test_a_run_travels_through_the_browser_as_a_file(page, server, tmp_path):
    visit(page, f"{server}/Train", "Train")
    ask(page, "Download")
    with page.expect_download() as download:
        page.get_by_role("button", name="The run, as one file").click()
    path = tmp_path / "run.safetensors"
    download.value.save_as(path)
    panel = page.get_by_role("dialog")

    def closed() -> bool:
        """A key that is pressed while the panel is drawn anew is lost; and one that comes before
        the page stands without it has that begin anew."""
        page.keyboard.press("Escape")
        page.wait_for_timeout(1_500)
        return panel.count() == 0

    wait_until(page, closed)
    demo = page.url
    page.get_by_text("Bring a run from a file").click()
    field = page.get_by_test_id("stFileUploaderDropzoneInput")
    field.set_input_files({"name": "bad.safetensors", "mimeType": "", "buffer": b"no run at all"})
    expect(page.get_by_text("This file is not a run exported by minigpt")).to_be_visible()
    field.set_input_files(path)
    page.wait_for_url(re.compile(r"run=[0-9a-f]{32}"))
    assert page.url != demo
    expect_state(page, "finished")


def test_a_file_that_is_no_text_is_refused_on_the_page(page, server):
    visit(page, f"{server}/Data", "Data")
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(
        {"name": "photo.txt", "mimeType": "text/plain", "buffer": b"\x89PNG\r\n\x1a\n\xff\x00"}
    )
    expect(page.get_by_text("photo.txt is a picture (PNG), not text")).to_be_visible()


def test_a_link_to_a_run_that_does_not_exist_says_so(page, server):
    visit(page, f"{server}/Train?run=gone", "Train")
    expect(page.get_by_text("There is no run 'gone'")).to_be_visible()
