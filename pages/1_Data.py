"""Data: bring a text, and see it as the model will."""

import streamlit as st

from minigpt.config import InputError
from minigpt.ui import frame, texts

visit = frame.open_page(
    "Data", "A model learns from one text. Bring your own, or take one from the library."
)

upload, paste = st.tabs(["Upload", "Paste"])
with upload:
    files = st.file_uploader(
        "Text files",
        accept_multiple_files=True,
        help="Plain text in UTF-8, or with a byte order mark: .txt, .md, .csv, .py and the like. "
        f"At most {visit.limits.max_text_mb} MB.",
    )
    for file in files:
        texts.take_file(visit, file)
with paste:
    texts.take_paste(visit)

text = texts.choose(visit, "Look at")
try:
    body = visit.store.text(text.id)
    texts.show_statistics(body)
    texts.show_tokens(body)
    texts.show_baselines(text.id)
except InputError as error:
    st.error(frame.sentence(error))
st.page_link("pages/2_Train.py", label="Train on this text", icon=":material/arrow_forward:")
