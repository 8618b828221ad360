"""What becomes of a text: kept, cleaned up or deleted, and what is told of it."""

import os
from collections.abc import Callable
from itertools import chain, count

import streamlit as st

from minigpt.config import InputError
from minigpt.corpus import CLEANINGS
from minigpt.counting import counted
from minigpt.engine import room
from minigpt.store import LIBRARY_SHELF, Text, text_id_of
from minigpt.ui import address, kept, news, services, tokens, workspace
from minigpt.ui.choosing import put_text
from minigpt.ui.visit import Visit
from minigpt.ui.words import plain, sentence

TOLD = "told"  # what became of the newest texts: (icon, sentence)


def take(make: Callable[[], tuple[str, str]]) -> None:
    """Does what a button asks for, and says what became of it."""
    try:
        news.put(TOLD, [make()])
    except InputError as error:
        news.put(TOLD, [("error", sentence(error))])


def tell() -> None:
    """What became of the newest texts."""
    for kind, words in news.get(TOLD) or []:
        tell_of(kind, words)


def tell_of(kind: str, words: str) -> None:
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
        visit.limits.check_texts(len(shelf))
        size = len(body.encode())
        room.make_room_for(visit.store, visit.limits, "this text", visit.workspace, size)
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
    learned = [run.id for run in visit.store.runs(visit.workspace) if run.text_id == text.id]
    kept.drop([text.id, *learned])
    return "success", f"Deleted {plain(text.name)}."


def show_yours(visit: Visit) -> None:
    """What can be done with all that is the visitor's at once."""
    with st.container(horizontal=True):
        forget(visit)
        if workspace.can_be_renewed():
            renew(visit)


def renew(visit: Visit) -> None:
    """Gives the browser a new secret, once the visitor knows what that does."""
    with st.popover("New secret for this browser", icon=":material/key:"):
        st.caption(
            "Your texts and runs belong to a secret that only this browser keeps. If somebody else "
            "may have it, perhaps from a computer that you shared, take a new one: all that is "
            "yours stays yours, in all tabs of this browser, and the old secret opens nothing any "
            "more. Links to your runs that you gave away go on working."
        )
        st.button(
            "Take a new secret",
            type="primary",
            key="renew",
            on_click=lambda: take(lambda: _renew(visit)),
        )


def _renew(visit: Visit) -> tuple[str, str]:
    workspace.renew(visit.store, visit.workspace)
    return "success", "This browser has a new secret."


def forget(visit: Visit) -> None:
    """Deletes all that is the visitor's, once they know what that is."""
    texts = len(visit.store.texts(visit.workspace))
    runs = sum(not run.bundled for run in visit.store.runs(visit.workspace))
    with st.popover(
        "Forget everything of mine", icon=":material/delete_sweep:", disabled=not texts + runs
    ):
        st.caption(_what_forgetting_does(texts, runs))

        def drop() -> None:
            put_text(None)
            st.session_state.pop("pasted_text", None)
            if visit.owns_run and not visit.run.bundled:
                address.leave_run()
            take(lambda: _forget(visit, texts, runs))

        st.button(
            "Delete all of it", icon=":material/delete_forever:", type="primary", on_click=drop,
            key="forget",
        )  # fmt: skip


def _what_forgetting_does(texts: int, runs: int) -> str:
    whose = (
        "Everybody who uses this installation shares one workspace, so this is not yours alone. "
        if os.environ.get("MINIGPT_WORKSPACE")
        else ""
    )
    return (
        f"{whose}{counted(texts, 'text')} and {counted(runs, 'run')} with their weights go, also "
        "those that still train, and are overwritten in the file that kept them. Links to them "
        "that you gave away lead nowhere then. This cannot be undone. Where another visitor "
        "brought the same text, it stays theirs; a file that somebody downloaded stays too."
    )


def _forget(visit: Visit, texts: int, runs: int) -> tuple[str, str]:
    theirs = visit.store.texts(visit.workspace), visit.store.runs(visit.workspace)
    visit.store.forget(visit.workspace)
    kept.drop(one.id for one in chain(*theirs))
    return "success", f"Forgot {counted(texts, 'text')} and {counted(runs, 'run')}."


def tidy(visit: Visit, text: Text) -> None:
    """Clean-ups, each telling what it changes; the result becomes a text of its own."""
    with st.expander("Clean it up", icon=":material/mop:"):
        st.caption("The text stays as it is; what you switch on makes another one beside it.")
        told, wanted = {}, []
        for name, cleaning in CLEANINGS.items():
            if st.toggle(cleaning.title, key=f"clean-{name}-{text.id}", help=cleaning.about):
                wanted.append(name)
                told[name] = st.empty()
        if wanted:
            cleaned, did = services.cleaned(text.id, wanted)
            for name, place in told.items():
                place.caption(_difference(*did[name]))
            st.html(tokens.running(cleaned[:600], marks=True))
            if st.button("Keep the cleaned text", icon=":material/add:", key="keep_cleaned"):
                take(lambda: keep(visit, f"{text.name}, cleaned", cleaned))
                st.rerun()


def _difference(before: int, fewer: int, changed: int) -> str:
    """What a clean-up did to so many characters: it took some out, or changed some."""
    if not fewer and not changed:
        return "Nothing in this text is changed by that."
    if not fewer:
        return f"It changes {changed:,} of {counted(before, 'character')}."
    return f"It takes out {fewer:,} of {counted(before, 'character')}."
