"""Choosing a text, looking at it, and cleaning it up."""

import streamlit as st

from minigpt.config import InputError
from minigpt.corpus import in_bits, worlds
from minigpt.corpus.statistics import Forms
from minigpt.counting import counted
from minigpt.store import LIBRARY_SHELF, Text
from minigpt.ui import frame, services, tokens
from minigpt.ui.glossary import GLOSSARY, explain

NEXT = "next_text"
PART_CHARACTERS = 2_000  # of a text on the screen at once


def _chosen(visit: frame.Visit) -> str:
    """Where a session keeps the chosen text: anew once the browser has told whose it is."""
    return f"text-{visit.workspace}"


def on_shelf(visit: frame.Visit) -> dict[str, Text]:
    """The visitor's texts, newest first, then the library's."""
    own, library = (visit.store.texts(shelf) for shelf in (visit.workspace, LIBRARY_SHELF))
    taken = {text.id for text in own}
    return {text.id: text for text in own + [text for text in library if text.id not in taken]}


def chosen(visit: frame.Visit) -> Text:
    """The text that stands in the choice. Raises InputError when it has been cleared since."""
    shelf = on_shelf(visit)
    text_id = st.session_state.get(_chosen(visit))
    if text_id not in shelf:
        raise InputError("this text is no longer here: upload or paste it again")
    return shelf[text_id]


def choose(visit: frame.Visit, label: str) -> Text:
    """A choice among the visitor's texts and the library; the newest is chosen at first."""
    shelf = on_shelf(visit)
    key = _chosen(visit)
    if (wanted := st.session_state.pop(NEXT, None)) in shelf:
        st.session_state[key] = wanted
    newest = next(iter(shelf))
    if frame.hold(key, newest) not in shelf:
        st.session_state[key] = newest
    text_id = st.selectbox(
        label,
        list(shelf),
        format_func=lambda text_id: described(shelf[text_id]),
        key=key,
        persist_state="session",
        help="Your own texts stand first, then the library's.",
    )
    return shelf[text_id]


def described(text: Text) -> str:
    """A text as a choice shows it."""
    return f"{text.name} · {counted(text.characters, 'character')}"


def choose_next(text_id: str | None) -> None:
    """Has this text chosen when the choice is drawn next, if the visitor has it."""
    st.session_state[NEXT] = text_id


def choose_part(label: str, parts: int, key: str) -> int:
    """Which of so many parts to look at, from 0."""
    if parts < 2:
        return 0
    return st.number_input(f"{label}, of {parts:,}", 1, parts, 1, key=key, width=180) - 1


def show(text: Text, body: str) -> None:
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
            part = choose_part("Part", -(-len(body) // PART_CHARACTERS), f"part-{text.id}")
        start = part * PART_CHARACTERS
        running = tokens.running(body[start : start + PART_CHARACTERS], marks=marks)
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
        "Repetition", f"{numbers.repetition:.1%}", border=True, help=GLOSSARY["repetition"]
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
    parts = " and ".join([frame.plain(base), *(f"U+{ord(mark):04X}" for mark in marks)])
    also = f", and {forms.one:,} of the same letters as one" if forms.one else ""
    letters = "1 letter is" if forms.several == 1 else f"{forms.several:,} letters are"
    return (
        f"{letters} written as several characters each, as {frame.plain(forms.example)} of {parts}"
        f"{also}. To the eye it is the same letter, to a model another. *Clean it up* can write "
        "each letter in one form."
    )
