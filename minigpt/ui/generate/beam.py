"""Beam search: the likeliest text that a look at several at once can find, and the tree it grew."""

import math
from typing import TYPE_CHECKING

import streamlit as st

from minigpt import plots, tokenizers
from minigpt.corpus import in_bits
from minigpt.counting import counted, percent
from minigpt.tokenizers.visible import visible
from minigpt.ui import tokens
from minigpt.ui.address import DEPTH, PENALTY, WIDTH, bind, within
from minigpt.ui.components.tree import Branch, clicked, tree
from minigpt.ui.downloads import download_button
from minigpt.ui.generate import asked
from minigpt.ui.generate.task import Task
from minigpt.ui.glossary import explain
from minigpt.ui.words import file_name

if TYPE_CHECKING:
    from minigpt.beam import BeamTree

WIDEST, DEEPEST = 16, 64
USUAL_WIDTH, USUAL_DEPTH = 4, 16
SHOWN = 5  # finished texts
TITLE = 60  # characters of the prompt
NODE = "tree_node"  # in the session: the tree and its node that was clicked last


def show(task: Task) -> None:
    """Width and length, the tree, the text of the node that was clicked, and the best texts."""
    width, depth, penalty = _choose(task)
    found = asked.search(*task.what, width, depth, penalty, task.config.stop)
    deepest = max(node.depth for node in found.nodes)
    shown = deepest
    if deepest > 1:
        shown = st.slider(
            "Expansions shown", 1, deepest, deepest, key=f"expansions-{task.run.id}-{deepest}",
            help="Step through the search: at each, every text that is still kept grows by one "
            "token, and only the likeliest are kept.",
        )  # fmt: skip
    _draw(task, found, None if shown == deepest else shown)
    _tell_best(task, found)


def _choose(task: Task) -> tuple[int, int, float]:
    run, stop = task.run, task.config.stop
    with st.container(horizontal=True, gap="medium"):
        width = st.number_input(
            "Beams", 1, WIDEST,
            help="How many texts are kept at each step. 1 always takes the likeliest token.",
            **bind(WIDTH, run, USUAL_WIDTH, within(1, WIDEST)),
        )  # fmt: skip
        depth = st.number_input(
            "Tokens", 1, DEEPEST, help="How long the texts are at most.",
            **bind(DEPTH, run, USUAL_DEPTH, within(1, DEEPEST)),
        )  # fmt: skip
        penalty = st.number_input(
            "Length penalty", 0.0, 2.0, step=0.1, disabled=stop is None,
            help="Texts that end are ranked by their log-probability divided by their length to "
            "this power: 0 favours short ones, 1 ranks by the average token.",
            **bind(PENALTY, run, 0.0, within(0.0, 2.0)),
        )  # fmt: skip
    if stop is None:
        st.caption(
            "The texts this model learned from have no end mark, so all found texts are of one "
            "length, and a length penalty would change nothing. Put a *Stop at* above, and it does."
        )
        return width, depth, 0.0
    return width, depth, penalty


def _draw(task: Task, found: "BeamTree", shown: int | None) -> None:
    names, key = tokenizers.load(task.run.tokenizer).tokens, f"tree-{task.run.id}"
    ends = {one.node for one in found.finished}
    nodes = [
        Branch(
            one.parent, visible(names[one.id]), one.prob, one.log_prob, one.depth, one.kept,
            ended=i in ends,
        )
        for i, one in enumerate(found.nodes)
    ]  # fmt: skip
    st.caption(
        "Each box is a token, or several where nothing forks, with the probability it has behind "
        "those to its left. Lit: the text that won. Grey: dropped, because enough likelier ones "
        "were found. Click a box to read its text.",
        help=explain("beam search"),
    )
    chosen = _chosen(key, found)
    best = found.path(found.best.node)
    tree(nodes, key=key, chosen=chosen, best=best, shown=shown)
    title = f"Beam search behind {visible(task.prompt[-TITLE:])}"
    download_button(
        "Download as SVG",
        lambda: plots.tree_svg(nodes, best, title, shown),
        f"{file_name(task.run)}-step{task.at}-beam.svg",
        "image/svg+xml",
        icon=":material/download:",
    )
    if chosen is not None:
        path = found.path(chosen)
        st.html(tokens.chips([names[found.nodes[n].id] for n in path], breaks=False))
        node = found.nodes[chosen]
        st.caption(
            f"{counted(node.depth, 'token')}, in all {-in_bits(node.log_prob):.2f} bits, a "
            f"probability of {_probability(node.log_prob)}."
        )


def _chosen(key: str, found: "BeamTree") -> int | None:
    """The node that was clicked last in this tree."""
    if (now := clicked(key, len(found.nodes))) is not None:
        st.session_state[NODE] = found, now
    tree_of, node = st.session_state.get(NODE, (None, None))
    return node if tree_of is found else None


def _probability(nats: float) -> str:
    probability = math.exp(nats)
    return percent(probability, 2) if probability >= 1e-4 else f"{probability:.1e}"


def _tell_best(task: Task, found: "BeamTree") -> None:
    tokenizer = tokenizers.load(task.run.tokenizer)
    st.markdown("**The best texts**")
    rows = [
        {
            "Text": tokenizer.decode(one.ids),
            "Bits in all": f"{-in_bits(one.log_prob):.2f}",
            "Probability": _probability(one.log_prob),
        }
        | ({"Score": f"{one.score:.3f}"} if task.config.stop else {})
        for one in found.finished[:SHOWN]
    ]
    st.dataframe(rows, hide_index=True, width="stretch")
    st.caption(
        "Beam search takes no chances: temperature and the other sliders have no part in it. What "
        "it finds is mostly likelier than what taking the likeliest token each time gives, and "
        "seldom the likeliest of all."
    )
