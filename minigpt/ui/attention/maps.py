"""Attention on the page: choose a text and a moment, compute, draw, explain."""

import csv
import io
from dataclasses import dataclass

import numpy as np
import streamlit as st

from minigpt import plots, tokenizers
from minigpt.config import InputError
from minigpt.counting import counted
from minigpt.store import Run
from minigpt.tokenizers.visible import visible
from minigpt.ui import address, services
from minigpt.ui.figures import show_map
from minigpt.ui.glossary import GLOSSARY, explain
from minigpt.ui.prompts import check_length, notes_on, opening
from minigpt.ui.visit import Visit
from minigpt.ui.words import file_name

LINE = 40  # characters of the first text: each of them has a label on the large map


@dataclass(frozen=True)
class View:
    """The attention of one model over one text, of which the newest N of T tokens are shown."""

    tokens: list[str]  # T, all that were read
    patterns: np.ndarray  # (n_layer, n_head, N, T)
    notes: list[str]
    name: str  # of a file of it: which run, at which step


def choose_text(visit: Visit) -> str:
    """Any text, one line from the run's own world at first."""
    return st.text_area(
        "Text to look at",
        height=80,
        help="Repeat a word and see which head notices. Of a long text the newest "
        f"{plots.MOST_ROWS} tokens are shown.",
        **address.bind(address.TEXT, visit.run, _first_line(visit)),
    )


def _first_line(visit: Visit) -> str:
    """The start of the run's training text, or of what it wrote, cut at a word."""
    run = visit.run
    shown = visit.store.may_read(run.workspace, run.text_id)  # its owner may have deleted it
    body = visit.store.text(run.text_id)[:2_000] if shown else ""
    long_lines = [line for line in body.splitlines() if len(line) >= 24]
    line = long_lines[0] if long_lines else body[:LINE] or opening(run)
    return line[:LINE].rsplit(" ", 1)[0] if len(line) > LINE else line


def compute(run: Run, text: str, step: int | None) -> View:
    """The attention of the run's model at `step` over all of `text` that its context holds.

    Raises InputError when the text is empty, too long, or the run has no weights yet.
    """
    if not text:
        raise InputError("there is no text to look at: write at least one character")
    check_length(text, "text")
    tokenizer = tokenizers.load(run.tokenizer)
    ids = tokenizer.encode(text)[-run.model.block_size :]
    notes = notes_on(run, text, "text")
    at = services.store().weights_step(run.id) if step is None else step
    model = services.model(run, at)
    from minigpt.interpret import attention

    if len(ids) > plots.MOST_ROWS:
        notes.append(
            f"The model reads {counted(len(ids), 'token')}, the newest {plots.MOST_ROWS} are "
            "shown. What they give to those before stands in the first column, *earlier*."
        )
    patterns = attention(model, ids, plots.MOST_ROWS).numpy()
    name = f"{file_name(run)}-step{at}-attention"
    return View([tokenizer.tokens[i] for i in ids], patterns, notes, name)


def show(run: Run, view: View) -> None:
    """Every head at a glance, then one of them large."""
    for note in view.notes:
        st.caption(note)
    L, H, N, _ = view.patterns.shape
    st.subheader("Every head at a glance", anchor=False, help=GLOSSARY["head"])
    show_map(plots.attention_grid(view.patterns), "grid", plots.grid_shape(L, H), view.name)
    st.caption(
        "A map for each head, a line of maps for each layer. Rows look, columns are looked at; the "
        "more a square stands out from the page, the more attention it gets. A line beside the "
        "diagonal: the token before. A first column: resting on the beginning. A smooth fan: no "
        "habit yet.",
        help=explain("attention", "head", "layer"),
    )

    st.subheader("One head", anchor=False, help=GLOSSARY["attention"])
    choice, picture = st.columns([1, 2.6], gap="large")
    with choice:
        layer = st.segmented_control(
            "Layer", range(L), required=True, help=GLOSSARY["layer"],
            **address.bind(address.LAYER, run, 0, address.within(0, L - 1), "default"),
        )  # fmt: skip
        head = st.segmented_control(
            "Head", range(H), required=True, help=GLOSSARY["head"],
            **address.bind(address.HEAD, run, 0, address.within(0, H - 1), "default"),
        )  # fmt: skip
        pattern, name = view.patterns[layer, head], f"{view.name}-layer{layer}-head{head}"
        st.caption(
            "Read along a row: each token spreads 100 % over itself and the tokens before it. "
            "Nobody can look ahead, so the upper right is empty. Point at a square to read which "
            "tokens it is about, and its share."
        )
        st.download_button(
            "Download as CSV",
            _as_csv(pattern, view.tokens),
            f"{name}.csv",
            "text/csv",
            icon=":material/download:",
        )
    with picture:
        shape = plots.heatmap_shape(view.tokens[-N:], earlier=len(view.tokens) > N)
        show_map(plots.attention_heatmap(pattern, view.tokens), "heatmap", shape, name)


def _as_csv(pattern: np.ndarray, tokens: list[str]) -> str:
    """One row per looking token that is shown, one column per token that was read."""
    table = io.StringIO()
    rows = csv.writer(table)
    labels = [visible(token) for token in tokens]
    rows.writerow(["", *labels])
    rows.writerows(
        [label, *map("{:.5f}".format, row)]
        for label, row in zip(labels[-len(pattern) :], pattern, strict=True)
    )
    return table.getvalue()
