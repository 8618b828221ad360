"""Moments of a training that nobody has measured yet: measured where one looks at all of them."""

import time
from collections.abc import Callable, Sequence

import streamlit as st

from minigpt.config import InputError
from minigpt.counting import counted
from minigpt.ui.words import rough, sentence

UNASKED_SECONDS = 8.0  # what takes no longer is measured without being asked


def measure(
    steps: Sequence[int], one: Callable[[int], object], what: str, key: str, *, waits: bool = False
) -> None:
    """Measures `what` at the first of these steps, and at the others at once where that is quick,
    else when asked to, by a button of this key; only the first while the page `waits`.

    A later moment that cannot be measured, one that was let go or whose numbers are none, says so,
    and the others go on. Raises InputError where the first cannot.
    """
    if not steps:
        return
    first, *others = steps
    started = time.monotonic()
    one(first)
    seconds = (time.monotonic() - started) * len(others)
    if waits or not others:
        return
    if seconds > UNASKED_SECONDS and not st.button(
        f"Measure {counted(len(others), 'more moment')}, about {rough(seconds)}",
        icon=":material/timeline:",
        key=key,
    ):
        return
    bar = st.progress(0.0, f"Measuring {what} …")
    for done, step in enumerate(others, start=1):
        bar.progress(done / len(others), f"Measuring {what} at step {step:,} …")
        try:
            one(step)
        except InputError as error:
            st.caption(f"Step {step:,}: {sentence(error)}")
    bar.empty()
