"""On a phone the tables of Data show all that they have."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser import settled, visit

BEYOND = """(table) => [...table.querySelectorAll("th, td")].filter((cell) =>
  cell.getBoundingClientRect().right > innerWidth || cell.scrollWidth > cell.clientWidth + 1
).map((cell) => cell.innerText)"""


@pytest.mark.parametrize("width", [390, 1440])
def test_every_column_is_in_sight(page: Page, server: str, width: int):
    page.set_viewport_size({"width": width, "height": 844})
    visit(page, f"{server}/Data", "Data")
    tables = page.get_by_test_id("stTable")
    expect(tables).to_have_count(2)
    settled(page)
    for table, last in zip(tables.all(), ("Trigram, bits per character", "trigram"), strict=True):
        expect(table).to_contain_text(last)
        assert table.evaluate(BEYOND) == []
