"""What of a text stands word for word in the training text, and whether that is much."""

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from minigpt.config import InputError
from minigpt.counting import counted, percent
from minigpt.ui import services, tokens
from minigpt.ui.generate.task import Task
from minigpt.ui.glossary import explain

if TYPE_CHECKING:
    from minigpt.corpus.overlap import Copied, Passage, Spread

AROUND, PLACES = 60, 3  # characters on each side of a passage; places of it that are shown


def show(task: Task) -> None:
    """The text with its copied passages, its share beside two others, and where they stand."""
    text = task.written
    found = _traced(task, text)
    if found.unclear and found.share is None:
        st.info(found.unclear)
        st.caption(f"The longest passage it shares has {counted(found.longest, 'character')}.")
        return
    with st.container(border=True):
        chosen = _choose(task, text, found.passages) if found.passages else None
        st.html(tokens.copied(text, found.passages, chosen))
    _tell_shares(found)
    if chosen is not None:
        _show_places(task, text, found.passages[chosen])


def _tell_shares(found: "Copied") -> None:
    help = explain("copied")
    for place, name, shown, range in zip(
        st.columns(3),
        ("Copied here", "Unseen text", "A model that only counts"),
        (percent(found.share, 0), _mean(found.held_out_share), _mean(found.trigram_share)),
        (None, _range(found.held_out_share), _range(found.trigram_share)),
        strict=True,
    ):
        place.metric(name, shown, delta=range, delta_color="off", delta_arrow="off", help=help)
    if found.unclear:
        st.caption(found.unclear)
    st.caption(
        "Marked is what stands word for word in the training text, in passages of "
        f"{counted(found.least, 'character')} or more: of those that unseen text shares with it, "
        "at most one of a hundred is so long. The longest here has "
        f"{counted(found.longest, 'character')}. Beside it stand pieces as long as this text: of "
        "text the model never saw, and of what a table of trigram counts writes, which knows only "
        "what follows each two tokens.",
        help=explain("trigram"),
    )


def _mean(spread: "Spread | None") -> str:
    return percent(spread.mean, 0) if spread else "–"


def _range(spread: "Spread | None") -> str | None:
    return f"middle 90 %: {percent(spread.low, 0)} to {percent(spread.high, 0)}" if spread else None


def _choose(task: Task, text: str, found: "list[Passage]") -> int:
    """Which passage is looked up, the longest at first."""
    longest = max(range(len(found)), key=lambda i: found[i].end - found[i].start)
    return st.selectbox(
        "Passage", range(len(found)), index=longest, key=f"passage-{hash((task.run.id, text))}",
        format_func=lambda i: f"{i + 1}: {_told(text, found[i])}",
    )  # fmt: skip


def _told(text: str, one: "Passage") -> str:
    words = text[one.start : one.end].replace("\n", "↵")
    return f"{words[:40]}{'…' * (len(words) > 40)} ({counted(one.end - one.start, 'character')})"


def _show_places(task: Task, text: str, passage: "Passage") -> None:
    st.markdown(f"**It stands there {counted(passage.count, 'time')}**")
    length = passage.end - passage.start
    read = partial(task.visit.store.passage, task.run.text_id)
    for place in passage.places[:PLACES]:
        before, after = read(place - AROUND, place), read(place + length, place + length + AROUND)
        st.html(tokens.in_context(before, text[passage.start : passage.end], after))


def told(task: Task, text: str) -> "Copied | None":
    """What of a text is copied; None where that is not for this visitor, or its source is gone."""
    try:
        return _traced(task, text)
    except InputError:
        return None


def longest(task: Task, text: str) -> int:
    """Characters of the longest passage of a text that is copied. Raises InputError."""
    return _traced(task, text).longest


def _traced(task: Task, text: str) -> "Copied":
    """Raises InputError when the text is not here, or not for this visitor: a text that may be
    asked piece by piece is a text that may be read."""
    if not task.visit.reads_text:
        raise InputError(
            "what this run learned from is its owner's: only they are told what of a text stands "
            "in it"
        )
    return services.trace(task.run, text)
