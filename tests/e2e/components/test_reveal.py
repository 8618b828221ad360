"""A lens scrolls to its marked column, whenever the page comes to show the map that is meant."""

from playwright.sync_api import Page

from minigpt.ui.components.sources import source
from tests.e2e.browser import wait_until

CELLS = "".join(f"<td>token {n}</td>" for n in range(1, 60))
MAP = f"""<div class="mg-lens" style="width: 300px; overflow-x: auto; white-space: nowrap">
<table><tr><th>reads</th>{CELLS}</tr></table></div>"""
LOADS = """async (code) => {
  const file = URL.createObjectURL(new Blob([code], { type: "text/javascript" }))
  window.reveal = (await import(file)).default
}"""
MARKS = """(column) => {
  document.querySelector(".mg-here")?.classList.remove("mg-here")
  document.querySelector("tr").cells[column].classList.add("mg-here")
}"""
LIES = """() => {
  const [map, here] = [".mg-lens", ".mg-here"].map((of) => document.querySelector(of))
  const [frame, column] = [map, here].map((of) => of.getBoundingClientRect())
  return column.left >= frame.left && column.right <= frame.right
}"""


def test_it_waits_for_the_map_that_it_is_told_of(page: Page):
    page.set_content(MAP)
    page.evaluate(LOADS, source("reveal.js"))
    page.evaluate(MARKS, 2)
    page.evaluate("() => { window.left = reveal({ data: { column: 50 } }) }")
    page.wait_for_timeout(100)
    assert page.evaluate("document.querySelector('.mg-lens').scrollLeft") == 0
    page.evaluate(MARKS, 50)
    wait_until(page, lambda: page.evaluate(LIES))
    page.evaluate("() => { left(); window.left = reveal({ data: { column: 2 } }); left() }")
    page.evaluate(MARKS, 2)
    page.wait_for_timeout(100)
    assert not page.evaluate(LIES)  # another was told of since
