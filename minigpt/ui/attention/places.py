"""What a head looks for: the places where it attends most sharply, in context."""

import streamlit as st

from minigpt import tokenizers
from minigpt.config import InputError
from minigpt.counting import percent
from minigpt.ui import measured
from minigpt.ui.attention.one_head import named
from minigpt.ui.attention.reading import View
from minigpt.ui.tokens import chips
from minigpt.ui.words import sentence

BEFORE, BETWEEN = 8, 24  # tokens shown before what is looked at, and at most up to who looks


def show(view: View, layer: int, head: int, *, reads_text: bool) -> None:
    """The sharpest places: of held-out text for those who may read it, else of what the model wrote
    itself."""
    st.subheader("What it looks for", anchor=False)
    try:
        found = measured.places(view.run, view.at, layer, head, reads_text=reads_text)
        windows = measured.sample(view.run, reads_text=reads_text).windows
        held = measured.sample(view.run, reads_text=reads_text).held_out
    except InputError as error:
        st.caption(sentence(error))
        return
    where = "text it was not trained on" if held else "what it wrote itself"
    st.caption(
        f"Where {named(layer, head)} puts most of a token's attention on one other, in {where}. "
        "The last token of each line looks at the marked one."
    )
    names = tokenizers.load(view.run.tokenizer).tokens
    for place in found:
        ids = windows[place.window]
        start = max(0, place.column - BEFORE)
        shown = [names[i] for i in ids[start : place.row + 1]]
        marked = {place.column - start}
        if place.row - place.column > BETWEEN:
            keep = place.column - start + BETWEEN // 2
            shown = [*shown[:keep], "…", *shown[-BETWEEN // 2 :]]
        with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
            st.markdown(percent(place.weight, 0), width=60)
            st.html(chips(shown, marked, breaks=False), width="stretch")
