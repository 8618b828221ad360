"""The tree of a beam search: which hypotheses it followed, which it pruned, and which one won."""

from collections.abc import Sequence

import streamlit as st

from minigpt.plots.tree import FATES, Branch, Fate, layout, percent
from minigpt.tokenizers.visible import shortened
from minigpt.ui.components.sources import source

WORDS: dict[Fate, str] = {"best": "on the winning path", "alive": "kept", "pruned": "pruned"}

_component = st.components.v2.component(
    "minigpt_tree",
    html=source("tree.html"),
    css=source("tree.css"),
    js=source("tree.js"),
)


def tree(
    nodes: Sequence[Branch],
    *,
    key: str,
    chosen: int | None,
    best: Sequence[int],
    shown: int | None = None,
) -> None:
    """Draws the tree down to the depth `shown`, all of it by default.

    best: the nodes of the winning path, which is lit once all is shown. A node that is pruned later
    than at that depth is drawn as kept. The node `chosen` is outlined, where it is drawn.
    """
    plan = layout(nodes, best, shown)
    data = {
        "width": plan.width,
        "height": plan.height,
        "start": plan.start,
        "steps": plan.steps,
        "chosen": chosen,
        "fates": FATES,
        "parents": [node.parent for node in nodes],
        "boxes": [
            {
                "nodes": box.nodes,
                "labels": box.labels,
                "edges": box.edges,
                "y": box.y,
                "fate": box.fate,
                "path": plan.edge(box),
                "percent": None if box.prob is None else percent(box.prob),
                "words": [_words(nodes[i], box.fate) for i in box.nodes],
                "first": nodes[box.nodes[0]].depth if box.nodes else None,
            }
            for box in plan.boxes
        ],
    }
    _component(data=data, key=key, on_clicked_change=lambda: None)


def clicked(key: str, n: int) -> int | None:
    """Which of the n nodes of the tree of that key was clicked just now.

    What comes from the browser is checked: anything but a node is no click.
    """
    answer = getattr(st.session_state.get(key), "clicked", None)
    return answer if type(answer) is int and 0 <= answer < n else None


def _words(node: Branch, fate: Fate) -> str:
    ended = ", finished" if node.ended else ""
    return f"{shortened(node.label)}, step {node.depth}, {percent(node.prob)}, {WORDS[fate]}{ended}"
