"""Attention on the page: choose a text and a moment, compute, draw, explain."""

import csv
import io
from dataclasses import dataclass

import numpy as np
import streamlit as st

from minigpt import plots, tokenizers
from minigpt.config import InputError
from minigpt.store import Run
from minigpt.ui import frame, services, writing
from minigpt.ui.figures import show_figure
from minigpt.ui.glossary import GLOSSARY

MOST_TOKENS = 96  # more rows than this cannot be told apart on a screen


@dataclass(frozen=True)
class View:
    """The attention of one model over one text."""

    tokens: list[str]
    patterns: np.ndarray  # (n_layer, n_head, T, T)
    notes: list[str]


def choose_text(visit: frame.Visit) -> str:
    """Any text, one line from the run's own world at first."""
    return st.text_area(
        "Text to look at",
        value=_first_line(visit),
        height=80,
        key=f"attention-text-{visit.run.id}",
        persist_state="session",
        help=f"Up to {MOST_TOKENS} tokens are shown. Repeat a word and see which head notices.",
    )


def _first_line(visit: frame.Visit) -> str:
    """The start of the run's training text, or of what it wrote, cut at a word."""
    run = visit.run
    shown = visit.store.may_read(run.workspace, run.text_id)  # its owner may have deleted it
    body = visit.store.text(run.text_id)[:2_000] if shown else ""
    long_lines = [line for line in body.splitlines() if len(line) >= 24]
    line = long_lines[0] if long_lines else body[:48] or writing.opening(run)
    return line[:48].rsplit(" ", 1)[0] if len(line) > 48 else line


def choose_step(visit: frame.Visit) -> int | None:
    """A moment of training whose weights are kept; the newest at first."""
    newest = visit.store.weights_step(visit.run.id)
    steps = sorted({*visit.store.snapshot_steps(visit.run.id), *([newest] if newest else [])})
    if len(steps) < 2:
        return steps[0] if steps else None
    return st.select_slider(
        "Moment of training",
        steps,
        value=steps[-1],
        format_func=lambda step: f"step {step:,}",
        key=f"attention-step-{visit.run.id}-{len(steps)}",
        help="Slide back and see the heads as they were. At step 0 they look everywhere alike. "
        + GLOSSARY["step"],
    )


def compute(run: Run, text: str, step: int | None) -> View:
    """The attention of the run's model at `step` over the newest tokens of `text`.

    Raises InputError when the text is empty or the run has no weights yet.
    """
    if not text:
        raise InputError("there is no text to look at: write at least one character")
    tokenizer = tokenizers.load(run.tokenizer)
    ids = tokenizer.encode(text)
    notes = writing.notes_on_prompt(run, text)
    most = min(MOST_TOKENS, run.model.block_size)
    if len(ids) > MOST_TOKENS and most == MOST_TOKENS:
        notes = notes[:1] if "<unk>" in "".join(notes) else []
        notes.append(f"The text has {len(ids):,} tokens: the newest {most} are shown.")
    ids = ids[-most:]
    model = services.model(run, step)
    from minigpt.interpret import attention

    return View([tokenizer.tokens[i] for i in ids], attention(model, ids).numpy(), notes)


def show(view: View) -> None:
    """Every head at a glance, then one of them large."""
    for note in view.notes:
        st.caption(note)
    L, H = view.patterns.shape[:2]
    st.subheader("Every head at a glance", anchor=False, help=GLOSSARY["head"])
    show_figure(plots.attention_grid(view.patterns), "grid")
    st.caption(
        "Rows look, columns are looked at, deeper colour means more attention. A line beside the "
        "diagonal: the token before. A first column: "
        "resting on the beginning. A smooth fan: no habit yet.",
        help=GLOSSARY["attention"],
    )

    st.subheader("One head", anchor=False, help=GLOSSARY["attention"])
    choice, picture = st.columns([1, 2.6], gap="large")
    with choice:
        layer = st.segmented_control(
            "Layer", range(L), default=0, required=True, help=GLOSSARY["layer"], key=f"layer-{L}"
        )
        head = st.segmented_control(
            "Head", range(H), default=0, required=True, help=GLOSSARY["head"], key=f"head-{H}"
        )
        pattern = view.patterns[layer, head]
        st.caption(
            "Read along a row: each token spreads 100 % over itself and the tokens before it. "
            "Nobody can look ahead, so the upper right is empty."
        )
        st.download_button(
            "Download as CSV",
            _as_csv(pattern, view.tokens),
            f"attention-layer{layer}-head{head}.csv",
            "text/csv",
            icon=":material/download:",
        )
    with picture:
        show_figure(plots.attention_heatmap(pattern, view.tokens), "heatmap")


def _as_csv(pattern: np.ndarray, tokens: list[str]) -> str:
    """One row per looking token, one column per token looked at."""
    table = io.StringIO()
    rows = csv.writer(table)
    shown = [plots.visible(token) for token in tokens]
    rows.writerow(["", *shown])
    rows.writerows(
        [token, *map("{:.5f}".format, row)] for token, row in zip(shown, pattern, strict=True)
    )
    return table.getvalue()
