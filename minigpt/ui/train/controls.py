"""Steering a run: pause, make a step, resume, stop, train longer."""

from collections.abc import Callable
from typing import Literal

import streamlit as st

from minigpt.config import InputError
from minigpt.engine.launch import one_step, resume
from minigpt.store import EXTENDABLE
from minigpt.ui import news
from minigpt.ui.once import is_second, remember
from minigpt.ui.train import longer
from minigpt.ui.visit import Visit
from minigpt.ui.words import sentence

REFUSAL = "refusal"
FIRST = 133  # px: the button that changes its name, as wide as the longest of them


def show(visit: Visit) -> None:
    """The buttons for the run's owner, or why there are none."""
    run, store = visit.run, visit.store
    if run.id == visit.demo_id and not visit.owns_run:
        st.caption("A finished example for everyone. **Start training** makes a run of your own.")
    elif not visit.owns_run:
        if visit.workspace_known and run.active:
            st.caption("You are watching somebody's run: only its owner can pause or stop it.")
    elif run.active:
        # Whatever the state, Stop is where it was.
        halts, leaves = run.standing in ("pausing", "paused"), run.standing in ("stopping", "going")
        if halts:
            button("Resume", "play_arrow", resume, store, visit.limits, run, width=FIRST)
        else:
            button("Pause", "pause", store.wish, run.id, "paused", width=FIRST, disabled=leaves)
        button(
            "Stop", "stop", store.wish, run.id, "stopped",
            help="Ends the run. It is kept.", disabled=leaves,
        )  # fmt: skip
        if halts:
            button(
                "One step", "skip_next", one_step, store, visit.limits, run,
                help="A single batch, then pause.", disabled=run.standing == "pausing",
            )  # fmt: skip
    elif run.state in EXTENDABLE and not run.imported:
        with st.popover("Train longer", icon=":material/more_time:", width=FIRST):
            can = longer.choose(visit)
            button(
                "Go on", "play_arrow", longer.start, visit,
                kind="primary", once=True, disabled=not can,
            )  # fmt: skip
    elif run.imported:
        st.caption("It came as a file and cannot train on: *Duplicate* starts one like it.")
    else:
        st.caption("It cannot go on: *Duplicate*, under *More*, starts one like it.")


def show_refusal() -> None:
    """Why what was asked for last was refused."""
    if refusal := news.get(REFUSAL):
        st.error(refusal)


def button(
    label: str,
    icon: str,
    act: Callable,
    *args: object,
    kind: str = "secondary",
    help: str | None = None,
    disabled: bool = False,
    once: bool = False,
    width: Literal["content"] | int = "content",
) -> None:
    """A button that acts before the page is drawn again; a refusal is kept, to be shown by it.

    `once` is for what a double click must not do twice.
    """

    def press() -> None:
        if once and is_second(label):
            return
        news.drop(REFUSAL)
        try:
            act(*args)
        except InputError as error:
            news.put(REFUSAL, sentence(error))
        else:
            remember(label)

    icon = f":material/{icon}:"
    st.button(
        label, icon=icon, type=kind, on_click=press, help=help, disabled=disabled, width=width
    )
