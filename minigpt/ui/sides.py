"""Several sides of one thing, behind tabs, of which the open one alone is computed."""

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from minigpt.store import Run
from minigpt.ui import address


def opened(
    parameter: address.Parameter, run: Run, names: Sequence[str]
) -> tuple[str, DeltaGenerator]:
    """Draws the tabs; returns which of them is open, as the address says it, and its place."""
    tabs = st.tabs(
        names, **address.bind(parameter, run, names[0], address.one_of(names), "default")
    )
    return next((name, tab) for name, tab in zip(names, tabs, strict=True) if tab.open)
