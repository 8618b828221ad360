"""The marked column of a map that is wider than the page, brought into sight."""

import zlib

import streamlit as st

from minigpt.ui.components.sources import source

_component = st.components.v2.component("minigpt_reveal", js=source("reveal.js"))


def reveal(drawn: str, column: int, *, key: str) -> None:
    """Scrolls the map of a lens to its marked column, the names' being 0, whenever its HTML `drawn`
    is another."""
    _component(data={"of": zlib.crc32(drawn.encode()), "column": column}, key=key, height=1)
