"""Runs on the same text laid over each other, in bits per character."""

import html
import math
from collections.abc import Sequence

import numpy as np
import streamlit as st

from minigpt import plots
from minigpt.config import differences
from minigpt.store import Curves, Run
from minigpt.ui import frame, services
from minigpt.ui.figures import show_figure
from minigpt.ui.glossary import GLOSSARY

MOST = 4  # beside the chosen run: more lines cannot be told apart
AXES = {"seconds": "seconds of training", "steps": "steps", "tokens": "tokens read"}


def choose(visit: frame.Visit) -> tuple[list[str], str]:
    """Ids of the runs to lay over the chosen one, and along what."""
    run = visit.run
    others = {
        other.id: other
        for other in visit.runs()
        if other.text_id == run.text_id is not None and other.id != run.id and other.step
    }
    if not others or not run.step:
        return [], "seconds"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.multiselect(
            "Compare with",
            list(others),
            format_func=lambda run_id: frame.run_label(others[run_id]),
            max_selections=MOST,
            key=f"compare-{run.id}",
            placeholder="Runs on the same text",
            help="Lays their loss on unseen text over this run's, and tells what differs.",
        )
        axis = st.segmented_control(
            "Along", list(AXES), default="seconds", required=True, key=f"compare-along-{run.id}"
        )
    return [run_id for run_id in chosen if run_id in others], axis


def show(run: Run, others: Sequence[str], axis: str) -> None:
    """The curves, and a row for each run: how it differs, and what that bought."""
    store = services.store()
    runs = [run, *(store.run(run_id) for run_id in others)]
    lines = [_line(one, store.curves(one.id), axis) for one in runs]
    names = [frame.run_label(one) for one in runs]
    if any(one.active for one in runs):
        st.echarts_chart(
            plots.live_comparison_option(names, lines, AXES[axis]),
            height=320,
            key=f"beside-{run.id}",
        )
    else:
        shown = [html.escape(name) for name in names]
        show_figure(plots.comparison(shown, lines, AXES[axis]), f"beside-rest-{run.id}")
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
    """What differs, the best loss, and when each was as good as the worst of them became."""
    lines = [_line(run, services.store().curves(run.id), "seconds") for run in runs]
    target = max(loss.min() for _, loss in lines)
    rows = []
    for run, (seconds, loss) in zip(runs, lines, strict=True):
        rows.append(
            {
                "run": frame.run_label(run),
                "best bits per character": float(loss.min()),
                f"seconds to {target:.2f} bits": float(seconds[loss <= target][0]),
                "what differs": _difference(runs[0], run),
            }
        )
    st.dataframe(
        rows,
        hide_index=True,
        column_config={
            "best bits per character": st.column_config.NumberColumn(format="%.3f"),
            f"seconds to {target:.2f} bits": st.column_config.NumberColumn(format="%.1f"),
        },
    )


def _difference(one: Run, other: Run) -> str:
    if one.id == other.id:
        return "the chosen run"
    changed = differences(one.model, other.model) | differences(one.train, other.train)
    return ", ".join(f"{name}: {theirs}" for name, (_, theirs) in changed.items()) or "nothing"
