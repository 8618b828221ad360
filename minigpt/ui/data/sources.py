"""Where a text comes from: a file, the clipboard, the library, a world, a download."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import count

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from minigpt.config import InputError
from minigpt.corpus import CLEANINGS, DOWNLOADS, LIBRARY, WORLDS, clean, in_bits, read_file, reading
from minigpt.corpus.damage import DROP
from minigpt.corpus.guessing import BYTE_SETS
from minigpt.corpus.library import LibraryText
from minigpt.corpus.worlds import Markov, World
from minigpt.counting import counted
from minigpt.store import LIBRARY_SHELF, Text, text_id_of
from minigpt.ui import numbers, tokens
from minigpt.ui.choosing import put_text
from minigpt.ui.glossary import GLOSSARY, explain
from minigpt.ui.visit import Visit
from minigpt.ui.words import plain, sentence

UPLOADS = "uploads"  # counts the uploader anew, which empties it
TOLD = "told"  # what became of the newest texts: (icon, sentence)
FOUND = "found"  # what became of each file in the uploader
WORLD_SIZES = (20_000, 50_000, 200_000, 1_000_000)


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
            _tell(*found[file.file_id])


def _take_file(visit: Visit, file: UploadedFile) -> tuple[str, str] | None:
    """What became of a file, in words; None while it has to be confirmed."""
    try:
        found = read_file(file.getvalue(), file.name)
        if not found.sure:
            return None
        return keep(visit, file.name, found.text)
    except InputError as error:
        return "error", sentence(error)


def _confirm(visit: Visit, file: UploadedFile) -> None:
    """A file of which nobody knows for sure how it reads: the best guess, and the other ways."""
    data, name = file.getvalue(), plain(file.name)
    with st.container(border=True):
        likely = reading.encodings(data)
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
            found = read_file(data, file.name, encoding)
            if found.damage:
                bad_bytes = _choose_for_bad_bytes(file, found)
                found = read_file(data, file.name, encoding, bad_bytes)
        except InputError as error:
            found = None
            st.warning(sentence(error))
        else:
            _preview(data, found)
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


def _preview(data: bytes, found: reading.Reading) -> None:
    """The passages that tell whether a file is read rightly."""
    damage = found.damage
    st.html(tokens.passages(reading.excerpts(data, found.encoding, damage and damage.read_as)))
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


def paste(visit: Visit) -> None:
    """A text typed or pasted, and the button that keeps it."""
    body = st.text_area(
        "Your text",
        height=160,
        placeholder="Paste a poem, a chapter, a song, source code …",
        persist_state="session",
        key="pasted_text",
    )
    if st.button("Keep this text", icon=":material/add:", key="keep_paste"):
        first_line = next(iter(body.strip().splitlines()), "Your text")
        take(lambda: keep(visit, first_line[:40], body))


def library(visit: Visit) -> None:
    """Texts that are on this machine."""
    plays = {name: entry for name, entry in LIBRARY.items() if "/" in name}
    for name, entry in LIBRARY.items():
        if name in plays:
            continue
        with st.container(border=True):
            chosen = name
            head, button = st.columns([4, 1], vertical_alignment="center")
            with head:
                st.markdown(f"**{entry.title}**  \n{entry.about}")
                if name == "shakespeare" and plays:
                    chosen = st.selectbox(
                        "Which",
                        [name, *plays],
                        format_func=lambda key: "All plays" if "/" not in key else plays[key].title,
                        label_visibility="collapsed",
                        key="which_play",
                    )
                with suppress(InputError):  # said when one asks for it
                    megabytes = LIBRARY[chosen].bytes() / 1e6
                    st.caption(f"{megabytes:.1f} MB. {entry.licence}.")
            with button:
                if st.button("Take it", key=f"take-{name}", width="stretch"):
                    take(partial(_keep_entry, visit, LIBRARY[chosen]))


def _keep_entry(visit: Visit, entry: LibraryText) -> tuple[str, str]:
    return keep(visit, entry.title, entry.read())


def worlds(visit: Visit) -> None:
    """Texts made by a rule, with the lowest loss that is possible on them."""
    st.markdown(
        "Texts made by a rule. Nobody knows how low the loss can get on a novel; here it is known. "
        "And where the rule leaves no choice, right answers are counted while the model learns.",
        help=GLOSSARY["loss"],
    )
    name = st.selectbox(
        "World",
        list(WORLDS),
        format_func=lambda name: WORLDS[name].title,
        key="world",
        help=GLOSSARY["world"],
    )
    st.caption(WORLDS[name].about)
    left, middle, right = st.columns(3)
    size = left.select_slider(
        "Characters", WORLD_SIZES, 200_000, format_func=lambda n: f"{n:,}", key="world_size"
    )
    with middle:
        seed = numbers.field(
            "Seed", 1, key="world_seed", help="The same seed writes the same text."
        )
    more = {}
    if name == Markov.name:
        more["bits"] = right.slider(
            "Bits per character", 0.1, 3.9, 2.0, 0.1, key="world_bits",
            help="How much chance there is: 0 would be none, 4 a new die for each letter. "
            + GLOSSARY["bits per character"],
        )  # fmt: skip

    def make() -> tuple[str, str]:
        world: World = WORLDS[name](seed=seed, **more)
        title = f"{world.title}, seed {seed}" + "".join(
            f", {bits:g} bits" for bits in more.values()
        )
        return keep(visit, title, world.text(size), world.to_json())

    try:
        world = WORLDS[name](seed=seed, **more)
    except InputError as error:
        st.warning(sentence(error))
        return
    st.caption("So it begins:")
    st.html(tokens.running(world.beginning(), marks=True))
    st.caption(
        f"Lowest possible loss: {world.floor:.3f} nats, {in_bits(world.floor):.2f} bits per "
        "character.",
        help=explain("floor", "nats", "bits per character"),
    )
    if st.button("Write it", icon=":material/auto_awesome:", key="write_world"):
        take(make)


def downloads(visit: Visit) -> None:
    """Texts from the network, fetched only when asked for."""
    st.caption("These are fetched from their addresses when you ask for one, and kept here.")
    home = visit.store.folder
    name = st.selectbox(
        "Text", list(DOWNLOADS), format_func=lambda name: DOWNLOADS[name].title, key="download"
    )
    entry = DOWNLOADS[name]
    kept = " It has been fetched before." if entry.kept(home) else ""
    st.caption(f"{entry.about} {entry.licence}.{kept}")
    if st.button("Download", icon=":material/cloud_download:", key="fetch"):
        bar = st.progress(0.0, f"Asking for {entry.title} …")

        def show(done: int, total: int) -> None:
            share = min(done / total, 1.0) if total else 0.0
            bar.progress(share, f"{done / 1e6:.1f} MB of {entry.title}")

        take(lambda: keep(visit, entry.title, entry.read(home, show)))
        bar.empty()


def delete(visit: Visit, text: Text) -> None:
    """Deletes a text of the visitor's own, once they know what becomes of its runs."""
    own = [other.id for other in visit.store.texts(visit.workspace)]
    if text.id not in own:
        return
    runs = sum(run.text_id == text.id for run in visit.store.runs(visit.workspace))
    with st.popover("Delete", icon=":material/delete:"):
        st.caption(_what_deleting_does(runs))

        def drop() -> None:
            at = own.index(text.id)
            put_text(next(iter(own[at + 1 :] + own[:at][::-1]), None))
            take(lambda: _drop(visit, text))

        st.button(
            "Delete this text", icon=":material/delete_forever:", type="primary", on_click=drop,
            key=f"delete-{text.id}",
        )  # fmt: skip


def _what_deleting_does(runs: int) -> str:
    if not runs:
        return "The text goes from your texts. No run of yours uses it. This cannot be undone."
    one = runs == 1
    return (
        f"The text goes from your texts, and no new run can be trained on it. "
        f"{'One run' if one else f'{runs:,} runs'} of yours {'uses' if one else 'use'} it: "
        f"{'it keeps' if one else 'they keep'} it, "
        f"{'goes' if one else 'go'} on training and can be looked at, but without the level lines "
        "under the curve, which are counted on the text. The text itself is deleted with the last "
        "of its runs. This cannot be undone."
    )


def _drop(visit: Visit, text: Text) -> tuple[str, str]:
    visit.store.drop_text(visit.workspace, text.id)
    return "success", f"Deleted {plain(text.name)}."


def tidy(visit: Visit, text: Text, body: str) -> None:
    """Clean-ups, each telling what it changes; the result becomes a text of its own."""
    with st.expander("Clean it up", icon=":material/mop:"):
        st.caption("The text stays as it is; what you switch on makes another one beside it.")
        wanted = []
        for name, cleaning in CLEANINGS.items():
            if st.toggle(cleaning.title, key=f"clean-{name}-{text.id}", help=cleaning.about):
                before = clean(body, wanted)
                wanted.append(name)
                st.caption(_difference(before, clean(body, wanted)))
        if wanted:
            cleaned = clean(body, wanted)
            st.html(tokens.running(cleaned[:600], marks=True))
            if st.button("Keep the cleaned text", icon=":material/add:", key="keep_cleaned"):
                take(lambda: keep(visit, f"{text.name}, cleaned", cleaned))
                st.rerun()


def _difference(before: str, after: str) -> str:
    """What a clean-up did, in numbers."""
    if before == after:
        return "Nothing in this text is changed by that."
    fewer = len(before) - len(after)
    if not fewer:
        changed = sum(a != b for a, b in zip(before, after, strict=True))
        return f"It changes {changed:,} of {counted(len(before), 'character')}."
    return f"It takes out {fewer:,} of {counted(len(before), 'character')}."


def take(make: Callable[[], tuple[str, str]]) -> None:
    """Does what a button asks for, and says what became of it."""
    try:
        st.session_state[TOLD] = [make()]
    except InputError as error:
        st.session_state[TOLD] = [("error", sentence(error))]


def tell() -> None:
    """What became of the newest texts, until something else is done about texts."""
    for kind, words in st.session_state.pop(TOLD, []):
        _tell(kind, words)


def _tell(kind: str, words: str) -> None:
    tell = {"success": st.success, "error": st.error, "info": st.info}[kind]
    tell(words, icon={"success": ":material/check:"}.get(kind))


def keep(visit: Visit, name: str, body: str, origin: str = "") -> tuple[str, str]:
    """Checks a text, stores it and chooses it; returns the good news. Raises InputError."""
    if len(body.strip()) < 2:
        raise InputError(
            f"{name} has {counted(len(body.strip()), 'character')} besides spaces, a model needs "
            "at least 2: bring a longer one"
        )
    visit.limits.check_text(len(body))
    text_id = text_id_of(body)
    shelf = visit.store.texts(visit.workspace)
    if text_id not in {text.id for text in shelf}:
        visit.limits.check_shelf(len(shelf), visit.store.used_bytes())
    name = _free_name(visit, name, text_id)
    visit.store.add_text(visit.workspace, name, body, origin)
    put_text(text_id)
    return "success", f"Took {plain(name)}: {counted(len(body), 'character')}."


def _free_name(visit: Visit, name: str, text_id: str) -> str:
    """`name`, or with a number behind it where another text has it: a choice needs unique names."""
    shelves = (visit.workspace, LIBRARY_SHELF)
    # The same text again only takes the new name.
    taken = {
        text.name for shelf in shelves for text in visit.store.texts(shelf) if text.id != text_id
    }
    numbered = (f"{name} ({n})" for n in count(2))
    return name if name not in taken else next(other for other in numbered if other not in taken)
