"""A beginning for the model to go on from."""

import streamlit as st

from minigpt.store import Run
from minigpt.ui import address
from minigpt.ui.prompts import MOST_TAKEN, opening


def ask(run: Run) -> tuple[str, bool]:
    """The beginning, and whether it was just asked to be continued."""
    with st.form("talk", border=False):
        usual = opening(run)
        prompt = st.text_input(
            "Your beginning",
            max_chars=MOST_TAKEN,
            help="The model continues these characters, one token at a time.",
            **address.place(address.PROMPT, run, usual, _one_line),
        )
        asked = st.form_submit_button(
            "Continue it",
            type="primary",
            icon=":material/play_arrow:",
            on_click=_hand_on,
            args=(run, usual),
        )
    return prompt, asked


def _one_line(prompt: str) -> str:
    """A field of one line would show a prompt of several without its line ends."""
    return " ".join(prompt.splitlines()) if "\n" in prompt else prompt


def _hand_on(run: Run, usual: str) -> None:
    """Has the fields of Generate say what the text is written with: this beginning, and the usual
    settings."""
    address.keep(address.PROMPT, run, usual)
    for parameter in (*address.SAMPLING, address.CHOICES):
        address.forget(parameter, run)
