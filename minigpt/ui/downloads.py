"""Files that are made when somebody asks for them; a picture as SVG and PNG, its numbers as CSV."""

import itertools
import threading
from collections.abc import Callable
from typing import Any

import streamlit as st
from streamlit import runtime

from minigpt.ui.components.png import save_png

ICON = ":material/download:"
HELD_SECONDS = 5.0  # within which a browser asks for the file that it was told of
PLACES = 1_000  # more downloads than are asked for in so many seconds

_numbers = itertools.count()


def download_button(
    label: str, make: Callable[[], str | bytes], name: str, kind: str, **look: Any
) -> None:
    """Streamlit's button; what is made when it is pressed stays until its browser has it.

    Streamlit drops a file that no page refers to as soon as two pages were drawn, whosoever: with
    thirty people on their pages that is before a browser has asked for it.
    """
    st.download_button(label, lambda: _held(make(), name, kind), name, kind, **look)


def _held(made: str | bytes, name: str, kind: str) -> bytes:
    data = made.encode() if isinstance(made, str) else made
    if runtime.exists():
        add, place = runtime.get_instance().media_file_mgr.add, f"held-{next(_numbers) % PLACES}"
        add(data, kind, place, name, is_for_static_download=True)
        # Nothing takes its place after that.
        let_go = threading.Timer(HELD_SECONDS, add, [b"", kind, place])
        let_go.daemon = True
        let_go.start()
    return data


def downloads(
    name: str, key: str, csv: Callable[[], str], svg: Callable[[], str] | None = None
) -> None:
    """A row of buttons; `name` is what the files are called, without an ending. Each is made when
    it is asked for."""
    with st.container(horizontal=True):
        if svg:
            download_button(
                "Download as SVG", svg, f"{name}.svg", "image/svg+xml", icon=ICON, key=f"svg-{key}"
            )
            if st.button("Download as PNG", icon=ICON, key=f"png-{key}"):
                save_png(svg(), f"{name}.png", key=f"saved-{key}")
        download_button(
            "Download as CSV", csv, f"{name}.csv", "text/csv", icon=ICON, key=f"csv-{key}"
        )
