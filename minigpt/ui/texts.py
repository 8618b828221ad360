"""Taking texts in, choosing one, and showing it as a model sees it."""

from itertools import count

import numpy as np
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from minigpt import tokenizers
from minigpt.config import InputError
from minigpt.corpus import Baselines, fit_baselines, read_text
from minigpt.store import LIBRARY_SHELF, Text, text_id_of
from minigpt.tokenizers.char import SPECIAL_TOKENS
from minigpt.ui import frame, services, tokens
from minigpt.ui.glossary import GLOSSARY

NEXT = "next_text"
SHOWN_TOKENS = 400
SHOWN_CHARACTERS = 3_000
SHOWN_VOCABULARY = 2_000


def take_file(visit: frame.Visit, file: UploadedFile) -> None:
    """Puts an uploaded file on the visitor's shelf and chooses it, once, or says why it cannot."""
    taken = st.session_state.setdefault("taken_files", {})
    if file.file_id in taken:
        return
    try:
        body = read_text(file.getvalue(), file.name)
        taken[file.file_id] = _keep(visit, file.name, body)
    except InputError as error:
        st.error(frame.sentence(error))


def take_paste(visit: frame.Visit) -> None:
    """A text typed or pasted, and the button that keeps it."""
    body = st.text_area(
        "Your text",
        height=160,
        placeholder="Paste a poem, a chapter, a song, source code …",
        persist_state="session",
        key="pasted_text",
    )
    if st.button("Keep this text", icon=":material/add:", key="keep_paste"):
        try:
            if len(body.strip()) < 2:
                raise InputError(
                    f"the text has {len(body.strip())} characters, a model needs at least 2: "
                    "paste a longer one"
                )
            title = body.strip().splitlines()[0][:40]
            _keep(visit, title, body)
        except InputError as error:
            st.error(frame.sentence(error))


def _keep(visit: frame.Visit, name: str, body: str) -> str:
    """Checks a text, stores it and chooses it; returns its id."""
    if len(body) < 2:
        raise InputError(
            f"{name} has {len(body)} character, a model needs at least 2: bring a longer one"
        )
    visit.limits.check_text(len(body))
    shelf = visit.store.texts(visit.workspace)
    visit.limits.check_shelf(len(shelf), visit.store.used_bytes())
    tokenizers.CharTokenizer.train(body)  # refuses a vocabulary over the limit
    text_id = visit.store.add_text(visit.workspace, _free_name(visit, name, body), body)
    st.session_state[_chosen(visit)] = text_id
    st.success(f"Took {frame.plain(name)}: {len(body):,} characters.", icon=":material/check:")
    return text_id


def _free_name(visit: frame.Visit, name: str, body: str) -> str:
    """`name`, or with a number behind it where another text has it: a choice needs unique names."""
    text_id = text_id_of(body)  # the same text again only takes the new name
    taken = {text.name for text in visit.store.texts(visit.workspace) if text.id != text_id}
    numbered = (f"{name} ({n})" for n in count(2))
    return name if name not in taken else next(other for other in numbered if other not in taken)


def _chosen(visit: frame.Visit) -> str:
    """Where a session keeps the chosen text: anew once the browser has told whose it is."""
    return f"text-{visit.workspace}"


def on_shelf(visit: frame.Visit) -> dict[str, Text]:
    """The visitor's texts, newest first, then the library's."""
    own, library = (visit.store.texts(shelf) for shelf in (visit.workspace, LIBRARY_SHELF))
    return {text.id: text for text in [*own, *library]}


def chosen(visit: frame.Visit) -> Text:
    """The text that stands in the choice. Raises InputError when it has been cleared since."""
    shelf = on_shelf(visit)
    text_id = st.session_state.get(_chosen(visit))
    if text_id not in shelf:
        raise InputError("this text is no longer here: upload or paste it again")
    return shelf[text_id]


def choose(visit: frame.Visit, label: str) -> Text:
    """A choice among the visitor's texts and the library; the newest is chosen at first."""
    shelf = on_shelf(visit)
    key = _chosen(visit)
    if (wanted := st.session_state.pop(NEXT, None)) in shelf:
        st.session_state[key] = wanted
    if st.session_state.get(key) not in shelf:
        st.session_state[key] = next(iter(shelf))
    text_id = st.selectbox(
        label,
        list(shelf),
        format_func=lambda text_id: (
            f"{shelf[text_id].name} · {shelf[text_id].characters:,} characters"
        ),
        key=key,
        persist_state="session",
        help="Your own texts stand first, then the library.",
    )
    return shelf[text_id]


def choose_next(text_id: str | None) -> None:
    """Has this text chosen when the choice is drawn next, if the visitor has it."""
    st.session_state[NEXT] = text_id


def show_statistics(body: str) -> None:
    """The three numbers that matter, and the beginning of the text."""
    left, middle, right = st.columns(3)
    left.metric("Characters", f"{len(body):,}", border=True)
    middle.metric("Lines", f"{body.count(chr(10)) + 1:,}", border=True)
    right.metric(
        "Vocabulary",
        f"{len(set(body)) + len(SPECIAL_TOKENS):,} tokens",
        help=f"{GLOSSARY['vocabulary']} Each different character is one, and "
        f"{', '.join(SPECIAL_TOKENS)} come with every tokenizer.",
        border=True,
    )
    with st.expander("The text", expanded=False):
        st.code(body[:SHOWN_CHARACTERS], language=None, wrap_lines=True, height=320)
        if len(body) > SHOWN_CHARACTERS:
            st.caption(f"The first {SHOWN_CHARACTERS:,} of {len(body):,} characters.")


def show_tokens(body: str) -> None:
    """The beginning of the text as tokens, and the whole vocabulary."""
    tokenizer = tokenizers.CharTokenizer.train(body)
    st.subheader("What the model sees", anchor=False, help=GLOSSARY["token"])
    with st.container(border=True):
        ids = tokenizer.encode(body[:SHOWN_TOKENS])
        st.html(tokens.chips([tokenizer.tokens[i] for i in ids]))
        st.caption(
            f"The first {len(ids):,} tokens. A model never sees letters, only each token's number: "
            f"here the text begins {', '.join(map(str, ids[:8]))}, …"
        )
    with st.expander(f"The vocabulary: {tokenizer.vocab_size:,} tokens"):
        st.html(tokens.chips(tokenizer.tokens[:SHOWN_VOCABULARY], breaks=False))
        if tokenizer.vocab_size > SHOWN_VOCABULARY:
            st.caption(f"The first {SHOWN_VOCABULARY:,} of them.")


@st.cache_data(max_entries=64, show_spinner=False)
def _baselines(text_id: str) -> Baselines:
    body = services.store().text(text_id)
    tokenizer = tokenizers.CharTokenizer.train(body)
    ids = np.array(tokenizer.encode(body))
    cut = len(ids) - max(2, len(ids) // 10)
    if cut < 2:
        raise InputError("this text is too short to keep a part of it for validation")
    return fit_baselines(ids[:cut], ids[cut:], tokenizer.vocab_size)


def show_baselines(text_id: str) -> None:
    """How hard the text is for models that only count."""
    st.subheader("How far counting gets", anchor=False, help=GLOSSARY["baseline"])
    lines = _baselines(text_id)
    rows = [
        ("uniform", "every token is as likely as any other", lines.uniform),
        ("unigram", "each token as likely as it is frequent", lines.unigram),
        ("bigram", "knows which token tends to follow which", lines.bigram),
    ]
    st.dataframe(
        {
            "Model": [name for name, _, _ in rows],
            "What it knows": [about for _, about, _ in rows],
            "Nats per token": [loss for _, _, loss in rows],
            "Bits per character": [loss / np.log(2) for _, _, loss in rows],
        },
        hide_index=True,
        column_config={
            "Nats per token": st.column_config.NumberColumn(format="%.3f", help=GLOSSARY["loss"]),
            "Bits per character": st.column_config.NumberColumn(
                format="%.3f", help=GLOSSARY["bits per character"]
            ),
        },
    )
    st.caption(
        "Counted on the first nine tenths of the text, scored on the last tenth. "
        "A model that understands more than counts has to get below the last line."
    )
