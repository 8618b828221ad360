"""A run as it trains: its curve, its numbers, its controls and what it writes."""

import numpy as np
import streamlit as st

from minigpt import plots
from minigpt.config import InputError, SettingError
from minigpt.corpus import bits_per_character
from minigpt.counting import percent
from minigpt.store import Curves, Run, wait
from minigpt.ui import services, tokens
from minigpt.ui.figures import show_chart
from minigpt.ui.glossary import GLOSSARY, explain
from minigpt.ui.train import comparing, controls, curve_words, menu, room, single_step
from minigpt.ui.visit import Visit, look
from minigpt.ui.words import clock, plain, rough, says, sentence

# A redraw costs the browser about 0.1 s of a core, which on a laptop is taken from the training.
# So the curve moves every second while it falls fast, and every three once it is slow.
QUICK_TICK, SLOW_TICK = 1.0, 3.0
QUICK_SECONDS = 30.0  # of training
PACE_SECONDS = 10.0  # between two looks at which of both it should be
SHOWN_STEPS = 2_000  # of a longer run, evenly spaced
BADGES: dict[str, tuple[str, str]] = {
    "queued": (":material/hourglass_empty:", "gray"),
    "running": (":material/play_circle:", "primary"),
    "pausing": (":material/pause_circle:", "orange"),
    "paused": (":material/pause_circle:", "orange"),
    "stopping": (":material/stop_circle:", "gray"),
    "going": (":material/delete:", "gray"),
    "finished": (":material/check_circle:", "primary"),
    "stopped": (":material/stop_circle:", "gray"),
    "diverged": (":material/error:", "red"),
    "failed": (":material/error:", "red"),
}


def show(visit: Visit) -> None:
    """The chosen run: name and state, controls, the part that moves, and others beside it."""
    run = visit.run
    st.html(room.STYLE)
    icon, color = BADGES[run.standing]
    row = {"horizontal": True, "vertical_alignment": "center", "wrap": False}
    with st.container(key="run-heading", **row):
        st.subheader(plain(run.name), anchor=False, width="stretch")
        st.badge(run.standing, icon=icon, color=color, width=room.BADGE)
    with st.container(key="steering", gap="xsmall", **row):
        with st.container(gap="xsmall", **row):
            controls.show(visit)
        menu.show(visit)
    with st.container():  # always there, so that what follows keeps its place among the elements
        controls.show_refusal()
    _watch(visit)
    comparing.show(visit)


def _watch(visit: Visit) -> None:
    """The part that moves, at its own pace: one fragment inside another, for only the one around
    it can slow it down without drawing the whole page anew."""
    run = visit.run

    def paced() -> None:
        curves = services.store().curves(run.id, SHOWN_STEPS)
        st.fragment(_live, run_every=_tick(run, curves))(run, visit.reads_text)

    st.fragment(paced, run_every=PACE_SECONDS if run.active else None)()


def _tick(run: Run, curves: Curves) -> float | None:
    """After how many seconds the page asks again; never of a run at rest."""
    if not run.active:
        return None
    young = not len(curves.seconds) or curves.seconds[-1] < QUICK_SECONDS
    return QUICK_TICK if young else SLOW_TICK


def _standing(run: Run) -> tuple:
    """What more of the page shows than the part that moves: when it changes, all is drawn anew."""
    return run.state, run.wish, run.name, run.reason


def _live(drawn: Run, reads_text: bool) -> None:
    """Numbers, curve, words and newest sample, as of now; `drawn` is the run as the page knows it,
    `reads_text` whether who looks may read its text."""
    store = services.store()
    try:
        run = store.run(drawn.id)
        look(store, run)
        if _standing(run) != _standing(drawn):
            st.rerun()
        curves = store.curves(run.id, SHOWN_STEPS)
        sharing = len(store.running())
        _numbers(run, curves, sharing)
        _curve(run, curves)
        _words(run, curves, sharing)
        single_step.show(run, reads_text=reads_text)
        _right_answers(run, curves)
        _newest_sample(run)
    except InputError as error:
        st.info(sentence(error))


def _numbers(run: Run, curves: Curves, sharing: int) -> None:
    with st.container(key="numbers"):
        progress, loss, speed = st.columns(3, gap="xsmall", wrap=False)
    progress.metric(
        "Step",
        f"{run.step:,}",
        delta=f"of {run.train.max_steps:,}",
        delta_color="off",
        delta_arrow="off",
        help=GLOSSARY["step"],
        border=True,
        height="stretch",
    )
    measured = curves.val_loss[~np.isnan(curves.val_loss)]
    seen = "unseen text" if len(measured) else "training text"
    value = measured[-1] if len(measured) else curves.train_loss[-1] if len(curves.step) else None
    if run.state == "diverged":
        value = None  # what was measured before does not tell of what it has come to
    bits = None if value is None else bits_per_character(value, run.characters_per_token)
    unknown = "it came apart" if run.state == "diverged" else "not measured yet"
    loss.metric(
        f"Loss on {seen}",
        "–" if value is None else f"{value:.3f} nats",
        delta=unknown if bits is None else f"{bits:.2f} bits per character",
        delta_color="off",
        delta_arrow="off",
        help=explain("loss", "nats", "bits per character", "validation"),
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
    if run.standing != "running":
        return run.standing
    if seconds is None:
        return "starting …"
    return f"{clock(seconds)} to go"


def _curve(run: Run, curves: Curves) -> None:
    """The curve, in room that is there before its first point and stays as the chart changes; of a
    run that rests without one, a sentence."""
    if not run.active and not len(curves.step):
        st.caption("This run made no step.")
        return
    with st.container(key="curve"):
        if not len(curves.step):
            _without_steps(run)
            return
        guides, end = services.guides(run), run.train.max_steps
        losses = curves.step, curves.train_loss, curves.val_loss
        chart = plots.loss(*losses, guides, end, height=room.CURVE)
        show_chart(chart, f"loss-{run.id}", moving=run.active)


def _without_steps(run: Run) -> None:
    if run.state == "queued":
        _place_in_line(run)
    elif run.state == "paused":
        st.caption("Paused before its first step: Resume lets it begin.")
    else:
        st.caption("Waiting for the first step …")


def _place_in_line(run: Run) -> None:
    if place := wait(services.store(), run.id):
        about = "" if place.seconds is None else f", in about {rough(place.seconds)}"
        if place.unclear:
            about = f"; when is unclear, for {place.unclear}"
        st.info(
            f"Number {place.position} in line: it begins when there is room{about}. "
            "You may close this page; the run keeps its place.",
            icon=":material/hourglass_empty:",
        )


def _words(run: Run, curves: Curves, sharing: int) -> None:
    """What there is to say under the curve: of the run, then what the curve says itself."""
    with st.container(key="curve-words"):
        if trouble := services.trouble():
            st.error(f"Training waits: {plain(trouble)}.", icon=":material/hard_drive:")
        elif run.reason:
            tell = st.error if run.state in ("failed", "diverged") else st.info
            verb = "is" if run.state == "paused" else "has"
            tell(f"This run {verb} {run.state}: {says(SettingError(run.reason))}.")
        elif run.state == "queued" and len(curves.step):
            _place_in_line(run)
        if len(curves.step):
            curve_words.show(run, curves, sharing)
        elif run.active:
            st.caption(curve_words.WHAT_TO_LOOK_FOR)


def _right_answers(run: Run, curves: Curves) -> None:
    """How often the model is right where the text's rule leaves no choice."""
    asked = ~np.isnan(curves.accuracy)
    coming = run.active and not len(curves.step) and services.asks(run)
    if not (asked.any() or coming):
        return
    with st.container(key="answers"):
        if coming:
            st.caption("Right answers are counted from the first step on.")
            return
        steps, shares = curves.step[asked], curves.accuracy[asked]
        st.markdown(f"**Right answers:** {percent(shares[-1])}", help=GLOSSARY["right answers"])
        chart = plots.right_answers(steps, shares, run.train.max_steps, room.ANSWERS)
        show_chart(chart, f"right-{run.id}", moving=run.active)
        st.caption("Look for a long flat line and then a sudden rise: the rule is found.")


def _newest_sample(run: Run) -> None:
    """What it wrote last; the place is there before the first sample."""
    samples = services.store().samples(run.id)
    if samples or run.active:
        step, body = samples[-1] if samples else (None, "")
        when = "after its first step" if step is None else f"at step {step:,}"
        st.markdown(f"**What it writes** {when}", help=tokens.about_special(body))
        with st.container(border=True, key="sample"):
            sample = tokens.running(body, marks=False)
            st.html(tokens.scrolled(sample, f"Written {when}", room.SAMPLE))
