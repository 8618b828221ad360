"""All heads at once: a small map of each, with what it does; a click makes one large."""

import numpy as np
import streamlit as st

from minigpt.store import Run
from minigpt.ui import address, measured
from minigpt.ui.attention.reading import View
from minigpt.ui.components.board import board, clicked
from minigpt.ui.glossary import GLOSSARY, explain


def take_click(run: Run) -> None:
    """Makes the head the large one whose small map was just clicked."""
    head = clicked(_key(run), run.model.n_layer, run.model.n_head)
    if head is not None:
        usual = measured.clearest(run)
        address.put(address.LAYER, run, head[0], usual[0])
        address.put(address.HEAD, run, head[1], usual[1])


def show(view: View, chosen: tuple[int, int | str]) -> None:
    """The board. Badges stand under the maps once the heads have been measured."""
    st.subheader("Every head at a glance", anchor=False, help=GLOSSARY["head"])
    scores = measured.known_scores(view.run, view.at)
    L, H = view.shape
    badges = [
        [badge(scores, layer, head) if scores else "" for head in range(H)] for layer in range(L)
    ]
    head = chosen if isinstance(chosen[1], int) else None
    board(view.small, badges, head, key=_key(view.run))
    st.caption(
        "Each small map is a head, each line of maps a layer. A row is a token that looks, a "
        "column one that is looked at; the more a square stands out, the more attention it gets. "
        "Every map has the same scale, 0 to 100 %, so a pale one spreads its attention thin. "
        "Under each stands what the head does on text the model has not seen, and how clearly "
        "(1: nothing else, 0: no more than by chance). Click a map to see it large.",
        help=explain("attention", "head", "layer", "lift", "model", "role"),
    )


def badge(scores: "measured.HeadScores", layer: int, head: int) -> str:
    """What a head does in two words and a number, or that it is unclear."""
    from minigpt.interpret import UNCLEAR

    role = scores.roles[layer][head]
    if role == UNCLEAR:
        return UNCLEAR
    lift = scores.lifts[role][layer, head]
    return f"{role} {lift:.2f}" if np.isfinite(lift) else role


def _key(run: Run) -> str:
    return f"board-{run.id}"
