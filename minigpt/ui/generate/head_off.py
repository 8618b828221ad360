"""A head switched off while the model writes: where the text takes another way."""

from itertools import zip_longest
from typing import TYPE_CHECKING

import streamlit as st

from minigpt import tokenizers
from minigpt.corpus import in_bits
from minigpt.counting import counted
from minigpt.ui import tokens
from minigpt.ui.address import OFF_HEAD, OFF_LAYER, bind, within
from minigpt.ui.generate import asked
from minigpt.ui.generate.task import Task
from minigpt.ui.glossary import GLOSSARY, explain

if TYPE_CHECKING:
    from minigpt.generation import Step

MOST = 120  # tokens


def show(task: Task) -> None:
    """The text with all heads and the text without one, with the first place where they part."""
    run = task.run
    with st.container(horizontal=True, gap="medium"):
        layer = st.segmented_control(
            "Layer", range(run.model.n_layer), required=True, help=GLOSSARY["layer"],
            **bind(OFF_LAYER, run, 0, within(0, run.model.n_layer - 1), "default"),
        )  # fmt: skip
        head = st.segmented_control(
            "Head", range(run.model.n_head), required=True, help=GLOSSARY["head"],
            **bind(OFF_HEAD, run, 0, within(0, run.model.n_head - 1), "default"),
        )  # fmt: skip
    config = task.brief(MOST)
    (whole,) = asked.texts(*task.what, [config])
    left = asked.without_head(*task.what, config, layer, head)
    parts = parting([step.id for step in whole], [step.id for step in left])
    for place, name, steps in zip(
        st.columns(2, gap="large"),
        ("With all heads", f"Without layer {layer}, head {head}"),
        (whole, left),
        strict=True,
    ):
        with place:
            st.markdown(f"**{name}**", help=explain("ablation"))
            _draw(task, steps, parts)
    if parts is None:
        st.caption("Both texts are the same: for this prompt and seed the head decides nothing.")
    else:
        st.caption(
            f"The same seed, and {counted(parts, 'token')} alike; the first that differs is "
            "marked. From there on they read different texts, so what follows says nothing more "
            "about the head. Whether it matters in all is measured on Attention."
        )


def parting(one: list[int], other: list[int]) -> int | None:
    """The first place at which two texts differ, also because one of them ends; None where they
    are the same."""
    pairs = enumerate(zip_longest(one, other))
    return next((at for at, (a, b) in pairs if a != b), None)


def _draw(task: Task, steps: "list[Step]", parts: int | None) -> None:
    tokenizer = tokenizers.load(task.run.tokenizer)
    pieces = list(tokenizer.pieces(step.id for step in steps))
    st.html(tokens.parted(pieces, parts))
    mean = in_bits(sum(step.nats for step in steps)) / max(1, len(steps))
    st.caption(
        f"{mean:.2f} bits of surprise a token over {counted(len(steps), 'token')}, for the model "
        "that wrote it."
    )
