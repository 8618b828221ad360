"""Runs on the same text laid over each other, in bits per character."""

import html
import math
from collections.abc import Sequence

import numpy as np
import streamlit as st

from minigpt import plots
from minigpt.store import Curves, Run
from minigpt.ui import frame, services
from minigpt.ui.figures import show_figure
from minigpt.ui.glossary import GLOSSARY, LABELS, shown

MOST = 4  # beside the chosen run: more lines cannot be told apart
AXES = {"seconds": "seconds of training", "steps": "steps", "tokens": "tokens read"}
NAMES = {**LABELS, "vocab_size": "Vocabulary", "restarts": "Trained longer"}


def choose(visit: frame.Visit) -> tuple[list[str], str]:
    """Ids of the runs to lay over the chosen one, and along what."""
    run = visit.run
    others = {
        other.id: other
        for other in visit.runs()
        if other.text_id == run.text_id is not None
        and other.id != run.id
        and (other.step or other.active)
    }
    if not others or not run.step:
        return [], "seconds"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.multiselect(
            "Compare with",
            list(others),
            format_func=lambda run_id: frame.run_label(others[run_id]),
            max_selections=MOST,
            key=_key(run),
            placeholder="Runs on the same text",
            help="Lays their loss on unseen text over this run's, and tells what differs.",
        )
        axis = st.segmented_control(
            "Along", list(AXES), default="seconds", required=True, key=f"compare-along-{run.id}"
        )
    return [run_id for run_id in chosen if run_id in others], axis


def lay_over(run: Run, others: Sequence[str]) -> None:
    """Chooses runs to be compared with one, as many of them as can be told apart."""
    st.session_state[_key(run)] = list(others)[:MOST]


def _key(run: Run) -> str:
    return f"compare-{run.id}"


def show(run: Run, others: Sequence[str], axis: str) -> None:
    """The curves, and a column for each run: how it differs, and what that bought."""
    store = services.store()
    begun = [one for one in map(store.run, others) if one.step]
    runs = [run, *begun]
    lines = [_line(one, store.curves(one.id), axis) for one in runs]
    names = [frame.run_label(one) for one in runs]
    if any(one.active for one in runs):
        st.echarts_chart(
            plots.live_comparison_option(names, lines, AXES[axis]),
            height=320,
            key=f"beside-{run.id}",
        )
    else:
        escaped = [html.escape(name) for name in names]
        show_figure(plots.comparison(escaped, lines, AXES[axis]), f"beside-rest-{run.id}")
    st.caption(
        "Look for the line that falls first. Bits per character compare fairly, whatever the "
        "tokenizer.",
        help=GLOSSARY["bits per character"],
    )
    _table(runs)


def _line(run: Run, curves: Curves, axis: str) -> tuple[np.ndarray, np.ndarray]:
    """A run's loss in bits per character, on unseen text where it has some, and where along."""
    along = {"seconds": curves.seconds, "steps": curves.step, "tokens": curves.tokens}[axis]
    measured = ~np.isnan(curves.val_loss)
    loss = curves.val_loss[measured] if measured.any() else curves.train_loss
    return along[measured] if measured.any() else along, bits(run, loss)


def bits(run: Run, loss: np.ndarray) -> np.ndarray:
    """Nats per token as bits per character."""
    return loss / math.log(2) / run.characters_per_token


def _table(runs: Sequence[Run]) -> None:
    """A column for each run: what it reached, when, and every setting in which they differ."""
    lines = [_line(run, services.store().curves(run.id), "seconds") for run in runs]
    target = max(loss.min() for _, loss in lines)
    settings = [{**vars(run.model), **vars(run.train)} for run in runs]
    rows = {
        "Best bits per character": [f"{loss.min():.3f}" for _, loss in lines],
        f"Seconds to {target:.2f} bits": [f"{at[loss <= target][0]:.1f}" for at, loss in lines],
    }
    for name, label in NAMES.items():
        values = [setting[name] for setting in settings]
        if any(value != values[0] for value in values):
            rows[label] = [shown(value) for value in values]
    names = [frame.plain(frame.run_label(run)) for run in runs]
    st.table(
        [{"": label, **dict(zip(names, values, strict=True))} for label, values in rows.items()],
        border="horizontal",
        hide_index=True,
    )
