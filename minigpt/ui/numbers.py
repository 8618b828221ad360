"""A field for a number that takes what is typed.

A field with bounds keeps a number beyond them to itself, and the page goes on with the one before;
one for whole numbers reads 1e3 as 1. Here every number arrives, and who asked for it says what is
wrong with it.
"""

from typing import Any

import streamlit as st

from minigpt.ui.fields import hold


def field(label: str, usual: float, *, key: str, step: float = 1, **about: Any) -> float:
    """Asks for a number; returns it, a whole one as an int."""
    hold(key, float(usual))
    st.number_input(label, step=float(step), format="%g", key=key, **about)
    return typed(key, usual)


def typed(key: str, usual: float) -> float:
    """The number that stands in the field of that key, now; a whole one as an int."""
    number = float(st.session_state.get(key, usual))
    return int(number) if number.is_integer() else number
