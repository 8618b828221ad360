"""The page: choose a text and a moment, compute, draw, explain."""

import streamlit as st

from minigpt.store import Run
from minigpt.ui import address, looking, measured, moment
from minigpt.ui.attention import (
    all_heads,
    beside,
    doing,
    one_head,
    places,
    reading,
    through,
)
from minigpt.ui.visit import Visit


def show(visit: Visit) -> None:
    """Draws it, anew while the training is played or goes on."""
    looking.follow(visit, _show)


def _show(visit: Visit, run: Run, text: str) -> None:
    all_heads.take_click(run)
    at = moment.choose(run)
    view = reading.view(run, text, at.step)
    for note in view.notes:
        st.caption(note)
    board = st.container()
    layer, head, shows = one_head.choose(view.run)
    with board:
        all_heads.show(view, (layer, head))
    one_head.show(view, layer, head, shows, reading.usually_kept(visit, view))
    if not at.plays:
        _explain(visit, view, text, layer, head)


def _explain(visit: Visit, view: reading.View, text: str, layer: int, head: int | str) -> None:
    """What takes measuring: it comes after the pictures, and not while the training is played."""
    if head == address.AVERAGE:
        st.caption("Choose one head to see what it does and whether it matters.")
    else:
        doing.show(view, layer, head)
        places.show(view, layer, head, reads_text=visit.reads_text)
        through.show(view, layer, head)
    beside.show(visit, view, text, layer, head)
    _badge(view.run, view.at)


def _badge(run: Run, at: int) -> None:
    """Has the board drawn once more with its badges, once they are known."""
    shown = f"badges-{run.id}-{at}"
    if measured.known_scores(run, at) and not st.session_state.get(shown):
        st.session_state[shown] = True
        st.rerun()
