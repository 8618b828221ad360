"""What is rarely asked of a run, in one menu.

Most entries open a panel over the page. It stays while the page is drawn anew around it, and closes
when what it is for was done.
"""

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

import numpy as np
import streamlit as st
from streamlit import net_util

from minigpt import bundle
from minigpt.config import InputError
from minigpt.counting import counted, percent
from minigpt.metrics import Metrics
from minigpt.store import MAX_NAME, Run
from minigpt.ui import address, exports, kept, news, services, untaken
from minigpt.ui.downloads import download_button
from minigpt.ui.fields import changed
from minigpt.ui.glossary import explain
from minigpt.ui.train import controls, form, leaving_out, sharing
from minigpt.ui.visit import Visit
from minigpt.ui.words import file_name, plain, sentence

OPEN = "open_panel"  # of which run, and what it is for
SAID = "said"  # what is still to be told of what was done in it
_copies = kept.Kept(1_000_000)  # how much of what runs wrote is copied


@dataclass(frozen=True)
class Action:
    """An entry of the menu: it opens a panel, or is done at once."""

    icon: str
    panel: Callable[[Visit], None] | None = None
    act: Callable[[Visit], None] | None = None


def show(visit: Visit) -> None:
    """The menu's button, and the panel that was asked for."""
    run, actions, key = visit.run, _actions(visit), f"more-{visit.run.id}"
    st.menu_button(
        "More",
        list(actions),
        format_func=lambda label: f":material/{actions[label].icon}: {label}",
        icon=":material/more_horiz:",
        key=key,
        on_click=changed(key, lambda label: _choose(visit, actions, label)),
    )
    if said := st.session_state.pop(SAID, None):
        st.toast(said)
    of_run, label = st.session_state.get(OPEN, (None, None))
    if of_run == run.id and label in actions:
        icon = f":material/{actions[label].icon}:"
        st.dialog(label, icon=icon, on_dismiss=_close)(_panel)(actions[label], visit)


def _panel(action: Action, visit: Visit) -> None:
    """A panel's content; once what it is for was done, the page is drawn anew without it."""
    if OPEN not in st.session_state:
        st.rerun()
    action.panel(visit)
    controls.show_refusal()
    news.drop(controls.REFUSAL)  # the page behind the panel need not tell it again


def _actions(visit: Visit) -> Mapping[str, Action]:
    """What this visitor can ask of the run: all for its owner, the harmless for others."""
    run = visit.run
    may_train = visit.reads_text  # their own text, or the library's
    offered = {
        "Share": (True, Action("link", _share)),
        "Download": (True, Action("download", _download)),
        "Duplicate": (may_train, Action("content_copy", act=_duplicate)),
        "Leave one out": (
            may_train and run.step > 0 and leaving_out.offers(run),
            Action("science", _leave_out),
        ),
        "Rename": (visit.owns_run, Action("edit", _rename)),
        "Delete": (visit.owns_run and not run.bundled, Action("delete", _delete)),
    }
    return {label: action for label, (offers, action) in offered.items() if offers}


def _choose(visit: Visit, actions: Mapping[str, Action], label: str | None) -> None:
    if label not in actions:  # None, or what a browser says was offered
        return
    if actions[label].act:
        actions[label].act(visit)
    else:
        st.session_state[OPEN] = visit.run.id, label


def _close() -> None:
    st.session_state.pop(OPEN, None)


def _done(said: str) -> None:
    """Closes the panel, and says what happened."""
    _close()
    st.session_state[SAID] = said


def _share(visit: Visit) -> None:
    page, run = st.context.url or "", visit.run
    st.caption(
        "Whoever has this address can watch the run, look into it and let it write, but not "
        "control it. A model writes out what it learned by heart: who lets it write long enough "
        f"can read such passages of its text. {_copied(visit)}",
        help=explain("copied"),
    )
    st.code(sharing.address(page, run.id), language=None, wrap_lines=True)
    if sharing.stays_here(page):
        st.warning(sharing.advice(page, st.get_option("server.address")))
        there = sharing.for_others(page, run.id, net_util.get_internal_ip())
        st.code(there, language=None, wrap_lines=True)


def _copied(visit: Visit) -> str:
    """How much of what the run wrote last stands in its text, for whoever may know that."""
    run, samples = visit.run, visit.store.samples(visit.run.id)
    if not (visit.reads_text and samples):
        return ""
    step, written = samples[-1]
    try:
        found = _copies.once((run.id, step), lambda: services.trace(run, written))
    except InputError as error:
        return f"How much of what it writes is copied cannot be told: {plain(error)}."
    if found.share is None:
        return found.unclear or ""
    beside = (
        f", of unseen text {percent(found.held_out_share.mean, 0)}" if found.held_out_share else ""
    )
    return (
        f"Of what it wrote last {percent(found.share, 0)} stands word for word in its text{beside}."
    )


def _download(visit: Visit) -> None:
    """The files are made only when asked for. What is wrong then a browser does not say, so what
    is known before stands here."""
    run, limits, who = visit.run, visit.limits, untaken.session()
    try:
        told, refused = _left_out(exports.contents(run, limits)), False
    except InputError as error:
        told, refused = sentence(error), True
    download_button(
        "The run, as one file",
        lambda: exports.make(run, limits, who),
        f"{file_name(run)}.safetensors",
        "application/octet-stream",
        on_click="ignore",
        disabled=refused,
        help="Weights, settings, tokenizer, curve, samples and snapshots, without the text. "
        f"Import it here, up to {st.get_option('server.maxUploadSize')} MB, or with "
        "`python -m minigpt import`.",
    )
    if told:
        st.caption(told)
    download_button(
        "The curve, as CSV",
        lambda: _curve_csv(visit, run),
        f"{file_name(run)}.csv",
        "text/csv",
        on_click="ignore",
        help="One row for each step.",
    )


def _left_out(found: bundle.Contents) -> str:
    """What of a run does not go into its file, in a sentence; empty where all does."""
    if len(found.steps) == found.kept:
        return ""
    return (
        f"{len(found.steps)} of its {counted(found.kept, 'snapshot')} go into this file, of about "
        f"{found.bytes / 1e6:,.0f} MB; `python -m minigpt export` takes all of them."
    )


def _curve_csv(visit: Visit, run: Run) -> str:
    curves = visit.store.curves(run.id)
    names = [spec.name for spec in fields(Metrics)]
    steps = np.stack([getattr(curves, name) for name in names], axis=1)
    table = io.StringIO()
    rows = csv.writer(table)
    rows.writerow(names)
    rows.writerows(map(np.ndarray.tolist, steps))
    return table.getvalue()


def _duplicate(visit: Visit) -> None:
    form.copy_settings(visit.run)
    st.toast("Its settings stand under *New run*: change what you like, then start.")


def _leave_out(visit: Visit) -> None:
    chosen = leaving_out.choose(visit.run)

    def start() -> None:
        if left_out := leaving_out.start(visit):
            _done(
                f"In line: {plain(' and '.join(left_out))}. Further down, under *Compare "
                "with*, stands how far it is, and its line from its first steps on."
            )

    label = "Train without it" if len(chosen) < 2 else f"Train {len(chosen)} runs"
    controls.button(label, "play_arrow", start, kind="primary", disabled=not chosen, once=True)


def _rename(visit: Visit) -> None:
    run, key = visit.run, f"name-{visit.run.id}"
    st.text_input("Name", value=run.name, max_chars=MAX_NAME, key=key)

    def keep() -> None:
        services.store().rename(run.id, st.session_state[key])
        _done("The run has its new name.")

    controls.button("Keep this name", "check", keep, kind="primary")


def _delete(visit: Visit) -> None:
    run = visit.run
    st.caption("The run goes, with its weights, curve and samples. This cannot be undone.")

    def delete() -> None:
        services.store().wish(run.id, "deleted")
        kept.drop([run.id])
        address.leave_run()
        _done(f"{plain(run.name)} is deleted.")

    controls.button("Delete this run", "delete_forever", delete, kind="primary")
