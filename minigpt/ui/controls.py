"""What a person can ask of a run: pause, step, stop, train longer, name, share, keep, delete."""

import csv
import io
from collections.abc import Callable
from dataclasses import fields
from urllib.parse import urlsplit, urlunsplit

import streamlit as st

from minigpt import bundle
from minigpt.config import InputError
from minigpt.store import EXTENDABLE, MAX_NAME, MetricsRow, Run
from minigpt.ui import frame, leaving_out, longer, new_run, services

REFUSAL = "refusal"


def show(visit: frame.Visit) -> None:
    """The buttons for the chosen run: all of them for its owner, the harmless ones for others."""
    run = visit.run
    if visit.owns_run:
        with st.container(horizontal=True):
            _steer(visit)
    elif visit.workspace_known and run.active:
        st.caption("You are watching somebody's run: only its owner can pause or stop it.")
    with st.container(horizontal=True, gap="small"):
        _share(run)
        _keep(visit)
        if visit.reads_text:  # so that they may train on it
            _button("Duplicate", "content_copy", new_run.copy_settings, run)
            _leave_out(visit)
        if visit.owns_run:
            _rename(run)
            if not run.bundled:
                _delete(run)
    if refusal := st.session_state.get(REFUSAL):
        st.error(frame.sentence(refusal))


def forget_refusal() -> None:
    """Once the page is drawn to its end: a run that moves on meanwhile draws it once more."""
    st.session_state.pop(REFUSAL, None)


def _steer(visit: frame.Visit) -> None:
    run, store = visit.run, visit.store
    if run.active:
        if run.wish == "paused":
            _button("Resume", "play_arrow", store.wish, run.id, "running")
            _button("One step", "skip_next", store.step, run.id, help="A single batch, then pause.")
        else:
            _button("Pause", "pause", store.wish, run.id, "paused")
        _button("Stop", "stop", store.wish, run.id, "stopped", help="Ends the run. It is kept.")
    elif run.state in EXTENDABLE and not run.imported:
        with st.popover("Train longer", icon=":material/more_time:"):
            longer.choose(visit)
            _button("Go on", "play_arrow", longer.start, visit, kind="primary")


def _share(run: Run) -> None:
    with st.popover("Share", icon=":material/link:"):
        st.caption(
            "Whoever has this address can watch the run, look into it and let it write, but not "
            "control it. The first line of its text is shown with it."
        )
        st.code(_address(run), language=None, wrap_lines=True)


def _address(run: Run) -> str:
    scheme, host, _, _, _ = urlsplit(st.context.url or "")
    return urlunsplit((scheme, host, "/Train", f"run={run.id}", ""))


def _keep(visit: frame.Visit) -> None:
    """Downloads; the files are made only when asked for."""
    run = visit.run
    with st.popover("Download", icon=":material/download:"):
        st.download_button(
            "The run, as one file",
            lambda: bundle.export_run(visit.store, run),
            f"{_file_name(run)}.safetensors",
            on_click="ignore",
            disabled=visit.store.checkpoint_step(run.id) is None,
            help="Weights, settings, tokenizer, curve, samples and snapshots, without the text. "
            "Import it here or with `python -m minigpt import`.",
        )
        st.download_button(
            "The curve, as CSV",
            lambda: _curve_csv(visit, run),
            f"{_file_name(run)}.csv",
            "text/csv",
            on_click="ignore",
            help="One row for each step.",
        )


def _file_name(run: Run) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in run.name) or "run"


def _curve_csv(visit: frame.Visit, run: Run) -> str:
    curves = visit.store.curves(run.id)
    names = [spec.name for spec in fields(MetricsRow)]
    table = io.StringIO()
    rows = csv.writer(table)
    rows.writerow(names)
    rows.writerows(zip(*(getattr(curves, name).tolist() for name in names), strict=True))
    return table.getvalue()


def _leave_out(visit: frame.Visit) -> None:
    if visit.run.step and leaving_out.offers(visit.run):
        with st.popover("Leave one out", icon=":material/science:"):
            chosen = leaving_out.choose(visit.run)
            _button(
                "Train without it" if len(chosen) < 2 else f"Train {len(chosen)} runs",
                "play_arrow",
                leaving_out.start,
                visit,
                kind="primary",
                disabled=not chosen,
            )


def _rename(run: Run) -> None:
    with st.popover("Rename", icon=":material/edit:"):
        key = f"name-{run.id}"
        st.text_input("Name", value=run.name, max_chars=MAX_NAME, key=key)
        _button(
            "Keep this name",
            "check",
            lambda: services.store().rename(run.id, st.session_state[key]),
        )


def _delete(run: Run) -> None:
    with st.popover("Delete", icon=":material/delete:"):
        st.caption("The run goes, with its weights, curve and samples. This cannot be undone.")
        _button("Delete this run", "delete_forever", _delete_now, run.id, kind="primary")


def _delete_now(run_id: str) -> None:
    services.store().wish(run_id, "deleted")
    frame.leave_run()


def _button(
    label: str,
    icon: str,
    act: Callable,
    *args: object,
    kind: str = "secondary",
    help: str | None = None,
    disabled: bool = False,
) -> None:
    """A button that acts before the page is drawn again; a refusal is shown under the buttons."""

    def press() -> None:
        try:
            act(*args)
        except InputError as error:
            st.session_state[REFUSAL] = str(error)

    icon = f":material/{icon}:"
    st.button(label, icon=icon, type=kind, on_click=press, help=help, disabled=disabled)
