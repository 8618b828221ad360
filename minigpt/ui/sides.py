"""Several sides of one thing, behind tabs, of which the open one alone is computed."""

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from minigpt.config import InputError
from minigpt.store import Run
from minigpt.ui import address


def opened(
    parameter: address.Parameter, run: Run, names: Sequence[str]
) -> tuple[str, DeltaGenerator]:
    """Draws the tabs; returns which of them is open, as the address says it, and its place."""

    def one_of(name: str) -> str:
        if name not in names:
            raise InputError(f"it can be {', '.join(names[:-1])} or {names[-1]}")
        return name

    tabs = st.tabs(names, **address.bind(parameter, run, names[0], one_of, "default"))
    return next((name, tab) for name, tab in zip(names, tabs, strict=True) if tab.open)
