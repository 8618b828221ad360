"""Two maps on the same text, and their difference: another head, another moment, another run."""

from collections.abc import Callable
from functools import partial

import numpy as np
import streamlit as st

from minigpt import plots
from minigpt.config import InputError
from minigpt.counting import percent
from minigpt.ui import address
from minigpt.ui.attention import reading
from minigpt.ui.attention.one_head import capital, named
from minigpt.ui.attention.reading import View
from minigpt.ui.choosing import run_label
from minigpt.ui.components.head_view import head_view
from minigpt.ui.downloads import download_button
from minigpt.ui.visit import Visit
from minigpt.ui.words import sentence

AGAINST = {"head": "another head", "moment": "another moment", "run": "another run"}


def show(visit: Visit, view: View, text: str, layer: int, head: int | str) -> None:
    """A choice of what to compare with, and, once chosen, both maps and what differs."""
    st.subheader("Compare", anchor=False)
    against = st.segmented_control(
        "Compare with", list(AGAINST), format_func=AGAINST.get,
        **address.bind(address.AGAINST, visit.run, None, begins="default"),
    )  # fmt: skip
    if against is None:
        st.caption("The same text, seen by another head, at another moment or by another run.")
        return
    try:
        other, its_layer, its_head = _choose(visit, view, text, against, layer, head)
    except InputError as error:
        st.error(sentence(error))
        return
    _draw(view, layer, head, other, its_layer, its_head)


def _choose(
    visit: Visit, view: View, text: str, against: str, layer: int, head: int | str
) -> tuple[View, int, int | str]:
    """The other side. Raises InputError when it has no weights or the text is too long for it."""
    run = visit.run
    if against == "moment":
        steps = [step for step in visit.store.snapshot_steps(run.id) if step != view.at]
        if not steps:
            raise InputError("this run has one moment so far: train it for longer, or wait")
        step = st.select_slider(
            "Other moment", steps, format_func=lambda step: f"step {step:,}",
            **address.bind(address.OTHER_STEP, run, steps[0], _among(steps)),
        )  # fmt: skip
        return reading.view(run, text, step), layer, head
    its = view
    if against == "run":
        runs = {each.id: each for each in visit.runs() if each.id != run.id}
        if not runs:
            raise InputError("there is no other run yet: train one on Train")
        ids = list(runs)
        field = address.bind(address.OTHER_RUN, run, ids[0], _among(ids), "index")
        if "index" in field:
            field["index"] = ids.index(field["index"])
        chosen = st.selectbox(
            "Other run", ids, format_func=lambda run_id: run_label(runs[run_id]), **field
        )
        its = reading.view(visit.store.run(chosen), text, None)
    L, H = its.shape
    first = 0 if against == "run" else (layer if H > 1 else (layer + 1) % L)
    second = (head + 1) % H if against == "head" and head != address.AVERAGE else 0
    with st.container(horizontal=True):
        its_layer = st.segmented_control(
            "Other layer", range(L), required=True,
            **address.bind(
                address.OTHER_LAYER, run, first, address.within(0, L - 1), "default"
            ),
        )  # fmt: skip
        its_head = st.segmented_control(
            "Other head", range(H), required=True,
            **address.bind(address.OTHER_HEAD, run, second, address.within(0, H - 1), "default"),
        )  # fmt: skip
    return its, its_layer, its_head


def _among(options: list) -> Callable[[object], object]:
    def check(value: object) -> object:
        if value not in options:
            raise InputError("it is not there to compare with")
        return value

    return check


def _draw(
    view: View, layer: int, head: int | str, other: View, its_layer: int, its_head: int | str
) -> None:
    """Both maps, and where they cut the text alike, the second minus the first."""
    sides = [(view, layer, head), (other, its_layer, its_head)]
    same_run, same_step = view.run.id == other.run.id, view.at == other.at
    maps, titles = [], []
    for side, its, one in sides:
        words = [named(its, one)]
        words += [] if same_step and same_run else [f"step {side.at:,}"]
        words += [] if same_run else [side.run.name]
        maps.append(side.map(its, one))
        titles.append(", ".join(words))
    alike = view.tokens == other.tokens and maps[0].shape == maps[1].shape
    shown = [
        (one, side, capital(title), f"{number}", "share")
        for number, (one, (side, _, _), title) in enumerate(zip(maps, sides, titles, strict=True))
    ]
    if alike:
        title = "The second minus the first"
        shown.append((maps[1] - maps[0], view, title, "difference", "difference"))
    for column, (one, side, title, name, kind) in zip(st.columns(len(shown)), shown, strict=True):
        file = f"{side.file('attention')}-{name}"
        with column:
            head_view(
                one, side.tokens, key=f"beside-{name}-{view.run.id}", title=title,
                file=f"{file}.png", kind=kind, parts="map",
            )  # fmt: skip
            download_button(
                "Download as SVG",
                partial(plots.svg, one, side.tokens, title, kind=kind),
                f"{file}.svg",
                "image/svg+xml",
                icon=":material/download:",
                key=f"beside-svg-{name}",
            )
    if alike:
        apart = 0.5 * float(np.abs(maps[1] - maps[0]).sum(axis=1).mean())
        st.caption(
            f"Shares of attention. On average {percent(apart, 0)} of a token's attention lies "
            "elsewhere. Amber: the second looks there more; teal: the first does."
        )
    else:
        st.caption(
            "The two runs cut this text into different tokens, or hold different amounts of it, so "
            "there is no difference to be drawn."
        )
