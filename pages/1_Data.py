"""Data: bring a text, see it as the model will, and watch a tokenizer at work."""

import streamlit as st

from minigpt.config import InputError
from minigpt.ui import address, frame, pages, services
from minigpt.ui.choosing import choose_text, choose_tokenizer
from minigpt.ui.data import cutting, keeping, sources, text, uploads
from minigpt.ui.glossary import GLOSSARY, explain
from minigpt.ui.words import sentence

visit = frame.open_page(
    pages.DATA, "A model learns from one text. Bring your own, or take one that is here.", "model"
)

# Choose: where the text comes from.
SOURCES = {
    "Upload": uploads.upload,
    "Paste": sources.paste,
    "Library": sources.library,
    "Worlds": sources.worlds,
    "Downloads": sources.downloads,
}
for tab, bring in zip(
    st.tabs(list(SOURCES), key="source", on_change="rerun"), SOURCES.values(), strict=True
):
    if tab.open:
        with tab:
            bring(visit)
keeping.tell()

st.subheader("The text", anchor=False)
with st.container(horizontal=True, vertical_alignment="bottom"):
    chosen = choose_text(visit, "Look at")
    keeping.delete(visit, chosen)
try:
    text.show(chosen)
    keeping.tidy(visit, chosen)

    st.subheader("What the model sees: tokens", anchor=False, help=GLOSSARY["token"])
    kind, size = choose_tokenizer()
    cut = services.cut(chosen.id, kind, size)
    key = f"{chosen.id}-{kind}-{size}"
    cutting.compare(chosen, kind, size)
    cutting.tell_part(chosen, cut)
    cutting.show(chosen, cut, key)
    if kind == "bpe":
        st.subheader("Watch it merge", anchor=False, help=GLOSSARY["merge"])
        beginning = visit.store.passage(chosen.id, 0, cutting.BEGINNING)
        cutting.replay(beginning, chosen.characters, cut, key)
    st.subheader("The vocabulary", anchor=False, help=explain("vocabulary", "special tokens"))
    cutting.vocabulary(cut, key)
    st.subheader("How far counting gets", anchor=False, help=GLOSSARY["baseline"])
    cutting.baselines(chosen, cut)
    if st.button("Train on this", type="primary", icon=":material/arrow_forward:"):
        address.go(pages.TRAIN)
except InputError as error:
    st.error(sentence(error))

keeping.show_yours(visit)
frame.show_words(
    "baseline", "bigram", "bits per character", "BPE", "context", "floor", "Kneser-Ney", "loss",
    "merge", "model", "nats", "parameters", "repetition", "run", "seed", "special tokens", "token",
    "tokenizer", "trigram", "uniform", "validation", "vocabulary", "world",
)  # fmt: skip
