"""Generate: let a model write, and see how it chooses."""

import streamlit as st

from minigpt.config import InputError
from minigpt.ui import frame, pages
from minigpt.ui.generate import form, output
from minigpt.ui.prompts import notes_on
from minigpt.ui.visit import tell

visit = frame.open_page(
    pages.GENERATE,
    "The model gives every token a probability; the sliders decide how the next one is drawn.",
    "model",
    "step",
    "token",
)
controls, text = st.columns([1, 1.6], gap="large")
with controls:
    prompt, config = form.choose(visit.run)
    pressed = st.button("Write", type="primary", icon=":material/edit_note:", width="stretch")
with text:
    for note in notes_on(visit.run, prompt):
        st.caption(note)
    try:
        output.show(visit, prompt, config(), pressed)
    except InputError as error:
        tell(visit, error)
frame.show_words(
    "attention", "context", "head", "layer", "model", "parameters", "run", "seed", "special tokens",
    "step", "temperature", "token", "tokenizer", "top-k", "top-p", "vocabulary",
)  # fmt: skip
