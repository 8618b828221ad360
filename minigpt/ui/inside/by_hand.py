"""One row of attention set by hand: where the last token looks in one head, and what the model
would say then."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from minigpt import plots, tokenizers
from minigpt.config import InputError
from minigpt.counting import percent
from minigpt.tokenizers.visible import brief
from minigpt.ui import address
from minigpt.ui.figures import show_chart
from minigpt.ui.inside.view import View
from minigpt.ui.words import boxed, sentence

if TYPE_CHECKING:
    from minigpt.interpret import Walk
    from minigpt.model import Tap

SHOWN = 6  # tokens of the row, and next tokens


@dataclass(frozen=True)
class Row:
    """Where the last token looks in one head, and what of it was set by hand."""

    layer: int
    head: int
    weights: np.ndarray  # (T,), as they are now
    changes: dict[int, float]  # the shares that were set, by place
    tap: "Tap | None"  # what sets them


def chosen(view: View, own: "Walk", layer: int, head: int) -> Row:
    """The row as it is set; the model's own where nobody set any of it. What cannot be is told."""
    from minigpt.interpret import edited, set_by_hand

    cells = address.read(address.ROW, view.run, [])
    changes = {place: percent / 100 for *of, place, percent in cells if of == [layer, head]}
    if changes:
        try:
            weights = set_by_hand(own.weights, changes)
            return Row(layer, head, weights, changes, edited(layer, head, weights))
        except InputError as error:
            st.warning(f"{sentence(error)} The model's own row stands here instead.")
    return Row(layer, head, own.weights, {}, None)


def show(view: View, now: "Walk", own: "Walk", row: Row) -> None:
    """The row beside the model's own, a slider for the share of one token, and the next token's
    bars."""
    st.markdown("**Set this row by hand**")
    left, right = st.columns(2, gap="large")
    with left:
        _set(view, own, row)
    with right:
        bars(view, now, own, "arithmetic-3")


def _set(view: View, own: "Walk", row: Row) -> None:
    run, T, changes = view.run, len(row.weights), row.changes
    most = np.argsort(-own.weights, kind="stable")
    place = st.selectbox(
        "Token that is looked at", range(T), index=int([*most[:1], *changes][-1]),
        format_func=lambda place: f"{place + 1}: {brief(view.tokens[place])}",
        key=f"row-place-{run.id}-{T}",
    )  # fmt: skip
    free = 100 - round(100 * sum(share for other, share in changes.items() if other != place))
    if T == 1 or free <= 0:
        st.caption(
            "There is one token, and it gets all."
            if T == 1
            else "The tokens that were set have 100 % already: lower one of them first."
        )
    else:
        key = f"row-share-{run.id}-{place}"
        st.session_state[key] = min(free, round(100 * float(row.weights[place])))
        st.slider(
            "Its share of attention, %", 0, free, key=key,
            help="What you set stays; the other tokens share the rest as they did before.",
            on_change=_put, args=(view, row, place, key),
        )  # fmt: skip
    if changes:
        st.button("Back to its own row", icon=":material/undo:", on_click=_undo, args=(view, row))
    told = list(dict.fromkeys([*(int(i) for i in most[:SHOWN]), *sorted(changes)]))
    st.table(
        [
            {
                "Token": f"{i + 1}: {boxed(brief(view.tokens[i]))}",
                "Its own": percent(own.weights[i]),
                "Now": percent(row.weights[i]) + (" (set)" if i in changes else ""),
            }
            for i in told
        ]
    )


def _put(view: View, row: Row, place: int, key: str) -> None:
    if key in st.session_state:
        cell = (row.layer, row.head, place, int(st.session_state[key]))
        _write(view, lambda other: other[:3] != cell[:3], cell)


def _undo(view: View, row: Row) -> None:
    _write(view, lambda cell: cell[:2] != (row.layer, row.head))


def _write(view: View, keeps: Callable[[tuple[int, ...]], bool], *more: tuple[int, ...]) -> None:
    """Keeps some of the cells that were set, and sets others."""
    cells = [cell for cell in address.read(address.ROW, view.run, []) if keeps(cell)]
    address.put(address.ROW, view.run, [*cells, *more], [])


def bars(view: View, now: "Walk", own: "Walk", key: str) -> None:
    """The next tokens as they are, and with the row that was set."""
    names = tokenizers.load(view.run.tokenizer).tokens
    order = np.argsort(-np.maximum(own.probs, now.probs), kind="stable")[:SHOWN]
    chart = plots.with_and_without(
        [names[i] for i in order], own.probs[order], now.probs[order], "with the row set by hand"
    )
    show_chart(chart, f"{key}-{view.run.id}", moving=True)
    moved = 0.5 * float(np.abs(now.probs - own.probs).sum())
    st.caption(
        f"{percent(moved)} of the probability lies on other tokens now."
        if now is not own
        else "Move the slider: the second bars show what the model would say, all else as it is."
    )
