"""A click that is made twice, as by a double click, is taken once."""

import time

import streamlit as st

SECONDS = 2.0
LAST = "last_done"


def is_second(asked: object) -> bool:
    """Whether the very same was done for this session a moment ago.

    The browser sends a second click with what stood on the page at the first: that the page was
    drawn anew in between does not keep it from counting.
    """
    done, at = st.session_state.get(LAST, (None, 0.0))
    return asked == done and time.monotonic() - at < SECONDS


def remember(asked: object) -> None:
    """Notes that this was done; what was refused may be asked again at once."""
    st.session_state[LAST] = asked, time.monotonic()
