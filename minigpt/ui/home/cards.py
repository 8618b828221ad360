"""Where to go from Home: one's own runs, and the other pages."""

import streamlit as st

from minigpt.store import Run
from minigpt.ui import address
from minigpt.ui.pages import HOME, PAGES, TRAIN


def list_runs(runs: list[Run]) -> None:
    """Runs as rows with their state, each with a link to its page."""
    for run in runs[:12]:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.text(run.name, width="stretch")
            st.caption(
                f"{run.standing}, step {run.step:,} of {run.train.max_steps:,}", width="content"
            )
            address.link(TRAIN, "Open", ":material/open_in_new:", run_id=run.id)


def show_tour() -> None:
    """A card for each other page."""
    others = [page for page in PAGES if page is not HOME]
    for column, page in zip(st.columns(len(others)), others, strict=True):
        with column, st.container(border=True, height="stretch"):
            address.link(page)
            st.caption(page.purpose)
