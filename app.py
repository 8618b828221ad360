"""Home: what this is, a model to talk to at once, what training did to it, and where to go."""

import streamlit as st

from minigpt import tokenizers
from minigpt.config import InputError
from minigpt.ui import frame, pages, written
from minigpt.ui.glossary import BRIEF, explain
from minigpt.ui.home import cards, progress, talk
from minigpt.ui.prompts import notes_on
from minigpt.ui.visit import tell

visit = frame.open_page(
    pages.HOME,
    f"A **GPT** {BRIEF['GPT']}, again and again, as chat assistants do. Bring a text, and a small "
    f"one learns it in front of you: watch its **loss** fall ({BRIEF['loss']}), see its "
    f"**attention** take shape ({BRIEF['attention']}), and let it **write**. Then take it apart.",
)

# Choose and compute: a prompt, continued token by token.
talking, bars = st.columns([3, 2], gap="large")
with talking, st.container(border=True):
    st.subheader("Talk to it", anchor=False)
    prompt, asked = talk.ask(visit.run)
    for note in notes_on(visit.run, prompt, "beginning"):
        st.caption(note)
    place = st.empty()
    told = st.container()

with bars, st.container(border=True):
    st.subheader("What could come next", anchor=False)
    bars_place = st.empty()
    st.caption(
        "Before each token the model gives every token of its vocabulary a probability, then one "
        "is drawn. Slate: what the model believes. Teal: what it is drawn from.",
        help=explain("model", "token", "vocabulary"),
    )

before = None if asked else written.kept(visit.run)
if before and not (before.finished or before.stopped):  # another click came between
    before = None
if before:
    written.draw(before, tokenizers.load(visit.run.tokenizer), place)
    with told:
        written.tell_about(before, visit.run, prompt)
    with bars_place.container():
        written.explain_choice(visit.run, before)
else:
    written.show_last_sample(visit, place)
    bars_place.caption("Waking the model …")

# Explain: the same model at three moments of its training.
st.subheader("From noise to words", anchor=False)
progress.show(visit)

own = visit.store.runs(visit.workspace)
if own:
    st.subheader("Your runs", anchor=False)
    cards.list_runs(own)

st.subheader("Where to go", anchor=False)
cards.show_tour()
frame.show_words(
    "attention", "context", "GPT", "layer", "loss", "model", "nats", "parameters", "run",
    "special tokens", "step", "token", "tokenizer", "vocabulary",
)  # fmt: skip

# The model comes last, so that the page is painted before torch is loaded. A new visitor sees it
# write without asking.
if not before:
    try:
        text = written.write(visit.run, prompt, written.USUAL, place, bars_place)
    except InputError as error:
        written.forget()
        with place.container():
            tell(visit, error)
        bars_place.empty()
    else:
        with told:
            written.tell_about(text, visit.run, prompt)
        with bars_place.container():
            written.explain_choice(visit.run, text)
