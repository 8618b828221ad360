"""What a model wrote, token by token: each can be asked, and another chosen in its place."""

import csv
import io

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from minigpt import tokenizers
from minigpt.config import InputError
from minigpt.corpus import in_bits
from minigpt.counting import counted
from minigpt.store import Run
from minigpt.tokenizers.visible import visible
from minigpt.ui import address, looking, pages, tokens, written
from minigpt.ui.address import CHOICES
from minigpt.ui.components.strip import Rival, Told, branched, clicked, strip
from minigpt.ui.downloads import download_button
from minigpt.ui.generate import branches
from minigpt.ui.generate.task import Task, described
from minigpt.ui.glossary import explain
from minigpt.ui.visit import tell
from minigpt.ui.words import file_name, says
from minigpt.ui.written import ChoiceError, Writing

STRIP = "strip"
REFUSED = "choice_refused"  # in the session: why a token could not be chosen, by the text's key
CHOSEN = "strip_chosen"  # in the session: the token whose candidates are shown, by its text


def show(task: Task, pressed: bool) -> Writing | None:
    """The newest text of this session, or a new one when asked for, or where there is none yet."""
    with st.container(horizontal=True, vertical_alignment="center"):
        shade = st.toggle(
            "Show surprise",
            value=True,
            key="shade",
            persist_state="session",
            help="The stronger the colour, the less likely the model held that token: none where "
            f"it was certain, the deepest from {tokens.DEEPEST_BITS} bits of surprise on. One bit "
            "is a tossed coin, two bits are two of them.",
        )
        stop = st.empty()
    with st.container(border=True):
        place = st.empty()
    try:
        writing = _written(task, pressed, place, stop, shade)
    except InputError as error:  # in the place of the text, so that none seems to answer
        written.forget()
        stop.empty()
        with place.container():
            tell(task.visit, error)
        return None
    with place.container():
        _draw(task, writing, shade)
    _tell(task, writing)
    return writing


def _written(
    task: Task, pressed: bool, place: DeltaGenerator, stop: DeltaGenerator, shade: bool
) -> Writing:
    """The text that is shown: the one there is, another branch of it, or a new one."""
    run = task.run
    first = None if pressed else written.kept(run)
    if pressed:
        address.forget(CHOICES, run)
        st.session_state.pop(REFUSED, None)
    if first is None:
        written.show_last_sample(task.visit, place)
        first = branches.again(written.begin(run, task.prompt, task.config))
    elif chosen := branched(STRIP, _told(task, first)):
        at, id = chosen
        before = [choice for choice in first.choices if choice[0] < at]
        address.put(CHOICES, run, [*before, (at, id)], [])
    choices = tuple(address.read(CHOICES, run, []))
    try:
        for n in range(len(choices) + 1):  # a branch goes off from a text that is written
            writing = branches.find(first, choices[:n])
            if not (writing.finished or writing.stopped):
                _offer_stop(stop, writing)
                written.go_on(run, writing, place, shade=shade)
                stop.empty()
    except ChoiceError as error:
        words = f"The address names a token that cannot be chosen: {says(error)}."
        st.session_state[REFUSED] = writing.key, words
        address.forget(CHOICES, run)
    text, words = st.session_state.get(REFUSED, ("", ""))
    if text == writing.key:  # told for as long as the text stands there in its place
        st.warning(words)
    stop.empty()
    st.session_state[written.WRITTEN] = writing
    return writing


def _offer_stop(place: DeltaGenerator, writing: Writing) -> None:
    """Pressed while the text is written, it keeps what is written by then."""

    def stop() -> None:
        writing.stopped = True

    # One script may write several texts, one after the other: each has a button of its own.
    place.button("Stop", icon=":material/stop:", key=f"stop-{writing.key}", on_click=stop)


def _draw(task: Task, writing: Writing, shade: bool) -> None:
    tokenizer = tokenizers.load(task.run.tokenizer)
    unread, read = written.parts(writing, tokenizer)
    told = _told(task, writing)
    if (now := clicked(STRIP, len(told))) is not None:
        st.session_state[CHOSEN] = writing.key, now
    strip(read, unread, told, key=STRIP, chosen=_chosen(writing), shade=shade)


def _chosen(writing: Writing) -> int:
    """The token whose candidates are shown: the one clicked, else the one that was exchanged."""
    text, clicked_last = st.session_state.get(CHOSEN, ("", None))
    if text == writing.key:
        return clicked_last
    return writing.choices[-1][0] if writing.choices else 0


def _before_chosen(run: Run, writing: Writing) -> tuple[str, int]:
    """The whole text, and how many of its tokens stand before the chosen one; of a text that the
    context does not hold, what stands before it alone, so that the model reads that."""
    tokenizer, chosen = tokenizers.load(run.tokenizer), _chosen(writing)
    prompt = len(tokenizer.encode(writing.prompt))
    if prompt + len(writing.steps) <= run.model.block_size:
        return written.whole(writing, run), prompt + chosen
    ids = [step.id for step in writing.steps[:chosen]]
    return writing.prompt + tokenizer.decode(ids), address.LAST


def _told(task: Task, writing: Writing) -> list[Told]:
    """Each token of a text with what else it could have been."""
    tokenizer = tokenizers.load(task.run.tokenizer)
    names = tokenizer.tokens
    pieces = tokenizer.pieces(step.id for step in writing.steps)
    by_hand = {at for at, _ in writing.choices}
    return [
        Told(
            text=piece,
            label=visible(names[step.id]),
            prob=step.prob,
            rank=step.rank,
            bits=in_bits(step.nats),
            candidates=[
                Rival(one.id, visible(names[one.id]), one.prob, one.drawn_from, one.cut_by,
                      one.id == step.id)
                for one in step.candidates
            ],
            special=names[step.id] in tokens.SPECIAL,
            by_hand=at in by_hand,
        )
        for at, (step, piece) in enumerate(zip(writing.steps, pieces, strict=True))
    ]  # fmt: skip


def _tell(task: Task, writing: Writing) -> None:
    """By which settings it was written, what to know about it, its branches, and where it goes."""
    run, settings = task.run, writing.config
    stopped = "stopped, " if writing.stopped else ""
    st.caption(
        f"{described(settings)}, seed {settings.seed}, {stopped}"
        f"{counted(len(writing.steps), 'token')}, by the model of step {writing.at:,}.",
        help=explain("step", "model"),
    )
    with st.container(horizontal=True):
        if st.button(
            "See its attention", icon=pages.ATTENTION.icon, type="tertiary",
            help="Opens Attention with this text: where every token of it looks, in every "
            f"head.\n\n{explain('attention', 'head')}",
        ):  # fmt: skip
            address.put(address.TEXT, run, written.whole(writing, run), "")
            address.go(pages.ATTENTION)
        if st.button(
            "Take it apart", icon=pages.INSIDE.icon, type="tertiary",
            help="Opens Inside where the model guesses the token that is chosen here: which of its "
            "parts spoke for it.",
        ):  # fmt: skip
            text, place = _before_chosen(run, writing)
            address.put(address.TEXT, run, text, "")
            looking.take_apart(run, place)
        download_button(
            "Download as CSV",
            lambda: _table(_told(task, writing)),
            f"{file_name(run)}-step{writing.at}-text.csv",
            "text/csv",
            icon=":material/download:",
            type="tertiary",
            help="A line for each token: its probability, rank, bits of surprise, and how likely "
            "it was to be drawn.",
        )
    written.tell_about(writing, run, task.prompt)
    if writing.config != task.config:
        st.caption("The settings have changed since: *Write* writes with the new ones.")
    if settings.temperature == 0:
        st.caption(
            "At temperature 0 the likeliest token is always taken, so the seed changes nothing, "
            "and the text may go round in circles."
        )
    branches.walk(run, writing)


def _table(told: list[Told]) -> str:
    """A line for each token of a text, as CSV."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["token", "probability", "rank", "bits", "drawn from"])
    for one in told:
        drawn_from = next(rival.drawn_from for rival in one.candidates if rival.drawn)
        lines.writerow([one.label, f"{one.prob:.6f}", one.rank, f"{one.bits:.4f}",
                        f"{drawn_from:.6f}"])  # fmt: skip
    return text.getvalue()
