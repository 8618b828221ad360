"""What stands in a field, on the way to another page and back."""

from playwright.sync_api import Page, expect

from tests.e2e.browser import ask, go, settled, upload, visit

POEM = "A kettle sang, a clock went round, a cat lay listening to the sound.\n" * 60


def fields_of_train(page: Page) -> dict[str, str]:
    """What stands in the form, whether somebody wrote it or we did."""
    main = page.get_by_test_id("stMain")
    numbers = main.get_by_test_id("stNumberInputField")  # also those of a folded panel
    expect(numbers.first).to_be_visible()
    settled(page)
    found = {field.get_attribute("aria-label"): field.input_value() for field in numbers.all()}
    found["Text"] = main.get_by_role("combobox", name="Text").input_value()
    for group in ("Tokenizer", "Preset"):
        chosen = main.get_by_role("radiogroup", name=group).get_by_role("radio", checked=True)
        found[group] = chosen.inner_text()
    return found


def test_what_nobody_touched_stands_on_the_next_page_as_it_stood(page, server):
    visit(page, f"{server}/Data", "Data")
    upload(page, "kettle.txt", POEM)
    page.get_by_text("BPE", exact=True).click()
    vocabulary = page.get_by_label("Vocabulary", exact=True)
    expect(vocabulary).to_have_value("512")
    go(page, "Train")
    there = fields_of_train(page)
    assert there["Vocabulary"] == "512" and there["Steps"] == "500"
    assert there["Text"].startswith("kettle.txt")
    assert there["Learning rate"] != "0" and there["Seed"] != "0"
    for name in ("Attention", "Train", "Data", "Train"):
        go(page, name)
    assert fields_of_train(page) == there
    expect(page.get_by_role("button", name="Start training")).to_be_enabled()


def test_the_settings_of_a_run_taken_over_stay_on_the_way_to_another_page(page, server):
    visit(page, f"{server}/Data", "Data")
    upload(page, "kettle.txt", POEM)
    go(page, "Train")
    ask(page, "Duplicate")
    expect(page.get_by_role("radio", name="copy", checked=True)).to_be_visible()
    there = fields_of_train(page)
    assert there["Text"].startswith("Harbour tales") and there["Preset"] == "copy"
    go(page, "Generate")
    go(page, "Train")
    assert fields_of_train(page) == there
