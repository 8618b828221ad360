"""What of a page stands in its address: the run that is shown, and those compared with it."""

from collections.abc import Sequence

import streamlit as st

from minigpt.ui.pages import Page

BESIDE = "beside"  # in the URL: the runs that are compared with the one there


def carried() -> dict[str, str]:
    """What of the address a page passes on to the next."""
    said = st.query_params.to_dict()
    return {name: said[name] for name in ("run", BESIDE) if said.get(name)}


def link(page: Page, label: str = "", icon: str | None = None) -> None:
    """A link to another page, with the same run."""
    st.page_link(page.file, label=label or page.title, icon=icon, query_params=carried())


def go(page: Page) -> None:
    """Opens another page, with the same run."""
    st.switch_page(page.file, query_params=carried())


def show_run(run_id: str) -> None:
    """Makes a run the one in the URL: it survives a reload, and every page shows it."""
    leave_run()
    st.query_params["run"] = run_id


def leave_run() -> None:
    """Makes the demo the run that is shown, as on a first visit."""
    st.query_params.pop("run", None)
    show_beside([])


def beside() -> list[str]:
    """The runs in the URL that lie over the one there, each once."""
    return list(dict.fromkeys(st.query_params.get(BESIDE, "").split(",")))


def show_beside(run_ids: Sequence[str]) -> None:
    """Has these runs lie over the one in the URL, after a reload too."""
    st.query_params.pop(BESIDE, None)
    if run_ids:
        st.query_params[BESIDE] = ",".join(run_ids)
