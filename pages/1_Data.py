"""Data: bring a text, see it as the model will, and watch a tokenizer at work."""

import streamlit as st

from minigpt.config import InputError
from minigpt.ui import frame, services, texts
from minigpt.ui.data import cutting, sources
from minigpt.ui.glossary import GLOSSARY, explain

visit = frame.open_page(
    "Data", "A model learns from one text. Bring your own, or take one that is here.", "model"
)

# Choose: where the text comes from.
SOURCES = {
    "Upload": sources.upload,
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
sources.tell()

st.subheader("The text", anchor=False)
with st.container(horizontal=True, vertical_alignment="bottom"):
    text = texts.choose(visit, "Look at")
    sources.delete(visit, text)
try:
    body = visit.store.text(text.id)
    texts.show(text, body)
    sources.tidy(visit, text, body)

    st.subheader("What the model sees: tokens", anchor=False, help=GLOSSARY["token"])
    kind, size = cutting.choose()
    cut = services.cut(text.id, kind, size)
    key = f"{text.id}-{kind}-{size}"
    cutting.compare(text, kind, size)
    cutting.show(body, cut, key)
    if kind == "bpe":
        st.subheader("Watch it merge", anchor=False, help=GLOSSARY["merge"])
        cutting.replay(body, cut, key)
    st.subheader("The vocabulary", anchor=False, help=explain("vocabulary", "special tokens"))
    cutting.vocabulary(cut, key)
    st.subheader("How far counting gets", anchor=False, help=GLOSSARY["baseline"])
    cutting.baselines(text, cut)
    if st.button("Train on this", type="primary", icon=":material/arrow_forward:"):
        frame.go("pages/2_Train.py")
except InputError as error:
    st.error(frame.sentence(error))

frame.show_words(
    "baseline", "bigram", "bits per character", "BPE", "context", "floor", "Kneser-Ney", "loss",
    "merge", "model", "nats", "parameters", "repetition", "run", "seed", "special tokens", "token",
    "tokenizer", "trigram", "uniform", "validation", "vocabulary", "world",
)  # fmt: skip
