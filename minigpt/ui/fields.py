"""What stands in a field, on the way to another page and back."""

from collections.abc import Callable
from typing import Any

import streamlit as st


def hold(key: str, usual: object) -> object:
    """Puts into the field of that key what stands in it, or the usual; returns it.

    A value that came from us and that nobody touched does not go along to another page, or come
    back from one: there the field would begin anew. So it is put there whenever it is drawn.
    """
    st.session_state[key] = st.session_state.get(key, usual)
    return st.session_state[key]


def changed(key: str, act: Callable[[Any], object]) -> Callable[[], None]:
    """What a field of that key calls when it was changed: `act`, with what stands in it.

    The browser may still send the fields of a page that was left before it was whole. What they
    were called is forgotten by then, and nobody has chosen anything.
    """

    def call() -> None:
        if key in st.session_state:
            act(st.session_state[key])

    return call
