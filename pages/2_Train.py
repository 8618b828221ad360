"""Train: choose a text and a recipe, press Start, and watch the loss fall."""

import streamlit as st

from minigpt.ui import frame, pages
from minigpt.ui.train import form, watching

visit = frame.open_page(
    pages.TRAIN,
    "The model reads pieces of the text and guesses each next token. "
    "With every step it guesses better.",
    "model",
    "token",
    "step",
    tells_trouble=False,
)
progress, settings = st.columns([2.1, 1], gap="large")
with progress:
    watching.show(visit)
with settings:
    with st.container(border=True):
        form.show(visit)
    form.take_file(visit)
frame.show_words(
    "attention", "batch", "bigram", "bits per character", "BPE", "context", "embedding", "floor",
    "GPT", "head", "layer", "loss", "merge", "MLP", "model", "nats", "parameters", "right answers",
    "run", "seed", "snapshot", "special tokens", "step", "token", "tokenizer", "trigram", "uniform",
    "validation", "vocabulary", "width",
)  # fmt: skip
