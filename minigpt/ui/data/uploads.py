"""Files of a visitor: taken in, or first confirmed where nobody knows for sure how they read."""

from collections.abc import Callable

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from minigpt.config import InputError
from minigpt.corpus import reading
from minigpt.corpus.damage import DROP
from minigpt.corpus.guessing import BYTE_SETS
from minigpt.ui import news, services, tokens, untaken
from minigpt.ui.data.keeping import TOLD, keep, take, tell_of
from minigpt.ui.visit import Visit
from minigpt.ui.words import plain, sentence

UPLOADS = "uploads"  # counts the uploader anew, which empties it
WAITS = "waits"  # the names of the files that wait for their encoding, by id
LIKELY = "likely"  # the encodings of each


def upload(visit: Visit) -> None:
    """Takes files in, each by itself: what cannot be taken says why, the others are kept.

    A file whose encoding is a guess waits for the person to confirm it. The rest goes to the store
    at once, and the server forgets the bytes.
    """
    untaken.watch()
    number = st.session_state.setdefault(UPLOADS, 0)
    files = st.file_uploader(
        "Text files",
        accept_multiple_files=True,
        key=f"uploads-{number}",
        help="Plain text of any kind: .txt, .md, .csv, .json, .py, .html, .tex, .srt and the like, "
        f"and the words of a PDF. At most {visit.limits.max_text_mb} MB each.",
    )
    waits = st.session_state.setdefault(WAITS, {})
    if files:
        told = [_take_file(visit, file, waits) for file in files]
        news.put(TOLD, [words for words in told if words])
        st.session_state[UPLOADS] += 1
        st.rerun()
    for file_id in [*waits]:
        _confirm(visit, file_id, waits)


def _take_file(visit: Visit, file: UploadedFile, waits: dict[str, str]) -> tuple[str, str] | None:
    """What became of a file, in words; None where it waits to be confirmed."""
    data = file.getvalue()
    untaken.release(file)
    try:
        with untaken.reading(len(data)):
            found, _ = services.read(data, file.name)
            if found.sure:
                return keep(visit, file.name, found.text)
    except InputError as error:
        return "error", sentence(error)
    untaken.waiting.put(untaken.session(), file.file_id, untaken.File(file.name, data))
    waits[file.file_id] = file.name
    return None


def _confirm(visit: Visit, file_id: str, waits: dict[str, str]) -> None:
    """A file of which nobody knows for sure how it reads: the best guess, and the other ways."""
    name = plain(waits[file_id])

    def settle(become: Callable[[], tuple[str, str]]) -> None:
        untaken.waiting.drop(untaken.session(), file_id)
        del waits[file_id]
        take(become)

    file = untaken.waiting.find(untaken.session(), file_id)
    if file is None:
        del waits[file_id]
        tell_of("error", f"{name} has waited too long, or too much waits: bring it again.")
        return
    with st.container(border=True):
        likely = st.session_state.setdefault(LIKELY, {}).get(file_id)
        if likely is None:
            likely = st.session_state[LIKELY][file_id] = services.encodings(file.data)
        if likely[0] == "utf-8":
            st.markdown(f"**{name}** is nearly valid UTF-8: say what the rest of it is.")
        else:
            st.markdown(
                f"**{name}** is not valid UTF-8 and does not say what it is. "
                "Choose the encoding in which it reads well."
            )
        encoding = st.selectbox(
            "Encoding",
            likely,
            format_func=reading.label,
            key=f"encoding-{file_id}",
            help="The most likely one stands first.",
        )
        try:
            found, passages = services.read(file.data, file.name, encoding, shows=True)
            if found.damage:
                bad_bytes = _choose_for_bad_bytes(file_id, found)
                if bad_bytes != found.damage.read_as:
                    found, passages = services.read(
                        file.data, file.name, encoding, bad_bytes, shows=True
                    )
        except InputError as error:
            found = None
            st.warning(sentence(error))
        else:
            _preview(found, passages)
        with st.container(horizontal=True):
            if st.button(
                "It reads well, take it",
                key=f"take-{file_id}",
                type="primary",
                disabled=found is None,
            ):
                settle(lambda: keep(visit, file.name, found.text))
                st.rerun()
            if st.button("Leave it out", key=f"leave-{file_id}"):
                settle(lambda: ("info", f"{name} was left out."))
                st.rerun()


def _choose_for_bad_bytes(file_id: str, found: reading.Reading) -> str:
    """What becomes of the bytes that are no text in the chosen encoding."""
    st.markdown(f"All of it is {reading.label(found.encoding)} but for **{found.damage}**.")
    ways = [*BYTE_SETS, DROP]
    return st.selectbox(
        "Read those bytes as",
        ways,
        index=ways.index(found.damage.read_as),
        format_func=lambda way: "nothing: leave them out" if way == DROP
        else reading.label(way),
        key=f"bad-{file_id}-{found.encoding}",
        help="Programs for Windows often put its quotation marks and dashes into other texts: "
        "those are Windows-1252. Where a download broke off, leave the rest of a character out.",
    )  # fmt: skip


def _preview(found: reading.Reading, passages: list[tuple[int, str, str]]) -> None:
    """The passages that tell whether a file is read rightly."""
    damage = found.damage
    st.html(tokens.passages(passages))
    if damage and damage.left_out == damage.count:
        st.caption("Those bytes are left out; all else stays.")
    elif damage and damage.left_out:
        st.caption(
            f"{damage.left_out:,} of those bytes are no character there either: they are left out."
        )
