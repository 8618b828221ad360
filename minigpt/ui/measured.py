"""What was measured of runs, above all of their heads, for all sessions of this server.

A measurement is the same for everybody who looks at the same run and moment, so it is made once;
and one at a time.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from minigpt import memory, tokenizers
from minigpt.config import InputError
from minigpt.store import Run
from minigpt.ui import services
from minigpt.ui.kept import Kept
from minigpt.ui.turn import TakesTooLong

if TYPE_CHECKING:
    from minigpt.interpret import Effects, HeadScores, Sharp

MOST_SECONDS = 60.0  # of processor time for one measurement
MOST_BYTES = 32_000_000  # of results: those of a head take some kilobytes a moment
_results = Kept(MOST_BYTES)
_refusals = Kept(1_000_000)  # what took too long need not be tried again


@dataclass(frozen=True)
class Sample:
    """The text on which a run's heads are measured."""

    windows: np.ndarray  # int64 (n, T)
    held_out: bool  # of the run's own text; else it is what the model writes itself


HELD_OUT = "held out"


def sampled(run: Run, *, reads_text: bool = True) -> str:
    """Which sample a run is measured on now; what is measured on it is remembered by that too.

    A run whose text is not here or not to be read is measured on what it writes: while it trains,
    on what it wrote when its steps had doubled last, for of what it wrote at first it can tell
    nothing later; at rest on what its newest weights write.
    """
    if reads_text and services.store().may_read(run.workspace, run.text_id):
        return HELD_OUT
    newest = services.store().weights_step(run.id) or 0
    return f"written from {1 << newest.bit_length() >> 1}" if run.active else f"written {newest}"


def sample(run: Run, *, reads_text: bool = True) -> Sample:
    """Windows of the run's held-out text, or of what it writes, where its text is not here or not
    to be read. Raises InputError when there is too little of it, or the context too short."""
    which = sampled(run, reads_text=reads_text)
    about = "sample", run.id, which
    if (found := known(about)) is None:
        unseen = services.held_out(run) if which == HELD_OUT else None
        found = once(about, lambda: _sample(run, unseen))
    return found


def _sample(run: Run, unseen: np.ndarray | None) -> Sample:
    from minigpt.interpret import held_out_windows, written_windows

    if unseen is not None:
        return Sample(held_out_windows(unseen, run.model.block_size), held_out=True)
    model, tokenizer = services.model(run), tokenizers.load(run.tokenizer)
    beginning = tokenizer.encode(tokenizer.tokens[-1])
    return Sample(written_windows(model, beginning), held_out=False)


def on_sample(
    about: tuple[Hashable, ...],
    run: Run,
    measure: Callable[[np.ndarray], Any],
    *,
    reads_text: bool = True,
) -> Any:
    """What `measure` finds on a run's sample, remembered. The sample, for which one may have to
    stand in line, is fetched before: nobody else's measurement waits for that."""
    about = *about, sampled(run, reads_text=reads_text)
    if (found := known(about)) is None:
        windows = sample(run, reads_text=reads_text).windows
        found = once(about, lambda: measure(windows))
    return found


def scores(run: Run, at: int) -> "HeadScores":
    """What each head does at a step of the training. Raises InputError."""

    def measure(windows: np.ndarray) -> "HeadScores":
        from minigpt.interpret import head_scores

        heads = run.model.n_layer * run.model.n_head  # of whose patterns there are two copies
        patterns = 2 * memory.NUMBER * heads * windows.shape[1] ** 2
        services.turn.hold(("patterns", run.id, at), patterns)
        return head_scores(services.model(run, at), windows)

    return on_sample(_scores(run, at), run, measure)


def known_scores(run: Run, at: int) -> "HeadScores | None":
    """The same, if somebody had them measured."""
    return known((*_scores(run, at), sampled(run)))


def clearest(run: Run) -> tuple[int, int]:
    """Layer and head that a page shows first: of a run that has ended the head with the clearest
    role, one about content before all others; of one that trains always the same. It stays for as
    long as somebody looks, whatever becomes of the run."""
    key = f"clearest-{run.id}"
    if key not in st.session_state:
        st.session_state[key] = _clearest(run)
    return st.session_state[key]


def _clearest(run: Run) -> tuple[int, int]:
    from minigpt.interpret import ROLES, UNCLEAR

    at = services.store().weights_step(run.id)
    if run.active or at is None:
        return 0, 0
    try:
        found = scores(run, at)
    except InputError:  # too little text to measure heads on: the page says so, where it shows them
        return 0, 0
    lifts = {
        (layer, head): (ROLES[role].about_content, found.lifts[role][layer, head])
        for layer, heads in enumerate(found.roles)
        for head, role in enumerate(heads)
        if role != UNCLEAR
    }
    return max(lifts, key=lifts.get, default=(0, 0))


def _scores(run: Run, at: int) -> tuple[Hashable, ...]:
    return "scores", run.id, at


def effect(run: Run, at: int, layer: int, head: int, kind: str) -> "Effects":
    """What switching one head off does to the loss. Raises InputError."""

    def measure(windows: np.ndarray) -> "Effects":
        from minigpt.interpret import head_effects

        return head_effects(services.model(run, at), windows, kind, [(layer, head)])

    return on_sample(("effect", run.id, at, layer, head, kind), run, measure)


def places(run: Run, at: int, layer: int, head: int, *, reads_text: bool) -> "list[Sharp]":
    """Where a head attends most sharply in the sample. Raises InputError."""

    def measure(windows: np.ndarray) -> "list[Sharp]":
        from minigpt.interpret import sharpest

        return sharpest(services.model(run, at), windows, layer, head)

    about = "places", run.id, at, layer, head
    return on_sample(about, run, measure, reads_text=reads_text)


def known(about: Hashable) -> Any:
    """What was found of it, if somebody had it measured."""
    return _results.known(about)


def once(about: Hashable, measure: Callable[[], Any], results: Kept | None = None) -> Any:
    """What `measure` finds, measured for the first who asks, and remembered by `about`, among
    `results` of the caller's own or those of all. Raises InputError where it takes too long."""
    results = _results if results is None else results
    if (found := results.known(about)) is None:
        if words := _refusals.known(about):
            raise InputError(words)
        with services.turn.taken(MOST_SECONDS):
            if (found := results.known(about)) is None:
                try:
                    found = results.keep(about, measure())
                except TakesTooLong as error:
                    _refusals.keep(about, str(error))
                    raise
    return found
