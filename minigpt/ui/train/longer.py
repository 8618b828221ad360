"""An ended run that trains on: for how many steps, and how far its learning rate is raised."""

import streamlit as st

from minigpt.config import RESTART_SHARE, InputError, Restart
from minigpt.counting import percent
from minigpt.engine.launch import check_longer, longer_plan, raises_rate, train_longer
from minigpt.store import Run
from minigpt.ui import numbers
from minigpt.ui.glossary import GLOSSARY
from minigpt.ui.visit import Visit
from minigpt.ui.words import sentence


def choose(visit: Visit) -> bool:
    """The further steps, the rate they begin with, and what that will do; returns whether it can
    be done."""
    run, most = visit.run, max(1, visit.limits.max_steps - visit.run.step)
    left = run.train.planned_steps - run.step  # of a plan whose end it has not come to
    further = numbers.field(
        "Further steps",
        min(left if left > 0 else run.train.max_steps, most),
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
        disabled=not raises_rate(run, further),
        help=f"{Restart.help_of('share')} This is called a warm restart (Loshchilov & Hutter "
        "2017).",
    )
    try:
        check_longer(visit.limits, run, *_chosen(run))
        st.caption(longer_plan(run, *_chosen(run)), help=GLOSSARY["loss"])
    except InputError as error:
        st.warning(sentence(error))
        return False
    return True


def start(visit: Visit) -> None:
    """Puts the run in line once more. Raises InputError."""
    train_longer(visit.store, visit.limits, visit.run, *_chosen(visit.run))


def told(run: Run) -> str:
    """How the run was made longer, in a sentence; empty when it was not."""
    parts = [f"from step {r.start:,} at {percent(r.share, 0)}" for r in run.train.restarts]
    if not parts:
        return ""
    return (
        f"Trained longer {' and '.join(parts)} of its peak learning rate: the loss may rise there "
        "before it falls on."
    )


def _chosen(run: Run) -> tuple[int, float]:
    """Further steps and share of the peak, as they are now, not when a button was drawn."""
    further = numbers.typed(_key(run, "further"), 1)
    return further, st.session_state[_key(run, "restart")] / 100


def _key(run: Run, name: str) -> str:
    return f"{name}-{run.id}"
