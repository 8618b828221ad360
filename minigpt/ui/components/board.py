"""All heads at once: a layer × head board of small maps, one of which can be chosen."""

import base64
from collections.abc import Sequence

import numpy as np
import streamlit as st

from minigpt.ui.components.sources import source

_component = st.components.v2.component(
    "minigpt_board",
    html='<div class="frame"><div class="board" role="group" aria-label="All heads"></div></div>\n',
    css=source("board.css"),
    js=source("paint.js", "board.js"),
)


def board(
    images: Sequence[Sequence[np.ndarray]] | np.ndarray,
    badges: Sequence[Sequence[str]],
    chosen: tuple[int, int] | None,
    *,
    key: str,
    unclear: str = "unclear",
) -> None:
    """Draws the maps of all heads.

    images: for each layer and head what `plots.thumbnail` makes, all of one size. badges: what
    stands below each, muted where it begins with `unclear`. The chosen one is outlined.
    """
    pixels = np.asarray(images, dtype=np.uint8)
    L, H, S, _ = pixels.shape
    data = {
        "layers": L,
        "heads": H,
        "side": S,
        "images": base64.b64encode(pixels.tobytes()).decode(),
        "badges": [list(row) for row in badges],
        "chosen": list(chosen) if chosen else None,
        "unclear": unclear,
    }
    _component(data=data, key=key, on_clicked_change=lambda: None)


def clicked(key: str, layers: int, heads: int) -> tuple[int, int] | None:
    """The (layer, head) of the board of that key that was clicked just now.

    What comes from the browser is checked: anything but a head of this board is no click.
    """
    match getattr(st.session_state.get(key), "clicked", None):
        case [int(layer), int(head)] if 0 <= layer < layers and 0 <= head < heads:
            return int(layer), int(head)
    return None
