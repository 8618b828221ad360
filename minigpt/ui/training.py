"""A run as it trains: its curve, its numbers, its controls and what it writes."""

import math

import numpy as np
import streamlit as st

from minigpt import plots
from minigpt.config import InputError
from minigpt.store import Curves, Run, State, Wish
from minigpt.ui import frame, services
from minigpt.ui.figures import show_figure
from minigpt.ui.glossary import GLOSSARY

# A redraw costs the browser about 0.1 s of a core, which on a laptop is taken from the training.
# So the curve moves every second while it falls fast, and every three once it is slow.
QUICK_TICK, SLOW_TICK = 1.0, 3.0
QUICK_SECONDS = 30.0  # of training
SHOWN_STEPS = 2_000  # of a longer run, evenly spaced
REFUSAL = "training_refusal"
BADGES: dict[State, tuple[str, str]] = {
    "queued": (":material/hourglass_empty:", "gray"),
    "running": (":material/play_circle:", "primary"),
    "paused": (":material/pause_circle:", "orange"),
    "finished": (":material/check_circle:", "primary"),
    "stopped": (":material/stop_circle:", "gray"),
    "diverged": (":material/error:", "red"),
    "failed": (":material/error:", "red"),
}


def show(visit: frame.Visit) -> None:
    """The chosen run: name and state, controls, and the part that moves."""
    run = visit.run
    icon, color = BADGES[run.state]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(run.name.replace("*", "\\*"), anchor=False, width="content")
        st.badge(run.state, icon=icon, color=color)
    _controls(visit)
    if run.reason:
        st.error(f"This run {run.state}: {run.reason}.")
    tick = _tick(run, visit.store.curves(run.id, SHOWN_STEPS))
    st.fragment(_live, run_every=tick)(run, tick)


def _tick(run: Run, curves: Curves) -> float | None:
    """After how many seconds the page asks again; never for a run at rest."""
    if not run.active:
        return None
    young = not len(curves.seconds) or curves.seconds[-1] < QUICK_SECONDS
    return QUICK_TICK if young else SLOW_TICK


def _controls(visit: frame.Visit) -> None:
    run = visit.run
    if not run.active:
        return
    if not visit.owns_run:
        if visit.workspace_known:
            st.caption("You are watching somebody's run: only its owner can pause or stop it.")
        return
    with st.container(horizontal=True):
        if run.wish == "paused":
            _wish_button("Resume", ":material/play_arrow:", run, "running")
        else:
            _wish_button("Pause", ":material/pause:", run, "paused")
        _wish_button("Stop", ":material/stop:", run, "stopped")
    if refusal := st.session_state.pop(REFUSAL, None):
        st.error(frame.sentence(refusal))


def _wish_button(label: str, icon: str, run: Run, wish: Wish) -> None:
    st.button(label, icon=icon, key=f"{wish}-{run.id}", on_click=_wish, args=(run.id, wish))


def _wish(run_id: str, wish: Wish) -> None:
    try:
        services.store().wish(run_id, wish)
    except InputError as error:
        st.session_state[REFUSAL] = str(error)


def _live(shown: Run, tick: float | None) -> None:
    """Curve, numbers and newest sample, as of now; a new state or pace redraws the whole page."""
    store = services.store()
    try:
        run = store.run(shown.id)
        curves = store.curves(run.id, SHOWN_STEPS)
    except InputError as error:
        st.info(frame.sentence(error))
        return
    if (run.state, run.wish, _tick(run, curves)) != (shown.state, shown.wish, tick):
        st.rerun()
    _numbers(run, curves)
    _curve(run, curves)
    _newest_sample(run)


def _numbers(run: Run, curves: Curves) -> None:
    progress, loss, speed = st.columns(3)
    progress.metric(
        "Step",
        f"{run.step:,} / {run.train.max_steps:,}",
        help=GLOSSARY["step"],
        border=True,
        height="stretch",
    )
    measured = curves.val_loss[~np.isnan(curves.val_loss)]
    seen = "unseen text" if len(measured) else "training text"
    value = measured[-1] if len(measured) else curves.train_loss[-1] if len(curves.step) else None
    loss.metric(
        f"Loss on {seen}",
        "–" if value is None else f"{value:.3f} nats",
        delta=None if value is None else f"{value / math.log(2):.2f} bits per character",
        delta_color="off",
        delta_arrow="off",
        help=f"{GLOSSARY['loss']} {GLOSSARY['validation']}",
        border=True,
        height="stretch",
    )
    rate = _seconds_per_step(curves)
    tokens = run.train.batch_size * run.model.block_size
    left = (run.train.max_steps - run.step) * rate if rate else None
    speed.metric(
        "Tokens per second",
        f"{tokens / rate:,.0f}" if rate else "–",
        delta=_time_left(run, left),
        delta_color="off",
        delta_arrow="off",
        help=GLOSSARY["tokens per second"],
        border=True,
        height="stretch",
    )


def _seconds_per_step(curves: Curves) -> float | None:
    """Over the newest 50 steps."""
    recent = slice(-50, None)
    steps, seconds = curves.step[recent], curves.seconds[recent]
    return (seconds[-1] - seconds[0]) / (steps[-1] - steps[0]) if len(steps) > 1 else None


def _time_left(run: Run, seconds: float | None) -> str:
    if not run.active:
        return "at rest"
    if run.state == "paused":
        return "paused"
    if seconds is None:
        return "starting …"
    minutes, seconds = divmod(math.ceil(seconds), 60)
    return f"{minutes}:{seconds:02} to go"


def _curve(run: Run, curves: Curves) -> None:
    if not len(curves.step):
        st.caption("Waiting for the first step …" if run.active else "This run made no step.")
        return
    lines = services.baselines(run.id)
    guides = {"uniform": lines.uniform, "bigram": lines.bigram} if lines else {}
    data = (curves.step, curves.train_loss, curves.val_loss, guides)
    if run.active:
        # ECharts takes new points without a remount; a Plotly chart would lose zoom each tick.
        option = plots.live_loss_option(*data, max_steps=run.train.max_steps)
        st.echarts_chart(option, height=380, key=f"live-{run.id}")
    else:
        show_figure(plots.loss_curve(*data), f"rest-{run.id}")
    st.caption(
        "Look for two lines that fall together. When validation turns up while training falls, the "
        "model learns the text by heart. Dashed: blind guessing (uniform), and knowing only which "
        "character follows which (bigram)."
    )


def _newest_sample(run: Run) -> None:
    samples = services.store().samples(run.id)
    if samples:
        step, body = samples[-1]
        st.markdown(f"**What it writes** at step {step:,}")
        st.code(body, language=None, wrap_lines=True, height=180)
