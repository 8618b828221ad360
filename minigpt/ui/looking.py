"""A text and a moment: what a model of one's own is taken apart with, on more than one page."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

import streamlit as st

from minigpt import tokenizers
from minigpt.config import InputError
from minigpt.corpus import worlds
from minigpt.store import Run
from minigpt.ui import address, moment, pages, services, written
from minigpt.ui.prompts import MOST_TAKEN, check_length, notes_on, opening
from minigpt.ui.visit import Visit, tell
from minigpt.ui.words import boxed, file_name

LINE = 40  # characters of the first text
BEGINNING = 2_000  # characters, among which its first long line is looked for
PASSAGE = 120  # of one out of the training text
DRAWN = "passages_drawn"  # in the session: how many passages were asked for


@dataclass(frozen=True)
class Look:
    """A model as of one moment of its training, and a text that it reads."""

    run: Run
    at: int  # the step of the training whose weights it has
    tokens: list[str]  # T, all that it reads
    ids: list[int]  # T
    notes: list[str]  # what a person should know of the text

    def file(self, what: str) -> str:
        """How a file of it is called: which run, at which step, and what is in it."""
        return f"{file_name(self.run)}-step{self.at}-{what}"


def look(run: Run, text: str, step: int | None) -> Look:
    """The run's model at `step`, or as far as it has come, and all of `text` that its context
    holds.

    Raises InputError when the text is empty, too long, or the run has no weights yet.
    """
    if not text:
        raise InputError("there is no text to look at: write at least one character")
    check_length(text, "text")
    tokenizer = tokenizers.load(run.tokenizer)
    whole, notes = tokenizer.encode(text)[-run.model.block_size :], notes_on(run, text, "text")
    most = services.most_read(run.model)
    if most < len(whole):
        notes.append(
            f"Of these tokens the newest {most:,} of {len(whole):,} are read: to look into this "
            "model while it reads more of them takes more memory than this installation has for it."
        )
    ids = whole[-most:]
    its = [tokenizer.tokens[i] for i in ids]
    return replace(unread(run, step), tokens=its, ids=ids, notes=notes)


def unread(run: Run, step: int | None) -> Look:
    """The run's model at `step`, or as far as it has come, and nothing that it reads. Raises
    InputError when the run has no weights yet."""
    at = services.store().weights_step(run.id) if step is None else step
    with services.turn.taken():
        services.model(run, at)  # which says so where there are no weights
    return Look(run, at or 0, [], [], [])


def follow(visit: Visit, show: Callable[[Visit, Run, str], None]) -> None:
    """The text, and all that `show` draws of it and the run, anew while the training is played or
    goes on; or what there is to say in its place."""
    st.fragment(_follow, run_every=moment.tick(visit.run))(visit, choose(visit), show)


def _follow(visit: Visit, text: str, show: Callable[[Visit, Run, str], None]) -> None:
    try:
        run = visit.store.run(visit.run.id)
    except InputError:
        st.error(f"The run {boxed(visit.run.name)} was deleted: choose another one on the left.")
        return
    try:  # a run that trains may let go of the weights of this moment while it is looked at
        show(visit, run, text)
    except InputError as error:
        tell(visit, error)


def choose(visit: Visit) -> str:
    """Any text: typed, a passage of the training text, or what it just wrote."""
    run, usual = visit.run, _first_line(visit)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("**Text to look at**", width="content")
        if visit.reads_text and st.button(
            "A passage of its text",
            icon=":material/casino:",
            type="tertiary",
            help="Any piece of the text that this run has learned from.",
        ):
            address.put(address.TEXT, run, _passage(visit), usual)
        writing = written.kept(run)
        if writing and st.button(
            "What it wrote last",
            icon=":material/edit_note:",
            type="tertiary",
            help="The newest text this run wrote for you on Home or Generate, and its prompt.",
        ):
            address.put(address.TEXT, run, written.whole(writing, run), usual)
    text = st.text_area(
        "Text to look at",
        height=80,
        max_chars=MOST_TAKEN,
        label_visibility="collapsed",
        help="Repeat a word and see which head notices.",
        **address.bind(address.TEXT, run, usual),
    )
    if len(text) > address.MOST_TYPED and text != usual:
        st.caption(
            f"A text of more than {address.MOST_TYPED} characters stays with you: whoever opens "
            "this address sees the usual one."
        )
    return text


def _passage(visit: Visit) -> str:
    """Another passage each time, from a word's beginning to a word's end where there are words."""
    text_id, drawn = visit.run.text_id, st.session_state.get(DRAWN, 0)
    st.session_state[DRAWN] = drawn + 1
    last = max(1, visit.store.characters(text_id) - PASSAGE)
    start = Random(f"{visit.run.id}{drawn}").randrange(last)
    passage = visit.store.passage(text_id, start, start + PASSAGE)
    if start and " " in passage[:30]:
        passage = passage.split(" ", 1)[1]
    return passage.rsplit(" ", 1)[0] if " " in passage[-30:] else passage


def _first_line(visit: Visit) -> str:
    """The start of the run's training text, cut at a word, for those who may read it, else of what
    it wrote; of a world that asks, a question whose answer comes next."""
    run = visit.run
    if asked := question(visit):
        return asked
    body = visit.store.passage(run.text_id, 0, BEGINNING) if visit.reads_text else ""
    long_lines = [line for line in body.splitlines() if len(line) >= 24]
    line = long_lines[0] if long_lines else body[:LINE] or opening(run)
    return line[:LINE].rsplit(" ", 1)[0] if len(line) > LINE else line


def question(visit: Visit) -> str:
    """Of a world that asks, whose text is nobody's secret, a piece whose next character its rule
    fixes; else nothing."""
    run, store = visit.run, visit.store
    if not store.may_read(run.workspace, run.text_id):  # its owner may have deleted it
        return ""
    world = worlds.load(store.origin(run.text_id))
    return world.beginning() if world is not None and world.asks else ""


def take_apart(run: Run, place: int) -> None:
    """Opens Inside where the model guesses what comes after so many tokens of the text."""
    address.put(address.PLACE, run, place, address.LAST)
    address.put(address.INSTRUMENT, run, "Attribution", None)
    address.go(pages.INSIDE)
