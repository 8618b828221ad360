"""What a model wrote, and how it chose."""

import streamlit as st

from minigpt import tokenizers
from minigpt.config import InputError, SampleConfig
from minigpt.counting import counted
from minigpt.ui import address, pages
from minigpt.ui.glossary import GLOSSARY, explain
from minigpt.ui.visit import Visit, tell
from minigpt.ui.written import (
    draw,
    explain_choice,
    forget,
    kept,
    show_last_sample,
    tell_about,
    whole,
    write,
)


def show(visit: Visit, prompt: str, config: SampleConfig, pressed: bool) -> None:
    """The newest text of this session, or a new one when asked for, or where there is none yet."""
    run = visit.run
    shade = st.toggle(
        "Show surprise",
        value=True,
        key="shade",
        persist_state="session",
        help="The stronger the colour, the less likely the model held that token.",
    )
    with st.container(border=True):
        place = st.empty()
    writing = None if pressed else kept(run)
    if writing:
        draw(writing, tokenizers.load(run.tokenizer), place, shade=shade)
    else:
        show_last_sample(visit, place)
        try:
            writing = write(run, prompt, config, place, shade=shade)
        except InputError as error:  # in the place of the text, so that none seems to answer
            forget()
            with place.container():
                tell(visit, error)
            return
    settings = writing.config
    st.caption(
        f"Temperature {settings.temperature:g}, seed {settings.seed}, "
        f"{counted(len(writing.steps), 'token')}, by the model of step {writing.at:,}.",
        help=explain("step", "model"),
    )
    if st.button(
        "See its attention",
        icon=":material/grid_on:",
        type="tertiary",
        help="Opens Attention with this text: where every token of it looks, in every head.\n\n"
        + explain("attention", "head"),
    ):
        address.put(address.TEXT, run, whole(writing, run), "")
        address.go(pages.ATTENTION)
    tell_about(writing, run, prompt)
    if writing.config != config:
        st.caption("The settings have changed since: *Write* writes with the new ones.")
    if settings.temperature == 0:
        st.caption(
            "At temperature 0 the likeliest token is always taken, so the seed changes nothing, "
            "and the text may go round in circles."
        )
    st.subheader("How it chose", anchor=False, help=GLOSSARY["temperature"])
    explain_choice(run, writing)
    st.caption(
        "Slate: what the model believes. Teal: what the token was drawn from, after temperature, "
        "top-k and top-p."
    )
