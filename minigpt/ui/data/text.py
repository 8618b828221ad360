"""The text that was chosen: part by part, and its numbers."""

import streamlit as st

from minigpt.corpus import in_bits, worlds
from minigpt.corpus.statistics import Forms
from minigpt.counting import percent
from minigpt.store import Text
from minigpt.ui import services, tokens
from minigpt.ui.choosing import choose_part
from minigpt.ui.glossary import GLOSSARY, explain
from minigpt.ui.words import plain

PART_CHARACTERS = 2_000  # on the screen at once


def show(text: Text) -> None:
    """The text itself, part by part, and its numbers, which for a long text come a moment later."""
    numbers_place = st.container()
    with st.container(border=True):
        with st.container(
            horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"
        ):
            marks = st.toggle(
                "Show spaces and line ends",
                key="marks",
                persist_state="session",
                help="A model sees them like any other character: · is a space, ⏎ a line end, "
                "⇥ a tab, and what has no glyph shows its number.",
            )
            part = choose_part("Part", -(-text.characters // PART_CHARACTERS), f"part-{text.id}")
        start = part * PART_CHARACTERS
        body = services.store().passage(text.id, start, start + PART_CHARACTERS)
        running = tokens.running(body, marks=marks)
        st.html(tokens.scrolled(running, "The text", 260))
    with numbers_place:
        _show_numbers(text)


def _show_numbers(text: Text) -> None:
    numbers = services.statistics(text.id)
    columns = st.columns(4)
    columns[0].metric("Characters", f"{numbers.characters:,}", border=True)
    columns[1].metric("Lines", f"{numbers.lines:,}", border=True)
    columns[2].metric(
        "Different characters",
        f"{numbers.distinct:,}",
        border=True,
        help="So many tokens a model has to know that reads one character at a time.",
    )
    columns[3].metric(
        "Repetition", percent(numbers.repetition), border=True, help=GLOSSARY["repetition"]
    )
    if numbers.forms.several:
        st.caption(_forms(numbers.forms))
    if world := worlds.load(text.origin):
        st.caption(
            f"Lowest possible loss: {world.floor:.3f} nats, {in_bits(world.floor):.2f} bits "
            "per character.",
            help=explain("floor", "loss", "nats", "bits per character"),
        )


def _forms(forms: Forms) -> str:
    """That a text writes letters as several characters, or in both ways."""
    base, *marks = forms.example
    parts = " and ".join([plain(base), *(f"U+{ord(mark):04X}" for mark in marks)])
    also = f", and {forms.one:,} of the same letters as one" if forms.one else ""
    letters = "1 letter is" if forms.several == 1 else f"{forms.several:,} letters are"
    return (
        f"{letters} written as several characters each, as {plain(forms.example)} of {parts}"
        f"{also}. To the eye it is the same letter, to a model another. *Clean it up* can write "
        "each letter in one form."
    )
