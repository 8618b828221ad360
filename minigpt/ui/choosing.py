"""The choices that several pages offer: a run, a text, a part of it, a tokenizer, a moment."""

import hashlib

import streamlit as st

from minigpt.config import InputError
from minigpt.counting import counted
from minigpt.store import LIBRARY_SHELF, Run, Text
from minigpt.tokenizers.bpe import MAX_VOCABULARY, MIN_VOCABULARY
from minigpt.tokenizers.visible import columns
from minigpt.ui import address, numbers
from minigpt.ui.fields import changed, hold
from minigpt.ui.glossary import GLOSSARY, explain
from minigpt.ui.visit import Visit
from minigpt.ui.words import plain

NEXT = "next_text"
KIND, SIZE = "tokenizer_kind", "tokenizer_size"
KINDS = {"char": "Characters", "bpe": "BPE"}
USUAL_BPE = 512  # tokens


def choose_run(visit: Visit) -> None:
    """The run that every page shows."""
    runs = {run.id: run for run in [*visit.runs(), visit.run]}
    # A new key when the run or its name changes: the browser tells options apart by their labels.
    key = f"choose-{visit.run.id}-{visit.run.name}"
    st.selectbox(
        "Run",
        list(runs),
        index=list(runs).index(visit.run.id),
        format_func=lambda run_id: run_label(runs[run_id]),
        key=key,
        on_change=changed(key, address.show_run),
        help=f"{GLOSSARY['run']} Every page shows the run chosen here.",
    )
    tell_whole(run_label(visit.run), 206)


def run_label(run: Run) -> str:
    """A run's name and the start of its id, and nothing that changes while a page is open: an
    option whose label has changed is no longer the one that was chosen."""
    return f"{run.name} · {run.id[:4]}"


def tell_whole(label: str, room: int) -> None:
    """What a choice shows, once more in full, where its field of `room` pixels cuts it."""
    if pixels(label) > room:
        st.caption(plain(label))


# Pixels of the letters that are much narrower or wider than most.
WIDTHS = ((" ijl.,:;'|!·", 3.9), ("frt()[]-", 5.3), ("mwMWQO@%", 13.0), ("ABCDEGHKNPRSTUVXYZ", 9.3))


def pixels(label: str) -> float:
    """About how wide a label is in a field, where letters are drawn 16 pixels high."""
    return sum(
        16 if columns(letter) > 1 else next((w for of, w in WIDTHS if letter in of), 8.2)
        for letter in label
    )


def _chosen(visit: Visit) -> str:
    """Where a session keeps the chosen text: anew once the browser has told whose it is. Keys stand
    in the page, for everybody who is handed it, and whoever knows a workspace controls its runs: so
    it is not there itself."""
    return f"text-{hashlib.sha256(visit.workspace.encode()).hexdigest()[:12]}"


def on_shelf(visit: Visit) -> dict[str, Text]:
    """The visitor's texts, newest first, then the library's."""
    own, library = (visit.store.texts(shelf) for shelf in (visit.workspace, LIBRARY_SHELF))
    taken = {text.id for text in own}
    return {text.id: text for text in own + [text for text in library if text.id not in taken]}


def chosen_text(visit: Visit) -> Text:
    """The text that stands in the choice. Raises InputError when it has been cleared since."""
    shelf = on_shelf(visit)
    text_id = st.session_state.get(_chosen(visit))
    if text_id not in shelf:
        raise InputError("this text is no longer here: upload or paste it again")
    return shelf[text_id]


def choose_text(visit: Visit, label: str) -> Text:
    """A choice among the visitor's texts and the library; the newest is chosen at first."""
    shelf = on_shelf(visit)
    key = _chosen(visit)
    if (wanted := st.session_state.pop(NEXT, None)) in shelf:
        st.session_state[key] = wanted
    newest = next(iter(shelf))
    if hold(key, newest) not in shelf:
        st.session_state[key] = newest
    text_id = st.selectbox(
        label,
        list(shelf),
        format_func=lambda text_id: described(shelf[text_id]),
        key=key,
        persist_state="session",
        help="Your own texts stand first, then the library's.",
    )
    return shelf[text_id]


def described(text: Text) -> str:
    """A text as a choice shows it."""
    return f"{text.name} · {counted(text.characters, 'character')}"


def put_text(text_id: str | None) -> None:
    """Has this text chosen when the choice is drawn next, if the visitor has it."""
    st.session_state[NEXT] = text_id


def choose_part(label: str, parts: int, key: str) -> int:
    """Which of so many parts to look at, from 0."""
    if parts < 2:
        return 0
    return st.number_input(f"{label}, of {parts:,}", 1, parts, 1, key=key, width=180) - 1


def choose_tokenizer() -> tuple[str, int]:
    """The kind of tokenizer and, for BPE, its vocabulary; Data and Train share the choice."""
    hold(KIND, "char")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = st.segmented_control(
            "Tokenizer",
            list(KINDS),
            format_func=KINDS.get,
            required=True,
            key=KIND,
            persist_state="session",
            help=explain("tokenizer", "BPE"),
        )
        size = 0
        if kind == "bpe":
            size = numbers.field(
                "Vocabulary",
                USUAL_BPE,
                step=256,
                key=SIZE,
                persist_state="session",
                width=220,
                help=f"{GLOSSARY['vocabulary']} 3 special tokens, 256 bytes, and one more for each "
                f"merge: from {MIN_VOCABULARY} to {MAX_VOCABULARY:,}.",
            )
    return kind, size


def chosen_tokenizer() -> tuple[str, int]:
    """What stands in the choice."""
    kind = st.session_state.get(KIND, "char")
    return kind, numbers.typed(SIZE, USUAL_BPE) if kind == "bpe" else 0


def put_tokenizer(kind: str, size: int) -> None:
    """Has this tokenizer chosen when the choice is drawn next."""
    st.session_state[KIND] = kind
    if kind == "bpe":
        st.session_state[SIZE] = float(max(MIN_VOCABULARY, size))
