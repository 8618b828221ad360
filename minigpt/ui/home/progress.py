"""From noise to words: what a run wrote at some moments of its training."""

from collections.abc import Sequence

import streamlit as st

from minigpt.ui import tokens
from minigpt.ui.glossary import GLOSSARY
from minigpt.ui.visit import Visit
from minigpt.ui.words import plain

Sample = tuple[int, str]  # the step at which it was written, and the text


def moments(samples: Sequence[Sample]) -> list[Sample]:
    """Up to three samples of different steps: the first, one early on, the newest."""
    distinct = sorted(dict(samples).items())
    if len(distinct) <= 3:
        return distinct
    return [distinct[0], distinct[max(1, len(distinct) // 8)], distinct[-1]]


def show(visit: Visit) -> None:
    """What a run wrote at up to three moments of its training, side by side."""
    name, shown = plain(visit.run.name), moments(visit.store.samples(visit.run.id))
    if not shown:
        st.caption(f"**{name}** has not written anything yet.")
        return
    when = ("one step", "two steps", "three steps")[len(shown) - 1]
    st.caption(
        f"What **{name}** wrote at {when} of its training"
        + (", always from the same start." if len(shown) > 1 else "."),
        help=GLOSSARY["step"],
    )
    for column, (step, body) in zip(st.columns(len(shown)), shown, strict=True):
        with column, st.container(border=True):
            st.markdown(f"**Step {step:,}**", help=tokens.about_special(body))
            sample = tokens.running(body, marks=False)
            st.html(tokens.scrolled(sample, f"Written at step {step:,}", 240))
