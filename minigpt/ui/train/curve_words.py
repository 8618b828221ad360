"""What there is to say under a run's curve: what it says itself, and how to read it."""

import streamlit as st

from minigpt.findings import FLOOR, MOST_SAID, findings
from minigpt.store import Curves, Run
from minigpt.ui import services
from minigpt.ui.glossary import BRIEF, explain
from minigpt.ui.train import longer, pace

WHAT_TO_LOOK_FOR = (
    "Look for two lines that fall together. When validation turns up while training falls, the "
    "model learns the text by heart."
)


def show(run: Run, curves: Curves, sharing: int) -> None:
    """The most important things that the curve says by now, or else what to look for; `sharing` is
    how many runs train on this machine."""
    said = findings(run, curves, services.levels(run))[:MOST_SAID]
    for finding in said:
        st.markdown(f"**{finding.title}:** {finding.numbers} {finding.advice}")
    sentences = [] if said else [WHAT_TO_LOOK_FOR]
    sentences += [_lines(run), longer.told(run), pace.differs(run, sharing)]
    if run.state == "running" and sharing > 1:
        sentences.append(f"{sharing} runs share this machine: each has its turn every few seconds.")
    st.caption(
        " ".join(sentence for sentence in sentences if sentence),
        help=explain("validation", "uniform", "bigram", "trigram"),
    )


def _lines(run: Run) -> str:
    """What the level lines are."""
    guides = services.guides(run)
    if not guides:
        return ""
    told = (
        "The level lines: blind guessing (uniform), and knowing only what tends to follow one "
        "token (bigram) or two (trigram)."
    )
    if FLOOR in guides:
        told += (
            f" Lowest possible: {BRIEF['floor']} and reads from the beginning of the text on; what "
            "is tested here begins anywhere in it, which can cost a little more."
        )
    return told
