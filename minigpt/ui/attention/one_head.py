"""One head, large: its map and its lines, what it does, and downloads."""

import streamlit as st

from minigpt import plots
from minigpt.config import InputError
from minigpt.store import Run
from minigpt.ui import address, looking, measured, pages
from minigpt.ui.attention.reading import View
from minigpt.ui.components.head_view import head_view
from minigpt.ui.downloads import download_button
from minigpt.ui.glossary import GLOSSARY, explain

SHOWS = {"share": "share of attention", "norm": "what it brings"}
FILES = {"share": "attention", "norm": "attention-brings"}
HOW = {
    "share": "Read along a row: each token spreads 100 % over itself and the tokens before it. "
    "Nobody can look ahead, so the upper right is empty. The lines of several kept tokens add up.",
    "norm": "Each share times the length of what is read there: ‖α v W_O‖ (Kobayashi et al. 2020). "
    "A token can be looked at and bring nothing. Lengths have no upper end: the scale goes to the "
    "largest of all heads on this text.",
}


def choose(run: Run) -> tuple[int, int | str, str]:
    """Which layer, which head or the average of the layer's, and what of it is shown."""
    L, H = run.model.n_layer, run.model.n_head
    st.subheader("One head", anchor=False, help=GLOSSARY["attention"])
    heads = [*range(H), address.AVERAGE] if H > 1 else [0]
    usual = measured.clearest(run)

    def one_of(head: int | str) -> int | str:
        if head != address.AVERAGE:
            return address.within(0, H - 1)(head)
        if H == 1:
            raise InputError("this model has one head")
        return head

    with st.container(horizontal=True, gap="medium"):
        layer = st.segmented_control(
            "Layer", range(L), required=True, help=GLOSSARY["layer"],
            **address.bind(address.LAYER, run, usual[0], address.within(0, L - 1), "default"),
        )  # fmt: skip
        head = st.segmented_control(
            "Head", heads, required=True,
            help=f"{GLOSSARY['head']} Their average shows what a layer looks at in all.",
            **address.bind(address.HEAD, run, usual[1], one_of, "default"),
        )  # fmt: skip
        shows = st.segmented_control(
            "Shows", list(SHOWS), required=True, format_func=SHOWS.get,
            help="How much a token looks, or how much that brings: what is read can be short.",
            **address.bind(address.SHOWS, run, "share", begins="default"),
        )  # fmt: skip
    return layer, head, shows


def show(view: View, layer: int, head: int | str, shows: str, kept: list[int]) -> None:
    """Map and lines, with the tokens `kept` before anybody chose; a caption, and the numbers as
    files."""
    if shows == "norm":
        pattern, highest = view.norms(layer, head)
        highest = highest or 1.0
    else:
        pattern, highest = view.map(layer, head), 1.0
    title = capital(f"{named(layer, head)}, step {view.at:,}")
    file = f"{view.file(FILES[shows])}-layer{layer}-head{head}"
    before = address.read(address.KEPT_TOKENS, view.run, kept)
    now = head_view(
        pattern,
        view.tokens,
        key=f"head-{view.run.id}",
        title=title,
        file=f"{file}.png",
        kept=before,
        kind=shows,
        highest=highest,
    )
    if now != before:
        address.put(address.KEPT_TOKENS, view.run, now, kept)
    st.caption(HOW[shows], help=explain("attention", "head", "token"))
    with st.container(horizontal=True):
        download_button(
            "Download as SVG",
            lambda: plots.svg(pattern, view.tokens, title, kind=shows, highest=highest),
            f"{file}.svg",
            "image/svg+xml",
            icon=":material/download:",
        )
        download_button(
            "Download as CSV",
            lambda: plots.table(pattern, view.tokens),
            f"{file}.csv",
            "text/csv",
            icon=":material/download:",
        )
        if st.button(
            "Take it apart", icon=pages.INSIDE.icon, type="tertiary",
            help="Opens Inside where the model guesses what comes after the last token that is "
            "kept, or after the whole text: which of its parts spoke for it.",
        ):  # fmt: skip
            looking.take_apart(view.run, now[-1] + 1 if now else address.LAST)


def named(layer: int, head: int | str) -> str:
    """A head in words."""
    if head == address.AVERAGE:
        return f"average of layer {layer}'s heads"
    return f"layer {layer}, head {head}"


def capital(words: str) -> str:
    """The words as the beginning of a sentence."""
    return words[0].upper() + words[1:]
