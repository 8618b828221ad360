"""The numbers that stand for tokens and for places, in a plane: which come to lie together."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from minigpt import plots, tokenizers
from minigpt.config import InputError
from minigpt.counting import counted, percent
from minigpt.store import Run
from minigpt.tokenizers.visible import brief
from minigpt.ui import address, measured, services
from minigpt.ui.downloads import downloads
from minigpt.ui.figures import show_chart
from minigpt.ui.glossary import explain
from minigpt.ui.inside.view import View
from minigpt.ui.kept import Kept
from minigpt.ui.words import boxed, distinct

if TYPE_CHECKING:
    from minigpt.interpret import Chance, Plane

KINDS = {"token": "tokens", "position": "places"}
QUARTERS = ("first quarter", "second quarter", "third quarter", "last quarter")  # of the context
EXTENTS = {"all": "all", "middle": "the middle"}
MIDDLE = 0.75  # of the points lie in it
NAMED = 24  # of those outside
NEAR = 6  # neighbours
MOST_BYTES = 16_000_000  # of planes: of a large vocabulary each takes some hundred kilobytes
_planes = Kept(MOST_BYTES)


@dataclass(frozen=True)
class Scene:
    """Whose vectors are laid out: n of them, always the same of one run."""

    kind: str
    rows: np.ndarray  # (n,), their rows in the embedding
    labels: list[str]
    classes: list[str]
    names: tuple[str, ...]  # of all classes, in the order of their colours
    left_out: int  # tokens that the model never met


def show(view: View) -> None:
    """The picture, how much of the truth it is, and the neighbours of one token. Raises
    InputError."""
    run, kind = view.run, "token"
    if run.model.position == "learned":
        kind = st.segmented_control(
            "Numbers that stand for", list(KINDS), format_func=KINDS.get, required=True,
            help="Tokens, or places in the text: first, second, third …",
            **address.bind(address.EMBEDDED, run, "token", begins="default"),
        )  # fmt: skip
    scene = _scene(run, kind)
    found = _film(view, scene)
    left, right = st.columns([3, 2], gap="large")
    with right:
        chosen, near = _neighbours(view, scene)
    with left:
        extent = st.segmented_control(
            "Shows", list(EXTENTS), format_func=EXTENTS.get, required=True,
            help="The middle, larger: the square that holds three quarters of them. It has room "
            "for more names.",
            **address.bind(address.EXTENT, run, "all", begins="default"),
        )  # fmt: skip
        there = _within(found.points, extent)
        chart = _chart(scene, found, there, chosen, [i for i, _ in near])
        show_chart(chart, f"plane-{run.id}-{kind}", moving=True)
        if extent == "middle":
            _tell_outside(scene, there)
        _tell(view, scene, found, min(len(scene.rows), plots.MOST_POINTS))
        _download(view, scene, found, chart)


def _within(points: np.ndarray, extent: str) -> np.ndarray:
    """Which of n points are drawn: bool (n,)."""
    there = np.arange(len(points)) < plots.MOST_POINTS
    if extent == "middle":
        far = np.abs(points).max(axis=1)  # in a square around 0
        there &= far <= np.quantile(far[there], MIDDLE)
    return there


def _chart(
    scene: Scene, found: "Plane", there: np.ndarray, chosen: int, near: list[int]
) -> plots.Chart:
    """Those that are `there`, bool (n,), and thin lines between the chosen one and its neighbours
    among them."""
    drawn = np.flatnonzero(there)
    at = {int(i): place for place, i in enumerate(drawn)}
    return plots.scattered(
        found.points[drawn], [scene.labels[i] for i in drawn], [scene.classes[i] for i in drawn],
        scene.names, at.get(chosen), [at[i] for i in near if i in at and chosen in at],
    )  # fmt: skip


def _tell_outside(scene: Scene, there: np.ndarray) -> None:
    outside = np.flatnonzero(~there[: plots.MOST_POINTS])
    names = [boxed(brief(scene.labels[i])) for i in outside[:NAMED]]
    more = len(outside) - len(names)
    st.caption(
        f"Outside of this square lie {len(outside):,}: {' '.join(names)}"
        + (f" and {more:,} more." if more else ".")
    )


def _scene(run: Run, kind: str) -> Scene:
    return _planes.once(("scene", run.id, kind), lambda: _set_scene(run, kind))


def _set_scene(run: Run, kind: str) -> Scene:
    """Those that the model was trained on: the others still are what chance made them."""
    from minigpt.interpret import token_class
    from minigpt.interpret.embeddings import OF_CHARACTERS, OF_PIECES

    if kind == "position":
        n = run.model.block_size
        quarters = [QUARTERS[4 * place // n] for place in range(n)]
        return Scene(kind, np.arange(n), [str(i) for i in range(n)], quarters, QUARTERS, 0)
    tokenizer, met = tokenizers.load(run.tokenizer), services.met(run)
    classes = token_class(tokenizer)
    ordinary = np.array([name != "special tokens" for name in classes])
    rows = np.flatnonzero(ordinary if met is None else ordinary & met)
    return Scene(
        kind,
        rows,
        [tokenizer.tokens[i] for i in rows],
        [classes[i] for i in rows],
        OF_PIECES if tokenizer.kind == "bpe" else OF_CHARACTERS,
        int(ordinary.sum()) - len(rows),
    )


def _film(view: View, scene: Scene) -> "Plane":
    """The plane of this moment, turned to lie as the moment before it did, and that as the one
    before, from the first on: so it is the same whichever way one comes to it."""
    from minigpt.interpret import aligned, embedding, plane

    run, store, before = view.run, services.store(), None
    steps = [*(step for step in store.snapshot_steps(run.id) if step < view.at), view.at]
    missing = [step for step in steps if _planes.known((run.id, step, scene.kind)) is None]
    bar = st.empty()

    def lay_out(step: int) -> "Plane":
        if len(missing) > 1:
            done = missing.index(step) if step in missing else 0
            bar.progress(done / len(missing), f"Laying out step {step:,} …")
        model = services.model(run, step, keeps=step == view.at)
        found = plane(embedding(model, scene.kind)[scene.rows])
        return found if before is None else replace(found, points=aligned(found.points, before))

    for step in steps:
        found = measured.once((run.id, step, scene.kind), lambda step=step: lay_out(step), _planes)
        before = found.points
    bar.empty()
    return found


def _neighbours(view: View, scene: Scene) -> tuple[int, list[tuple[int, float]]]:
    """A choice of one, and those that point most nearly where it does; as indices of the scene."""
    from minigpt.interpret import embedding, neighbours

    run, rows = view.run, scene.rows.tolist()
    tokens = scene.kind == "token"
    usual = next((row for row in view.ids[-1:] if tokens and row in rows), rows[0])

    def there(row: int) -> int:
        if row not in rows:
            raise InputError("it is not among those that are laid out")
        return row

    field = address.bind(
        address.NEAR_TOKEN if tokens else address.NEAR_PLACE, run, usual, there, "index"
    )
    if "index" in field:
        field["index"] = rows.index(field["index"])
    shown = distinct([brief(label) for label in scene.labels], rows)
    labels = dict(zip(rows, shown, strict=True))
    row = st.selectbox(
        "Neighbours of" if tokens else "Neighbours of place", rows,
        format_func=labels.get,
        help="Those whose numbers point most nearly the same way.", **field,
    )  # fmt: skip
    chosen = rows.index(row)
    with services.turn.taken():
        vectors = embedding(services.model(run, view.at), scene.kind)[scene.rows]
    near, chance = neighbours(vectors, chosen, NEAR), _chance(scene, run)
    st.table(
        [
            {
                "Token" if tokens else "Place": boxed(brief(scene.labels[i])),
                "Cosine": f"{cosine:+.2f}".replace("-", "−"),
                "Class": scene.classes[i],
            }
            for i, cosine in near
        ]
    )
    st.caption(
        "Cosine similarity: +1 points the same way, 0 at right angles, −1 the opposite way. Of as "
        f"many random vectors the nearest would have {chance.cosine:+.2f} on average"
        + (": here none is nearer than that." if near and near[0][1] <= chance.cosine else ".")
        + " It is measured with all numbers, not in the plane: thin lines in the picture go to "
        "these neighbours, and a long one shows where the plane misleads.",
        help=explain("cosine similarity"),
    )
    return chosen, near


def _chance(scene: Scene, run: Run) -> "Chance":
    from minigpt.interpret import by_chance

    n, size = len(scene.rows), run.model.n_embd
    return measured.once(("chance", n, size), lambda: by_chance(n, size), _planes)


def _tell(view: View, scene: Scene, found: "Plane", shown: int) -> None:
    run, chance = view.run, _chance(scene, view.run)
    share, n = float(found.shares.sum()), len(scene.rows)
    what = KINDS[scene.kind]
    st.markdown(
        f"This plane holds **{percent(share, 0)}** of what tells the {n:,} {what} apart (their "
        f"variance, in {run.model.n_embd} numbers each); of random vectors it would hold "
        f"{percent(chance.share, 0)}."
        if np.isfinite(share)
        else f"All {n:,} {what} have the same numbers so far: there is nothing to tell them apart.",
        help=explain("embedding", "principal components", "token"),
    )
    st.caption(
        "What to look for: tokens that are used alike come to lie together. Do the vowels? Capital "
        "letters? The picture is turned to lie as close as it can to the moment before, so only "
        "what moves is learned; directions have no meaning, and both axes have one scale."
        if scene.kind == "token"
        else "What to look for: places that follow each other come to lie along a line, for what "
        "is near in the text matters alike. The picture is turned to lie as close as it can to the "
        "moment before."
    )
    notes = []
    if scene.left_out:
        notes.append(
            "Left out, for the model never met them in training: "
            f"{counted(scene.left_out, 'token')}, whose numbers are still those of chance."
        )
    if shown < n:
        notes.append(f"The picture shows the first {shown:,}; all are measured.")
    if scene.kind == "token" and run.model.tie_weights:
        notes.append("The output layer of this model guesses with these same numbers.")
    if scene.kind == "token" and run.model.bigram:
        notes.append("Numbers that this model has for pairs of tokens are not in the picture.")
    for note in notes:
        st.caption(note)


def _download(view: View, scene: Scene, found: "Plane", chart: plots.Chart) -> None:
    file = view.file(f"{scene.kind}-embedding")
    title = f"{view.run.name}: {KINDS[scene.kind]}, step {view.at:,}"
    downloads(
        file,
        f"plane-{view.run.id}-{scene.kind}",
        lambda: plots.scattered_table(found.points, scene.labels, scene.classes),
        lambda: plots.scattered_svg(chart, title),
    )
