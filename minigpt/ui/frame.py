"""The frame every page stands in: page settings, menu, workspace, and the chosen run."""

from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from minigpt.config import InputError
from minigpt.ui import address, drawer
from minigpt.ui.choosing import choose_run
from minigpt.ui.glossary import explain
from minigpt.ui.pages import HOME, PAGES, Page
from minigpt.ui.visit import Visit, arrive
from minigpt.ui.words import sentence

# A picture of our own: Streamlit's icons would be fetched from a font host for the browser's tab.
ICON = Path(__file__).parents[2] / "assets" / "icon.svg"
# Streamlit writes white on the accent, which in the dark is bright because it is written in too.
STYLE = """<style>
[data-testid^="stBaseButton-primary"], [data-testid="stMultiSelectTagsContainer"] > span > span {
  background-color: #0F766E; border-color: #0F766E; }
[data-testid^="stBaseButton-primary"]:hover { background-color: #0C5F59; border-color: #0C5F59; }
[data-testid="stCaptionContainer"] code { font-size: 0.875rem; color: inherit; padding: 1px 3px;
  background: color-mix(in srgb, currentColor 10%, transparent); }
@media (max-width: 640px) { [data-testid="stTabs"] [role="tablist"] { flex-wrap: wrap; } }
</style>"""


def open_page(page: Page, about: str, *words: str, tells_trouble: bool = True) -> Visit:
    """Paints the frame and the page's title; returns whose visit it is and the run in the URL.

    `words` are those of `about` that a newcomer may not know.
    A page that moves tells by itself, not on top of it, what keeps the worker from working.
    Stops the script with a sentence on the page when the store cannot be opened.
    """
    st.set_page_config(
        page_title="minigpt" if page is HOME else f"{page.title} · minigpt",
        page_icon=ICON,
        layout="wide",
    )
    address.arrive(page)
    with st.sidebar:
        st.markdown("### minigpt")
        menu = st.container()
        run_choice = st.container()
        drawer.closes_after_a_tap(page.title)
    st.html(STYLE)
    st.title("Understand a GPT by training one" if page is HOME else page.title, anchor=False)
    st.markdown(about, help=explain(*words) if words else None)
    try:
        visit = arrive(tells_trouble)
    except InputError as error:
        _show_menu(menu)
        st.error(sentence(error))
        st.stop()
    address.settle(visit.run)
    _show_menu(menu)  # once: what is drawn twice moves what is below it
    with run_choice:
        choose_run(visit)
    return visit


def _show_menu(place: DeltaGenerator) -> None:
    with place:
        for page in PAGES:
            address.link(page, icon=page.icon)


def show_words(*words: str) -> None:
    """The words that stand on a page, explained at its foot, to be read in one go."""
    with st.expander("Words on this page", icon=":material/dictionary:"):
        st.markdown(explain(*sorted(words, key=str.lower)))
