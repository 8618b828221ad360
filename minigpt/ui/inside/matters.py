"""What matters: by how much the loss rises without each part of the model, and on which tokens."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from minigpt import plots
from minigpt.config import InputError
from minigpt.counting import percent
from minigpt.store import Run
from minigpt.ui import address, measured, services
from minigpt.ui.components.parts import Cell, clicked, parts
from minigpt.ui.downloads import downloads
from minigpt.ui.glossary import explain
from minigpt.ui.inside.view import View
from minigpt.ui.tokens import weighed
from minigpt.ui.words import rough

if TYPE_CHECKING:
    from minigpt.interpret import Matters, Part

UNASKED_SECONDS = 20.0  # what takes longer is measured when asked to
KINDS = {"zero": "nothing", "mean": "its average", "resample": "another text's"}
STRONGEST = 5  # heads and MLPs that are told in numbers
TAKING = "Taking out one part after the other …"
LEAST_SCALE = 0.05  # nats: changes of a token's loss below a tenth of it are hardly any


class _TooLong(Exception):
    """What is being measured would take so many seconds, and nobody asked for it."""


def show(view: View) -> None:
    """The map of all parts, and the effect of one of them token by token. Raises InputError."""
    kind = st.segmented_control(
        "What stands in a part's place", list(KINDS), format_func=KINDS.get, required=True,
        help="Nothing: zeros, which is more than the rest ever meets. Its average: what differs "
        "from text to text is lost. Another text's: what the part does at the same place in "
        "another piece of text, so that all stays as usual but does not fit.",
        **address.bind(address.ABLATION, view.run, "zero", begins="default"),
    )  # fmt: skip
    found = _measured(view, kind)
    if found is None:
        return
    part = _map(view, found)
    _read_so(view, found)
    _strongest(found, part)
    _notes(view, found)
    _files(view, found)
    _by_token(view, found, part)


def _measured(view: View, kind: str) -> "Matters | None":
    """The map, at once where that is quick or it was measured before, else when asked to."""
    about = ("matters", view.run.id, view.at, kind, measured.sampled(view.run))
    asked = f"asked-{'-'.join(map(str, about))}"
    known, estimate = measured.known(about), ""
    wished = bool(st.session_state.get(asked))
    if known is None and (wished or not (view.plays or view.follows)):
        windows, bar = measured.sample(view.run).windows, st.progress(0.0, TAKING)
        try:
            known = measured.once(about, lambda: _measure(view, windows, kind, bar, wished=wished))
        except _TooLong as error:
            estimate = f", about {rough(error.args[0])}"
        bar.empty()
    if known is None:
        st.caption(
            "Every head, every MLP and every layer is taken out, one at a time, and the loss "
            "measured anew."
        )
        st.button(
            f"Measure step {view.at:,}{estimate}",
            icon=":material/grid_view:",
            key=f"button-{asked}",
            on_click=lambda: st.session_state.update({asked: True}),
        )
    return known


def _measure(
    view: View, windows: np.ndarray, kind: str, bar: DeltaGenerator, *, wished: bool
) -> "Matters":
    """Raises _TooLong where it would take long and nobody asked for it. Whoever goes to another
    page leaves it: that is noticed as soon as the bar moves."""
    from minigpt.interpret import what_matters

    started = time.monotonic()

    def tell(share: float) -> None:
        seconds = time.monotonic() - started
        if not wished and seconds > 2 and seconds / share > UNASKED_SECONDS:
            raise _TooLong(seconds / share)
        services.turn.give_way()
        bar.progress(min(1.0, share), TAKING)

    return what_matters(services.model(view.run, view.at), windows, kind, progress=tell)


def _map(view: View, found: "Matters") -> "Part":
    """Draws it; returns the part that is chosen: by a click, in the list, or the one that matters
    most of heads and MLPs."""
    run, names = view.run, [part.name for part in found.parts]
    whole = _whole(found)
    most = names[int(np.where(whole, -np.inf, found.delta).argmax())]
    key = f"parts-{run.id}"
    if (click := clicked(key, len(names))) is not None:
        address.put(address.PART, run, names[click], most)
    place = st.container()
    chosen = st.selectbox(
        "One part, token by token",
        names,
        help="Or click it in the map.",
        **_indexed(names, address.bind(address.PART, run, most, _among(names), "index")),
    )
    depth = plots.depths(found.delta, whole)
    cells = [_cell(found, i, names[i], depth[i]) for i in range(len(names))]
    with place:
        parts(*_lines(run), cells, names.index(chosen), key=key)
    return found.parts[names.index(chosen)]


def _whole(found: "Matters") -> np.ndarray:
    """Which of the parts are whole layers: bool (n,)."""
    return np.array([part.kind == "layer" for part in found.parts])


def _among(names: list[str]) -> Callable[[str], str]:
    def check(name: str) -> str:
        if name not in names:
            raise InputError("this model has no such part")
        return name

    return check


def _indexed(names: list[str], field: dict) -> dict:
    """What a list of names is given: it begins with a place, not with a name."""
    return field | {"index": names.index(field["index"])} if "index" in field else field


def _lines(run: Run) -> tuple[list[str], list[str]]:
    """The names of the map's rows and columns."""
    heads = [f"head {head}" for head in range(run.model.n_head)]
    return [f"layer {i}" for i in range(run.model.n_layer)], [*heads, "MLP", "whole layer"]


def _cell(found: "Matters", i: int, name: str, depth: float) -> Cell:
    delta, low, high = (plots.signed(of[i]) for of in (found.delta, found.low, found.high))
    if np.isnan(found.low[i]):  # too few windows: the number stands, nothing is said of it
        return Cell(delta, f"{name}: {delta} nats, how sure is not known", float(depth), seen=False)
    between = f"{delta} nats, interval {low} to {high}"
    if found.seen[i]:
        return Cell(delta, f"{name}: {between}", float(depth), seen=True)
    return Cell(plots.NONE_SEEN, f"{name}: no effect seen, {between}", 0.0, seen=False)


def _read_so(view: View, found: "Matters") -> None:
    """What the map shows."""
    held = measured.sample(view.run).held_out
    deepest = np.abs(found.delta[~_whole(found)]).max()
    where = "text the model was not trained on" if held else "what the model wrote itself"
    st.caption(
        f"By how many nats per token the loss on {where} ({found.loss:.3f}) rises when one part is "
        "taken out: the more amber, the more the rest relies on it; teal, where the model guesses "
        "better without it. The deepest colour stands at the largest of the heads and MLPs, "
        f"{deepest:.3f} nats. **Hatched: no effect seen**, its interval holds 0.",
        help=explain("ablation", "head", "layer", "loss", "MLP", "nats"),
    )


def _notes(view: View, found: "Matters") -> None:
    """What is to be known of its numbers."""
    if view.at == 0:
        st.caption(
            "At step 0 nothing has been learned: every part writes what chance put into it. The "
            "loss changes little without it, and what change there is tells of these random "
            "numbers, not of anything that the model relies on."
        )
    for note in found.notes:
        st.caption(note)
    if not found.notes:
        st.caption(
            f"Each interval is one of {len(found.parts)}, and so wide that all of them together "
            f"hold in 95 of 100 cases: {percent(found.level, 2)} each, of {found.windows} pieces "
            "of text, each compared with itself."
        )
    st.caption(
        "Effects do not add: what two parts do together is lost with either. And a part without "
        "effect may do much, for another can stand in for it once it is gone (McGrath et al. "
        "2023, The Hydra Effect)."
    )


def _strongest(found: "Matters", part: "Part") -> None:
    """The heads and MLPs with the largest effects, and the part that is chosen, in numbers."""
    order = np.argsort(-np.where(_whole(found), -1, np.abs(found.delta)), kind="stable")
    listed = [int(i) for i in order[:STRONGEST] if not _whole(found)[i]]
    chosen = found.parts.index(part)
    st.markdown("**The strongest heads and MLPs, and the part that is chosen**")
    st.table(
        [
            {
                "Without": found.parts[i].name + (" (chosen)" if i == chosen else ""),
                "Loss rises by (nats)": plots.signed(found.delta[i]),
                "Interval": f"{plots.signed(found.low[i])} to {plots.signed(found.high[i])}"
                if np.isfinite(found.low[i])
                else "not known",
                "Effect": _effect(found, i),
            }
            for i in dict.fromkeys([*listed, chosen])
        ]
    )


def _effect(found: "Matters", i: int) -> str:
    """What an interval says."""
    if np.isnan(found.low[i]):
        return "not known"
    if not found.seen[i]:
        return "no effect seen"
    return "worse without it" if found.delta[i] > 0 else "better without it"


def _files(view: View, found: "Matters") -> None:
    names = [part.name for part in found.parts]
    file = view.file(f"what-matters-{found.kind}")
    title = f"What matters, step {view.at:,}: {KINDS[found.kind]} in a part's place"
    told = (
        f"Rise of the loss in nats per token without a part. Hatched: no effect seen, the interval "
        f"({percent(found.level, 2)}) holds 0."
        if not found.notes
        else found.notes[0]
    )
    depth = plots.depths(found.delta, _whole(found))
    downloads(
        file,
        f"matters-{view.run.id}",
        lambda: plots.parts_table(names, found.delta, found.low, found.high, found.level),
        lambda: plots.parts_svg(*_lines(view.run), found.delta, found.seen, depth, title, told),
    )


def _by_token(view: View, found: "Matters", part: "Part") -> None:
    """The person's text, coloured by what each token's loss rises by without the part."""
    from minigpt.interpret import token_effect

    st.markdown(f"**Your text without {part.name}**")
    if len(view.ids) < 2:
        st.caption(
            "Nothing comes before a single token to guess it from: write one more."
            if view.ids
            else "There is no text that can be read: write one above."
        )
        return
    windows = measured.sample(view.run).windows
    with services.turn.taken():
        model = services.model(view.run, view.at)
        rises = token_effect(model, view.ids, part, windows, found.kind)
    deepest = max(LEAST_SCALE, float(np.abs(rises).max()))
    st.html(weighed(view.tokens[0], view.tokens[1:], rises.tolist(), deepest))
    st.caption(
        f"Amber: tokens that are guessed worse without it, up to {plots.signed(rises.max())} nats. "
        "Teal, dotted below: guessed better. Deepest at the largest change in this text. Over the "
        f"whole text the loss changes by {plots.signed(rises.mean())} nats per token: one text, so "
        "no more than an example.",
        help=explain("loss", "nats", "token"),
    )
