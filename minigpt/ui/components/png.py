"""A PNG file of an SVG file: the browser draws it, twice as large, and saves it."""

import time

import streamlit as st

from minigpt.ui.components.sources import source

_component = st.components.v2.component("minigpt_png", js=source("save.js", "png.js"))


def save_png(svg: str, file: str, *, key: str) -> None:
    """Has the browser save a picture under that name; called once for each time it is asked for."""
    data = {"svg": svg, "file": file, "press": str(time.monotonic_ns())}
    _component(data=data, key=key, width="content")
