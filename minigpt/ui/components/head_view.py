"""One head, large: its map and its lines, beside each other."""

import base64
from collections.abc import Sequence
from typing import Literal

import numpy as np
import streamlit as st

from minigpt import plots
from minigpt.plots.picture import SHOWN
from minigpt.tokenizers.visible import brief
from minigpt.ui.components.sources import source

MOST_KEPT = 20  # tokens at once

_component = st.components.v2.component(
    "minigpt_head_view",
    html=source("head_view.html"),
    css=source("head_view.css"),
    js=source(
        "paint.js", "save.js", "head_weights.js", "head_map.js", "head_lines.js", "head_view.js"
    ),
)


def head_view(
    pattern: np.ndarray,
    tokens: Sequence[str],
    *,
    key: str,
    title: str,
    file: str,
    kept: Sequence[int] = (),
    kind: plots.Kind = "share",
    highest: float = 1.0,
    parts: Literal["both", "map", "lines"] = "both",
) -> list[int]:
    """Draws one head over the newest N of T tokens, and returns which tokens are kept.

    pattern: (N, T), shares that sum to 1 in a row, weights times norms, or a difference of shares,
    on a scale that ends at `highest`. title: which head, at which moment. file: what its picture is
    called when it is downloaded. kept: the tokens whose lines stay, counted from 0 among all T;
    what a click makes of them is returned, and is to be given again. A map without lines takes no
    clicks. What comes from the browser is checked: anything but up to 20 different tokens of those
    shown is no click. Raises ValueError for a weight that is not on the scale.
    """
    N, T = pattern.shape
    clicked = _tokens(getattr(st.session_state.get(key), "kept", None), T - N, T)
    now = clicked if clicked is not None else _tokens(list(kept), T - N, T) or []
    data = {
        "title": title,
        "file": file,
        "kind": kind,
        "unit": SHOWN[kind],
        "highest": highest,
        "ends": plots.ends(kind, highest),
        "parts": parts,
        "first": T - N,
        "rows": N,
        "labels": [brief(token) for token in tokens[T - N :]],
        "weights": base64.b64encode(plots.packed(pattern, kind, highest)).decode(),
        "kept": now,
    }
    _component(data=data, key=key, on_kept_change=lambda: None)
    return now


def _tokens(answer: object, first: int, end: int) -> list[int] | None:
    """What a browser or an address says, if it is a few different tokens of those shown."""
    if not isinstance(answer, list) or len(answer) > MOST_KEPT:
        return None
    fits = all(type(token) is int and first <= token < end for token in answer)
    return sorted(answer) if fits and len(set(answer)) == len(answer) else None
