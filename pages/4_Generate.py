"""Generate: let a model write, and see how it chooses."""

import streamlit as st

from minigpt.config import InputError
from minigpt.ui import frame, writing

visit = frame.open_page(
    "Generate",
    "The model gives every token a probability; the sliders decide how the next one is drawn.",
    "model",
    "step",
    "token",
)
controls, output = st.columns([1, 1.6], gap="large")
with controls:
    prompt, config = writing.choose(visit.run)
    pressed = st.button("Write", type="primary", icon=":material/edit_note:", width="stretch")
with output:
    for note in writing.notes_on(visit.run, prompt):
        st.caption(note)
    try:
        writing.show(visit, prompt, config(), pressed)
    except InputError as error:
        st.error(frame.sentence(error))
frame.show_words(
    "context", "model", "parameters", "run", "seed", "special tokens", "step", "temperature",
    "token", "tokenizer", "top-k", "top-p", "vocabulary",
)  # fmt: skip
