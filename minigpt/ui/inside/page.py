"""The page: choose a text and a moment, and take the model apart with one instrument at a time."""

from dataclasses import fields

import streamlit as st

from minigpt.config import InputError
from minigpt.store import Run
from minigpt.ui import address, looking, moment, sides
from minigpt.ui.inside import (
    arithmetic,
    attribution,
    embeddings,
    learned,
    lens,
    matters,
    surprise,
)
from minigpt.ui.inside.view import View
from minigpt.ui.looking import Look
from minigpt.ui.visit import Visit, tell

INSTRUMENTS = {
    "Surprise": surprise.show,
    "Lens": lens.show,
    "Attribution": attribution.show,
    "What matters": matters.show,
    "Embeddings": embeddings.show,
    "Learned when": learned.show,
    "Arithmetic": arithmetic.show,
}
READ_NO_TEXT = ("What matters", "Embeddings", "Learned when")


def show(visit: Visit) -> None:
    """Draws it, anew while the training is played or goes on."""
    looking.follow(visit, _show)


def _show(visit: Visit, run: Run, text: str) -> None:
    at = moment.choose(run)
    read, refused = _read(run, text, at.step)
    for note in read.notes:
        st.caption(note)
    known = {field.name: getattr(read, field.name) for field in fields(Look)}
    view = View(**known, visit=visit, text=text, plays=at.plays)
    name, place = sides.opened(address.INSTRUMENT, run, list(INSTRUMENTS))
    with place:
        try:
            if refused and name not in READ_NO_TEXT:
                raise refused
            INSTRUMENTS[name](view)
        except InputError as error:
            tell(visit, error)


def _read(run: Run, text: str, step: int | None) -> tuple[Look, InputError | None]:
    """The model and the text it reads, or, where that cannot be read, the model and why. Raises
    InputError where the model has no weights."""
    try:
        return looking.look(run, text, step), None
    except InputError as error:
        return looking.unread(run, step), error
