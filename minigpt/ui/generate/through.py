"""One prompt and one seed at every kept moment of the training: from noise to words."""

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from minigpt import plots, tokenizers
from minigpt.config import InputError
from minigpt.counting import percent
from minigpt.ui import services, tokens
from minigpt.ui.figures import show_chart
from minigpt.ui.generate import asked, copied
from minigpt.ui.generate.task import Task
from minigpt.ui.glossary import explain
from minigpt.ui.words import sentence

if TYPE_CHECKING:
    from minigpt.corpus.overlap import Copied

MOST = 100  # tokens of each text


def show(task: Task) -> None:
    """What is written at each moment, with the losses of its step, and how much of it is copied."""
    run, store, config = task.run, services.store(), task.brief(MOST)
    steps = sorted({*store.snapshot_steps(run.id), task.at})
    tokenizer, rows = tokenizers.load(run.tokenizer), []
    place = st.empty()
    for n, step in enumerate(steps):
        place.progress(n / len(steps), f"Writing with the model of step {step:,} …")
        try:
            (text,) = asked.texts(run, step, task.prompt, [config])
        except InputError as error:  # a moment whose model gives no numbers, or that was let go
            rows.append((step, sentence(error), None))
            continue
        written = tokenizer.decode([each.id for each in text])
        rows.append((step, written, copied.told(task, written)))
    place.empty()
    _draw_curve(task, rows)
    losses = _losses(task)
    for step, written, found in rows:
        with st.container(border=True):
            told = [f"**Step {step:,}**"]
            if step in losses:
                told.append(losses[step])
            if found and found.share is not None:
                told.append(f"{percent(found.share, 0)} copied")
            st.markdown(" · ".join(told), help=explain("step", "loss", "nats", "copied"))
            st.html(tokens.running(written.replace("\n", " ⏎ "), marks=False))


def _losses(task: Task) -> dict[int, str]:
    """What was measured at each step: the loss on unseen text, else that on its batch."""
    curves, told = services.store().curves(task.run.id), {}
    for name, losses in (("training", curves.train_loss), ("validation", curves.val_loss)):
        for step, loss in zip(curves.step, losses, strict=True):
            if not np.isnan(loss):
                told[int(step)] = f"{name} loss {loss:.3f} nats"
    return told


def _draw_curve(task: Task, rows: "list[tuple[int, str, Copied | None]]") -> None:
    """Memorising as a curve, beside what unseen text has in common with the training text."""
    known = [(step, found) for step, _, found in rows if found and found.share is not None]
    if len(known) < 2:
        return
    unseen = next((one.held_out_share for _, one in known if one.held_out_share), None)
    chart = plots.memorising(
        np.array([step for step, _ in known]),
        np.array([found.share for _, found in known]),
        unseen and unseen.mean,
        task.run.train.max_steps,
    )
    show_chart(chart, f"memorising-{task.run.id}", moving=True)
    curves = services.store().curves(task.run.id)
    when = ""
    if not np.isnan(curves.val_loss).all():
        best = int(curves.step[np.nanargmin(curves.val_loss)])
        when = f" On unseen text the model was best at step {best:,}."
    st.caption(
        "The share of each text that stands word for word in the training text, in passages longer "
        "than unseen text hardly ever has in common with it, and the same share of pieces of "
        f"unseen text.{when} One short text says little: a share that is high at many moments in "
        "a row says more.",
        help=explain("copied", "validation"),
    )
