"""Which moment of the training is looked at: the curve, a slider under it, and a way to play it."""

import time
from dataclasses import dataclass

import streamlit as st

from minigpt import plots
from minigpt.config import InputError
from minigpt.store import Run
from minigpt.ui import address, services
from minigpt.ui.figures import show_chart
from minigpt.ui.glossary import GLOSSARY

NEWEST = -1  # on the slider, in the place of a step
PLAY_SECONDS, LIVE_SECONDS = 1.0, 4.0  # between two moments; between two looks at a run that trains
CURVE = 210  # px
SHOWN_STEPS = 600  # of a curve


@dataclass(frozen=True)
class Moment:
    """A moment of training whose weights are kept; without a step it is the newest, which a run
    that goes on moves along."""

    step: int | None
    plays: bool


def tick(run: Run) -> float | None:
    """After how many seconds the page looks again."""
    if _next(run) is not None:
        return PLAY_SECONDS
    return LIVE_SECONDS if run.active else None


def choose(run: Run) -> Moment:
    """The curve with the chosen moment marked, and the slider; the newest at first.

    The choice keeps its place while further moments come: they are told apart by their names, and
    the newest of a run that goes on is called the newest, whatever its step.
    """
    store = services.store()
    newest = store.weights_step(run.id)
    steps = [step for step in store.snapshot_steps(run.id) if newest and step < newest]
    options = [*steps, NEWEST]

    def kept(step: int) -> int:
        if step != newest and step not in steps:
            raise InputError("of that step no weights are kept")
        return NEWEST if step == newest else step

    if _next(run) is not None and time.monotonic() >= _next(run):
        _advance(run, options)
    field = address.bind(address.STEP, run, NEWEST, kept)
    if not steps:
        return Moment(None, plays=False)
    place, controls = st.container(), st.container(horizontal=True, vertical_alignment="bottom")
    with controls:
        _button(run, options)
        moment = st.select_slider(
            "Moment of training",
            options,
            format_func=lambda step: "the newest" if step == NEWEST else f"step {step:,}",
            help="Slide back and see the model as it was. At step 0 it has learned nothing yet. "
            + GLOSSARY["step"],
            **field,
        )
    at = newest if moment == NEWEST else moment
    with place:
        curves = store.curves(run.id, SHOWN_STEPS)
        if len(curves.step):
            losses = curves.step, curves.train_loss, curves.val_loss
            chart = plots.moment(*losses, at, run.train.max_steps, CURVE)
            show_chart(chart, f"moment-{run.id}", moving=True)
    if moment == NEWEST:
        follows = ", and follows the training" if run.active else ""
        st.caption(f"The newest is step {newest:,}{follows}.", help=GLOSSARY["step"])
    else:
        st.caption(f"Step {at:,} of {run.train.max_steps:,}: the dashed line in the curve.")
    return Moment(None if moment == NEWEST else moment, _next(run) is not None)


def _button(run: Run, options: list[int]) -> None:
    """Plays the training from the chosen moment on, from its beginning where that is the newest."""
    plays = _next(run) is not None
    label, icon = ("Pause", ":material/pause:") if plays else ("Play", ":material/play_arrow:")
    if not st.button(label, icon=icon, key=f"play-{run.id}"):
        return
    if plays:
        _stop(run)
    else:
        shown = st.session_state.get(address.STEP.key(run), NEWEST)
        _show(run, options[0] if shown == NEWEST else shown)
    st.rerun()  # the whole page, for a part of it cannot change how often it looks again


def _advance(run: Run, options: list[int]) -> None:
    """Goes to the moment after the one that is shown; at the newest it ends."""
    _, shown = st.session_state[_playing(run)]
    following = options[options.index(shown) + 1 :] if shown in options else []
    _show(run, following[0] if following else NEWEST)
    if len(following) < 2:
        _stop(run)
        st.rerun()


def _show(run: Run, step: int) -> None:
    """Shows a moment until the next one is due."""
    address.put(address.STEP, run, step, NEWEST)
    st.session_state[_playing(run)] = time.monotonic() + PLAY_SECONDS, step


def _playing(run: Run) -> str:
    return f"playing-{run.id}"


def _next(run: Run) -> float | None:
    """When the next moment is due, by this process's clock; None while nothing plays."""
    return st.session_state.get(_playing(run), (None, NEWEST))[0]


def _stop(run: Run) -> None:
    st.session_state.pop(_playing(run), None)
