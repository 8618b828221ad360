"""What became of what a person just did, kept in the session until they have seen it.

A page is also drawn anew when nobody asked for it: the browser answers, a run comes to its end. It
happens at once, so news told in a single drawing may be gone before anybody reads it.
"""

import time
from typing import Any

import streamlit as st

SECONDS = 5.0  # from its first drawing on, news stands in every drawing


def put(key: str, news: Any) -> None:
    """Has it told from the next drawing on, in place of older news of the same key."""
    st.session_state[key] = news, None


def get(key: str) -> Any:
    """The news to be told, None where there is none or it has been told for long enough."""
    news, first = st.session_state.get(key, (None, None))
    if first is None:
        first = time.monotonic()
    if news is None or time.monotonic() - first > SECONDS:
        drop(key)
        return None
    st.session_state[key] = news, first
    return news


def drop(key: str) -> None:
    """Forgets it: it has been told elsewhere, or it holds no more."""
    st.session_state.pop(key, None)
