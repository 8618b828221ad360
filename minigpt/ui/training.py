"""A run as it trains: its curve, its numbers, its controls and what it writes."""

import math
from dataclasses import dataclass

import numpy as np
import streamlit as st

from minigpt import plots
from minigpt.config import InputError
from minigpt.store import Curves, Run, State, wait
from minigpt.ui import comparing, controls, curve_words, frame, services, single_step
from minigpt.ui.figures import show_figure
from minigpt.ui.glossary import GLOSSARY

# A redraw costs the browser about 0.1 s of a core, which on a laptop is taken from the training.
# So the curve moves every second while it falls fast, and every three once it is slow.
QUICK_TICK, SLOW_TICK = 1.0, 3.0
QUICK_SECONDS = 30.0  # of training
SHOWN_STEPS = 2_000  # of a longer run, evenly spaced
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
        st.subheader(frame.plain(run.name), anchor=False, width="content")
        st.badge(run.state, icon=icon, color=color)
    controls.show(visit)
    if run.reason:
        tell = st.error if run.state in ("failed", "diverged") else st.info
        verb = "is" if run.state == "paused" else "has"
        tell(f"This run {verb} {run.state}: {frame.plain(run.reason)}.")
    others, axis = comparing.choose(visit)
    tick = _tick(run, visit.store.curves(run.id, SHOWN_STEPS), others)
    shown = _Shown(run, tick, services.trouble(), visit.reads_text)
    st.fragment(_live, run_every=tick)(shown, others, axis)
    controls.forget_refusal()


@dataclass(frozen=True)
class _Shown:
    """What the page was drawn for; when it changes, the whole page is drawn again."""

    run: Run
    tick: float | None
    trouble: str
    reads_text: bool = False  # whether who looks may read the run's text

    @property
    def standing(self) -> tuple:
        run = self.run
        return run.state, run.wish, run.name, run.reason, self.tick, self.trouble


def _tick(run: Run, curves: Curves, others: list[str]) -> float | None:
    """After how many seconds the page asks again; never when all runs on it are at rest."""
    if not run.active:
        active = any(services.store().run(other).active for other in others)
        return QUICK_TICK if active else None
    young = not len(curves.seconds) or curves.seconds[-1] < QUICK_SECONDS
    return QUICK_TICK if young else SLOW_TICK


def _live(shown: _Shown, others: list[str], axis: str) -> None:
    """Curve, numbers and newest sample, as of now."""
    store = services.store()
    try:
        run = store.run(shown.run.id)
        frame.look(store, run)
        curves = store.curves(run.id, SHOWN_STEPS)
        if _Shown(run, _tick(run, curves, others), services.trouble()).standing != shown.standing:
            st.rerun()
        sharing = len(store.running())
        _numbers(run, curves, sharing)
        if run.state == "queued":
            _place_in_line(run)
        _curve(run, curves, sharing)
        single_step.show(run, reads_text=shown.reads_text)
        if others and len(curves.step):
            comparing.show(run, others, axis)
        _newest_sample(run)
    except InputError as error:
        st.info(frame.sentence(error))


def _place_in_line(run: Run) -> None:
    place = wait(services.store(), run.id)
    if place is None:
        return
    about = "" if place.seconds is None else f", in about {frame.clock(place.seconds)}"
    st.info(
        f"Number {place.position} in line: it begins when there is room{about}. "
        "You may close this page; the run keeps its place.",
        icon=":material/hourglass_empty:",
    )


def _numbers(run: Run, curves: Curves, sharing: int) -> None:
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
    bits = None if value is None else value / math.log(2) / run.characters_per_token
    loss.metric(
        f"Loss on {seen}",
        "–" if value is None else f"{value:.3f} nats",
        delta=None if bits is None else f"{bits:.2f} bits per character",
        delta_color="off",
        delta_arrow="off",
        help=f"{GLOSSARY['loss']} {GLOSSARY['validation']}",
        border=True,
        height="stretch",
    )
    rate = services.store().seconds_per_step(run.id)
    if rate and run.state == "running":
        rate *= max(sharing, 1)  # the others have their turns in between
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


def _time_left(run: Run, seconds: float | None) -> str:
    if not run.active:
        return "at rest"
    if run.state != "running":
        return run.state
    if seconds is None:
        return "starting …"
    return f"{frame.clock(seconds)} to go"


def _curve(run: Run, curves: Curves, sharing: int) -> None:
    if not len(curves.step):
        st.caption(
            "Paused before its first step: Resume lets it begin."
            if run.state == "paused"
            else "Waiting for the first step …"
            if run.active
            else "This run made no step."
        )
        return
    guides = services.guides(run)
    data = (curves.step, curves.train_loss, curves.val_loss, guides)
    if run.active:
        # ECharts takes new points without a remount; a Plotly chart would lose zoom each tick.
        option = plots.live_loss_option(*data, max_steps=run.train.max_steps)
        st.echarts_chart(option, height=380, key=f"live-{run.id}")
    else:
        show_figure(plots.loss_curve(*data), f"rest-{run.id}")
    curve_words.show(run, curves, sharing)
    _right_answers(run, curves)


def _right_answers(run: Run, curves: Curves) -> None:
    """How often the model is right where the text's rule leaves no choice."""
    asked = ~np.isnan(curves.accuracy)
    if not asked.any():
        return
    steps, shares = curves.step[asked], curves.accuracy[asked]
    st.markdown(f"**Right answers:** {shares[-1]:.1%}", help=GLOSSARY["right answers"])
    if run.active:
        option = plots.live_share_option(steps, shares, run.train.max_steps)
        st.echarts_chart(option, height=200, key=f"live-right-{run.id}")
    else:
        show_figure(plots.share_curve(steps, shares), f"rest-right-{run.id}")
    st.caption("Look for a long flat line and then a sudden rise: the moment the rule is found.")


def _newest_sample(run: Run) -> None:
    samples = services.store().samples(run.id)
    if samples:
        step, body = samples[-1]
        st.markdown(f"**What it writes** at step {step:,}")
        st.code(body, language=None, wrap_lines=True, height=180)
