"""The app works without a network and tells nobody who uses it: a browser asks its server alone."""

from urllib.parse import urlsplit

from playwright.sync_api import expect

from tests.e2e.browser import HEAD, RIVER, TOKENS, expect_state, go, settled, start, upload, visit

INLINE = ("data", "blob")  # what a page carries in itself


def test_no_page_asks_anything_of_any_other_host(page, server):
    asked = []
    page.context.on("request", lambda request: asked.append(urlsplit(request.url)))
    page.on("websocket", lambda socket: asked.append(urlsplit(socket.url)))

    visit(page, server, "Understand a GPT by training one")
    visit(page, f"{server}/Data", "Data")
    for source in ("Paste", "Library", "Worlds", "Downloads", "Upload"):
        page.get_by_role("tab", name=source).click()
        expect(page.get_by_role("tab", name=source, selected=True)).to_be_visible()
        settled(page)
    upload(page, "river.txt", RIVER)
    page.get_by_text("BPE", exact=True).click()
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    expect(page.get_by_test_id("stDataFrame").first).to_be_visible()
    go(page, "Train")
    start(page)
    expect(page.locator("canvas").first).to_be_visible()  # drawn by ECharts while it runs
    page.get_by_role("button", name="Stop").click()
    expect_state(page, "stopped")
    expect(page.locator(".js-plotly-plot").first).to_be_visible()  # and by Plotly when it rests
    go(page, "Attention")
    expect(page.locator(HEAD)).to_be_visible()
    go(page, "Generate")
    page.get_by_role("button", name="Write").click()
    expect(page.locator(TOKENS).first).to_be_visible()

    hosts = {address.netloc for address in asked if address.scheme not in INLINE}
    assert hosts == {urlsplit(server).netloc}
    icon = page.locator("link[rel~=icon]")
    assert icon.get_attribute("href").startswith("data:image/svg+xml")  # our own picture
