"""What is shown as files: a picture as SVG and as PNG, its numbers as CSV."""

from collections.abc import Callable

import streamlit as st

from minigpt.ui.components.png import save_png

ICON = ":material/download:"


def downloads(
    name: str, key: str, csv: Callable[[], str], svg: Callable[[], str] | None = None
) -> None:
    """A row of buttons; `name` is what the files are called, without an ending. Each is made when
    it is asked for."""
    with st.container(horizontal=True):
        if svg:
            st.download_button(
                "Download as SVG", svg, f"{name}.svg", "image/svg+xml", icon=ICON, key=f"svg-{key}"
            )
            if st.button("Download as PNG", icon=ICON, key=f"png-{key}"):
                save_png(svg(), f"{name}.png", key=f"saved-{key}")
        st.download_button(
            "Download as CSV", csv, f"{name}.csv", "text/csv", icon=ICON, key=f"csv-{key}"
        )
