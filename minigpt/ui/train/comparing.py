"""Runs on the same text laid over each other, in bits per character."""

import math
from collections.abc import Sequence

import numpy as np
import streamlit as st

from minigpt import plots
from minigpt.config import InputError
from minigpt.corpus import bits_per_character
from minigpt.counting import counted, rounded
from minigpt.store import Curves, Run
from minigpt.ui import address, services
from minigpt.ui.choosing import run_label
from minigpt.ui.fields import changed
from minigpt.ui.figures import show_chart
from minigpt.ui.glossary import GLOSSARY, NAMES, shown
from minigpt.ui.visit import Visit
from minigpt.ui.words import plain, sentence

TICK = 3.0  # seconds
FEW = 3  # measurements, before runs are compared by when they came to a loss
MOST = 4  # beside the chosen run: more lines cannot be told apart
BUSY = " Seconds also tell of what else the machine had to do at the time: compare along steps."
AXES = {"seconds": "seconds of training", "steps": "steps", "tokens": "tokens read"}


def show(visit: Visit) -> None:
    """The choice of runs on the same text, and those chosen laid over this one."""
    run = visit.run
    others = {
        other.id: other
        for other in visit.runs()
        if other.text_id == run.text_id is not None
        and other.id != run.id
        and (other.step or other.active)
    }
    said = address.beside()
    here = [id for id in said if id in others][:MOST]
    if len(said) > len(here) and visit.workspace_known:
        st.warning(
            f"The address names {counted(len(said) - len(here), 'run')} to compare with that "
            f"cannot be laid over this one: not here, on another text, or more than {MOST}.",
            icon=":material/link_off:",
        )
    if not others:
        return
    key = _key(run)
    if key not in st.session_state and visit.workspace_known:
        st.session_state[key] = here
    chosen = st.multiselect(
        "Compare with",
        list(others),
        format_func=lambda run_id: run_label(others[run_id]),
        max_selections=MOST,
        key=key,
        on_change=changed(key, address.show_beside),
        placeholder="Runs on the same text",
        help="Lays their loss on unseen text over this run's, and tells what differs.",
        wrap=True,
    )
    ids = [run.id, *(run_id for run_id in chosen if run_id in others)]
    if len(ids) == 1:
        return
    axis = st.segmented_control(
        "Along",
        list(AXES),
        default="steps",
        required=True,
        key=f"compare-along-{run.id}",
        help="Steps compare runs fairly. Seconds also tell of what else the machine had to do.",
    )
    active = any(one.active for one in map(visit.store.run, ids))
    st.fragment(_beside, run_every=TICK if active else None)(ids, axis, active)


def lay_over(run: Run, others: Sequence[str]) -> None:
    """Chooses runs to be compared with one, as many of them as can be told apart."""
    st.session_state[_key(run)] = list(others)[:MOST]
    address.show_beside(st.session_state[_key(run)])


def _key(run: Run) -> str:
    return f"compare-{run.id}"


def _beside(ids: Sequence[str], axis: str, drawn_active: bool) -> None:
    """The curves, the first one's run being the one looked at, and a column for each: how it
    differs, and what that bought. All have their room from the beginning."""
    store = services.store()
    try:
        runs = [store.run(run_id) for run_id in ids]
        if any(run.active for run in runs) != drawn_active:
            st.rerun()
        curves = [store.curves(run.id) for run in runs]
    except InputError as error:  # one of them was deleted
        st.info(sentence(error))
        return
    lines = [_line(run, known, axis) for run, known in zip(runs, curves, strict=True)]
    names = short_names(runs)
    validated = not np.isnan(curves[0].val_loss).all()
    chart = plots.comparison(names, lines, AXES[axis], validated=validated)
    show_chart(chart, f"beside-{ids[0]}", moving=drawn_active)
    st.caption(
        "Look for the line that falls first. Bits per character compare fairly, whatever the "
        f"tokenizer.{BUSY if axis == 'seconds' else ''}",
        help=GLOSSARY["bits per character"],
    )
    _table(runs, names, curves, lines, axis)


def short_names(runs: Sequence[Run]) -> list[str]:
    """What the runs are called beside each other: without what all their names begin with, and
    with the start of their ids where two would be the same."""
    parts = [run.name.split(", ") for run in runs]
    shared = 0
    while all(len(own) > shared + 1 for own in parts) and len({own[shared] for own in parts}) == 1:
        shared += 1
    names = [", ".join(own[shared:]) for own in parts]
    return [
        f"{name} · {run.id[:4]}" if names.count(name) > 1 else name
        for name, run in zip(names, runs, strict=True)
    ]


def _line(run: Run, curves: Curves, axis: str) -> tuple[np.ndarray, np.ndarray]:
    """A run's loss in bits per character, on unseen text where it has some, and where along."""
    along = {"seconds": curves.seconds, "steps": curves.step, "tokens": curves.tokens}[axis]
    measured = ~np.isnan(curves.val_loss)
    loss = curves.val_loss[measured] if measured.any() else curves.train_loss
    return along[measured] if measured.any() else along, bits(run, loss)


def bits(run: Run, loss: np.ndarray) -> np.ndarray:
    """Nats per token as bits per character."""
    return bits_per_character(loss, run.characters_per_token)


def _table(
    runs: Sequence[Run],
    names: Sequence[str],
    curves: Sequence[Curves],
    lines: Sequence[tuple[np.ndarray, np.ndarray]],
    axis: str,
) -> None:
    """A column for each run: what it reached, when along the axis, and every setting in which they
    differ. When is told once all have been measured a few times."""
    all_know = all(len(loss) >= FEW for _, loss in lines)
    target = max(loss.min() for _, loss in lines) if all_know else math.inf
    settings = [{**vars(run.model), **vars(run.train)} for run in runs]
    rows = {
        "Best bits per character": [f"{loss.min():.3f}" if len(loss) else "–" for _, loss in lines],
        f"{axis.capitalize()} to {target:.2f} bits" if all_know else axis.capitalize(): [
            f"{rounded(at[loss <= target][0], 3)}" if all_know else "–" for at, loss in lines
        ],
    }
    for name, label in NAMES.items():
        values = [setting.get(name) for setting in settings]
        if any(value != values[0] for value in values):
            rows[label] = [shown(value) for value in values]
    if any(run.active for run in runs):
        rows["State"] = [f"{run.standing}, step {run.step:,}" for run in runs]
    heads = list(map(plain, names))
    st.table(
        [{"": label, **dict(zip(heads, values, strict=True))} for label, values in rows.items()],
        border="horizontal",
        hide_index=True,
    )
