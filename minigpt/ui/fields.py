"""What stands in a field, on the way to another page and back."""

import streamlit as st


def hold(key: str, usual: object) -> object:
    """Puts into the field of that key what stands in it, or the usual; returns it.

    A value that came from us and that nobody touched does not go along to another page, or come
    back from one: there the field would begin anew. So it is put there whenever it is drawn.
    """
    st.session_state[key] = st.session_state.get(key, usual)
    return st.session_state[key]
