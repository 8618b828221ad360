"""How the heads came about: what they do at every moment of the training."""

import math
from functools import partial

import numpy as np
import streamlit as st

from minigpt import plots
from minigpt.config import InputError
from minigpt.store import Run
from minigpt.ui import address, measured, missing, services
from minigpt.ui.attention.one_head import named
from minigpt.ui.attention.reading import View
from minigpt.ui.figures import show_chart
from minigpt.ui.glossary import explain
from minigpt.ui.words import sentence

LIFTS, COPIES = 300, 200  # px
FOUND, MISSED = 0.8, 0.97  # of the first copy's loss: who has no more, or more, on later ones


def show(view: View, layer: int, head: int) -> None:
    """Lifts of a role over the steps, the loss on repeated sequences, and when each came about."""
    from minigpt.interpret import ROLES, UNCLEAR

    run, store = view.run, services.store()
    st.subheader("Through training", anchor=False, help=explain("lift", "role"))
    newest = store.weights_step(run.id)
    steps = sorted({*store.snapshot_steps(run.id), newest} - {None})
    try:
        unknown = [step for step in steps if not measured.known_scores(run, step)]
        missing.measure(unknown, partial(measured.scores, run), "the heads", f"measure-{run.id}")
    except InputError as error:
        st.caption(sentence(error))
        return
    known = [step for step in steps if measured.known_scores(run, step)]
    scores = [measured.known_scores(run, step) for step in known]
    if len(known) < 2:
        st.caption("There is one moment so far: the lines begin with the second.")
        return
    here = measured.scores(run, view.at)
    its = here.roles[layer][head]
    usual = its if its != UNCLEAR else next(iter(here.likeliest[layer][head]), next(iter(ROLES)))
    before = address.read(address.ROLE, run, usual, address.one_of(list(ROLES)))
    role = st.pills(
        "Role", list(ROLES), default=before, required=True,
        key=f"role-{run.id}-{layer}-{head}-{view.at}",
        help="Which role the lines show.",
    )  # fmt: skip
    if role != before:
        address.put(address.ROLE, run, role, usual)
    _draw(view, role, known, scores, (layer, head))
    if len(known) == len(steps):
        _tell_turns(run, known, scores)
    else:
        st.caption("When each came about can be told once all moments are measured.")


def _draw(
    view: View,
    role: str,
    steps: list[int],
    scores: "list[measured.HeadScores]",
    head: tuple[int, int],
) -> None:
    from minigpt.interpret import copy_losses_through, lifts_through, roles

    run = view.run
    lifts, losses = lifts_through(scores, role), copy_losses_through(scores)
    if np.isnan(lifts).all():
        st.caption(f"The role *{role}* could not be measured on this text.")
    else:
        end = run.train.max_steps
        chart = plots.course(steps, lifts, head, roles.LIFT, view.at, end, LIFTS)
        show_chart(chart, f"course-{run.id}", moving=True)
        st.caption(
            f"How far each head has the role *{role}*: 1 does nothing else, 0 no more than chance. "
            f"The thick line is {named(*head)}.",
            help=explain("lift"),
        )
    if not np.isnan(losses).all():
        chart = plots.copies(steps, losses, view.at, run.train.max_steps, COPIES)
        show_chart(chart, f"copies-{run.id}", moving=True)
        copies = next(each.copies for each in scores if each.copies)
        st.caption(
            f"The loss on {copies.period} different tokens drawn from this run's own text, "
            f"{copies.copies} times over. The first time they can only be guessed; who finds the "
            f"copy knows them the other times. {_copied(run, losses[-1])}"
        )


def _copied(run: Run, losses: np.ndarray) -> str:
    """What the newest losses, of the first copy and of the later ones, say in words."""
    first, later = losses
    blind = math.log(run.model.vocab_size)
    if later <= FOUND * first:
        return f"This model does: its loss falls from {first:.2f} to {later:.2f} there."
    little = "does so only a little" if later <= MISSED * first else "does not"
    words = f"This model {little}: {first:.2f} the first time, {later:.2f} on the others."
    if min(first, later) > blind:
        words += (
            f" Both lie above blind guessing ({blind:.2f}), for sequences like these do not stand "
            "in its text: the more surely it expects what does, the more they surprise it."
        )
    return words


def _tell_turns(run: Run, steps: list[int], scores: "list[measured.HeadScores]") -> None:
    from minigpt.interpret import turning_points

    turns = {what: step for what, step in turning_points(steps, scores).items() if step is not None}
    if not turns:
        end = run.train.max_steps
        st.caption(
            f"By step {steps[-1]:,} of {end:,} neither a previous-token nor an induction head has "
            "come about, nor has the loss on later copies fallen by much."
        )
        return
    told = ", ".join(f"{what} at step {step:,}" for what, step in turns.items())
    st.caption(
        f"First seen half-way from their first to their last value: {told}. That says when, not "
        "why: what comes at the same time need not be the cause."
    )
