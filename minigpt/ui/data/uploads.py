"""Files of a visitor: taken in, or first confirmed where nobody knows for sure how they read."""

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from minigpt.config import InputError
from minigpt.corpus import reading
from minigpt.corpus.damage import DROP
from minigpt.corpus.guessing import BYTE_SETS
from minigpt.ui import services, tokens
from minigpt.ui.data.keeping import TOLD, keep, tell_of
from minigpt.ui.visit import Visit
from minigpt.ui.words import plain, sentence

UPLOADS = "uploads"  # counts the uploader anew, which empties it
FOUND = "found"  # what became of each file in the uploader
LIKELY = "likely"  # the encodings of each that waits


def upload(visit: Visit) -> None:
    """Takes files in, each by itself: what cannot be taken says why, the others are kept.

    A file whose encoding is a guess waits for the person to confirm it. The rest goes to the store
    at once, and the server forgets the bytes.
    """
    number = st.session_state.setdefault(UPLOADS, 0)
    files = st.file_uploader(
        "Text files",
        accept_multiple_files=True,
        key=f"uploads-{number}",
        help="Plain text of any kind: .txt, .md, .csv, .json, .py, .html, .tex, .srt and the like, "
        f"and the words of a PDF. At most {visit.limits.max_text_mb} MB each.",
    )
    found = st.session_state.setdefault(FOUND, {})
    waiting = []
    for file in files:
        if file.file_id not in found:
            found[file.file_id] = _take_file(visit, file)
        if not found[file.file_id]:
            waiting.append(file)
    if files and not waiting:
        st.session_state[TOLD] = [found.pop(file.file_id) for file in files]
        for file in files:
            _release(file)
        st.session_state[UPLOADS] += 1
        st.rerun()
    for file in waiting:
        _confirm(visit, file)
    for file in files:
        if found[file.file_id]:
            tell_of(*found[file.file_id])


def _take_file(visit: Visit, file: UploadedFile) -> tuple[str, str] | None:
    """What became of a file, in words; None while it has to be confirmed."""
    try:
        found, _ = services.read(file.getvalue(), file.name)
        if not found.sure:
            return None
        return keep(visit, file.name, found.text)
    except InputError as error:
        return "error", sentence(error)


def _confirm(visit: Visit, file: UploadedFile) -> None:
    """A file of which nobody knows for sure how it reads: the best guess, and the other ways."""
    data, name = file.getvalue(), plain(file.name)
    with st.container(border=True):
        likely = st.session_state.setdefault(LIKELY, {}).get(file.file_id)
        if likely is None:
            likely = st.session_state[LIKELY][file.file_id] = services.encodings(data)
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
            key=f"encoding-{file.file_id}",
            help="The most likely one stands first.",
        )
        try:
            found, passages = services.read(data, file.name, encoding, shows=True)
            if found.damage:
                bad_bytes = _choose_for_bad_bytes(file, found)
                if bad_bytes != found.damage.read_as:
                    found, passages = services.read(
                        data, file.name, encoding, bad_bytes, shows=True
                    )
        except InputError as error:
            found = None
            st.warning(sentence(error))
        else:
            _preview(found, passages)
        with st.container(horizontal=True):
            if st.button(
                "It reads well, take it",
                key=f"take-{file.file_id}",
                type="primary",
                disabled=found is None,
            ):
                try:
                    st.session_state[FOUND][file.file_id] = keep(visit, file.name, found.text)
                except InputError as error:
                    st.session_state[FOUND][file.file_id] = "error", sentence(error)
                st.rerun()
            if st.button("Leave it out", key=f"leave-{file.file_id}"):
                left = "info", f"{plain(file.name)} was left out."
                st.session_state[FOUND][file.file_id] = left
                st.rerun()


def _choose_for_bad_bytes(file: UploadedFile, found: reading.Reading) -> str:
    """What becomes of the bytes that are no text in the chosen encoding."""
    st.markdown(f"All of it is {reading.label(found.encoding)} but for **{found.damage}**.")
    ways = [*BYTE_SETS, DROP]
    return st.selectbox(
        "Read those bytes as",
        ways,
        index=ways.index(found.damage.read_as),
        format_func=lambda way: "nothing: leave them out" if way == DROP
        else reading.label(way),
        key=f"bad-{file.file_id}-{found.encoding}",
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


def _release(file: UploadedFile) -> None:
    """Streamlit would keep an uploaded file in memory for as long as the session lives."""
    context = get_script_run_ctx()
    if context is not None:
        context.uploaded_file_mgr.remove_file(session_id=context.session_id, file_id=file.file_id)
