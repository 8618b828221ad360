"""An ended run that trains on: for how many steps, and how far its learning rate is raised."""

import streamlit as st

from minigpt.config import RESTART_SHARE, Restart
from minigpt.launch import longer_plan, train_longer
from minigpt.store import Run
from minigpt.ui import frame
from minigpt.ui.glossary import GLOSSARY


def choose(visit: frame.Visit) -> None:
    """The further steps, the rate they begin with, and what that will do."""
    run = visit.run
    left = run.train.planned_steps - run.step  # of a run that was stopped before its end
    st.number_input(
        "Further steps",
        min_value=1,
        max_value=visit.limits.max_steps,
        value=min(left if left > 0 else run.train.max_steps, visit.limits.max_steps),
        step=100,
        key=_key(run, "further"),
        help="The run goes on from where it is.",
    )
    st.slider(
        "Learning rate to begin with",
        min_value=5,
        max_value=100,
        value=round(100 * RESTART_SHARE),
        step=5,
        format="%d %%",
        key=_key(run, "restart"),
        help=f"{Restart.help_of('share')} This is called a warm restart (Loshchilov & Hutter "
        "2017).",
    )
    st.caption(longer_plan(run, *_chosen(run)), help=GLOSSARY["loss"])


def start(visit: frame.Visit) -> None:
    """Puts the run in line once more. Raises InputError."""
    train_longer(visit.store, visit.limits, visit.run, *_chosen(visit.run))


def told(run: Run) -> str:
    """How the run was made longer, in a sentence; empty when it was not."""
    parts = [f"from step {r.start:,} at {r.share:.0%}" for r in run.train.restarts]
    if not parts:
        return ""
    return (
        f"Trained longer {' and '.join(parts)} of its peak learning rate: the loss may rise there "
        "before it falls on."
    )


def _chosen(run: Run) -> tuple[int, float]:
    """Further steps and share of the peak, as they are now, not when a button was drawn."""
    return st.session_state[_key(run, "further")], st.session_state[_key(run, "restart")] / 100


def _key(run: Run, name: str) -> str:
    return f"{name}-{run.id}"
