"""A run whose tokens are as long as a file may make them, on every page."""

import html
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from minigpt import bundle
from minigpt.tokenizers.visible import WIDEST
from minigpt.ui import services
from minigpt.ui.inside.page import INSTRUMENTS
from minigpt.ui.pages import GENERATE, INSIDE, PAGES
from tests import long_tokens
from tests.pages.visits import by_label, opened, well

# What no page can break into lines.
SIGNS = ("z", "<U+200F>", "<0xFF>")
TOO_LONG = re.compile(
    "|".join(f"({re.escape(sign)}){{{WIDEST // len(sign) + 1}}}" for sign in SIGNS)
)
LINES = {"arrow_data_frame", "code", "text_area", "text_input"}  # scrolled, or broken anywhere
TEXTS = ("pieces", "prompt", "unread")  # of a strip, which breaks them anywhere
IN_HTML = re.compile(r'mg-chip[^>]*>([^<]+)|<t[dh][^>]*>([^<]+)|title="([^"]+)"')
PLACES = [(page.file, {}) for page in PAGES]
PLACES += [(INSIDE.file, {"instrument": name}) for name in INSTRUMENTS]
PLACES += [(INSIDE.file, {"instrument": "Attribution", "aim": "token"})]


@pytest.fixture(scope="module")
def run_id(one_home) -> str:
    return bundle.import_run(services.store(), long_tokens.run_file(), "class")


def labels(block: Any) -> Iterator[str]:
    """All that a page shows but running text."""
    for child in getattr(block, "children", {}).values():
        yield from labels(child)
    proto = getattr(block, "proto", None)
    if proto is None or block.type in {*LINES, "page_link"}:
        return
    if block.type == "html":
        for found in IN_HTML.findall(proto.body):
            yield html.unescape("".join(found))
    elif block.type == "bidi_component":
        said = json.loads(proto.json)
        texts = TEXTS if proto.component_name == "minigpt_strip" else ()
        yield json.dumps([part for name, part in said.items() if name not in texts])
    else:
        yield str(proto)


def check(app: AppTest) -> None:
    shown = [*labels(well(app).main), *labels(app.sidebar)]
    assert len(shown) > 3
    for label in shown:
        found = TOO_LONG.search(label)
        assert not found, label[max(0, found.start() - 200) : found.end()]


@pytest.mark.parametrize("page, said", PLACES, ids=lambda one: str(one)[-30:])
def test_no_page_shows_a_token_that_makes_it_wider(home_page, run_id, page, said):
    home_page.query_params.update({"text": long_tokens.TEXT, **said})
    check(opened(home_page, page, run_id))


def test_what_was_written_of_such_tokens_is_shown_short_beside_the_text(home_page, run_id):
    app = opened(home_page, GENERATE.file, run_id)
    by_label(app.number_input, "Length").set_value(3)
    by_label(app.button, "Write").click().run()
    check(app)
