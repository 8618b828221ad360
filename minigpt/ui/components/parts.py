"""What each part of a model matters, a cell each: layer after layer, one of which can be chosen."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import streamlit as st

from minigpt.ui.components.sources import source

_component = st.components.v2.component(
    "minigpt_parts",
    html='<div class="parts" role="group" aria-label="All parts"></div>\n',
    css=source("parts.css"),
    js=source("parts.js"),
)


@dataclass(frozen=True)
class Cell:
    """A part: what stands in its cell, and what is told of it."""

    text: str
    words: str
    depth: float  # of its colour, -1 to 1: amber where the loss rises without it, else teal
    seen: bool  # whether there is an effect; else it is hatched


def parts(
    rows: Sequence[str], columns: Sequence[str], cells: Sequence[Cell], chosen: int, *, key: str
) -> None:
    """Draws the cells, row after row, in the lines and columns of these names."""
    data = {
        "rows": list(rows),
        "columns": list(columns),
        "cells": [asdict(cell) for cell in cells],
        "chosen": chosen,
    }
    _component(data=data, key=key, on_clicked_change=lambda: None)


def clicked(key: str, n: int) -> int | None:
    """Which of the n cells of that key was clicked just now.

    What comes from the browser is checked: anything but a cell is no click.
    """
    answer = getattr(st.session_state.get(key), "clicked", None)
    return answer if type(answer) is int and 0 <= answer < n else None
