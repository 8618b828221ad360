"""Which token of the text is looked at: one choice for all instruments that ask for it."""

import streamlit as st

from minigpt.config import InputError
from minigpt.tokenizers.visible import brief
from minigpt.ui import address
from minigpt.ui.inside.view import View

LAST = address.LAST


def choose(view: View) -> int:
    """The index of the chosen token, the last at first; what comes after it is what is guessed."""
    T = len(view.tokens)

    def within(place: int) -> int:
        if place != LAST and place < 1:
            raise InputError("it is the number of a token of the text, from 1")
        return LAST if place >= T else place  # of a text that was longer

    def named(place: int) -> str:
        return "the last" if place == LAST else f"{place}: {brief(view.tokens[place - 1])}"

    field = address.bind(address.PLACE, view.run, LAST, within)
    if T == 1:
        return 0
    place = st.select_slider(
        "Up to token",
        [*range(1, T), LAST],
        format_func=named,
        help="The model has read the text up to this token, and guesses the next one.",
        **field,
    )
    return T - 1 if place == LAST else place - 1
