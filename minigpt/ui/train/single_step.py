"""What a single step did, beside the curve of a run that was let to make just one."""

import math

import streamlit as st

from minigpt import tokenizers
from minigpt.counting import percent
from minigpt.metrics import SingleStep
from minigpt.store import Run
from minigpt.ui import services, tokens
from minigpt.ui.glossary import GLOSSARY

SHOWN_TOKENS = 96  # of the batch's first piece
PARTS = {
    "wte": "the token embedding",
    "bigram": "the bigram embedding",
    "wpe": "the positions",
    "lm_head": "the output layer",
}
INSIDE = {"attn": "the attention", "mlp": "the MLP"}


def show(run: Run, *, reads_text: bool) -> None:
    """The step's batch, its loss before and after, and how far the weights went; nothing unless
    the run rests after a step that was asked for by itself. The batch only for who may read it."""
    if run.state != "paused" or (step := services.store().single_step(run.id)) is None:
        return
    with st.container(border=True):
        st.markdown(f"**What step {step.step:,} did**", help=GLOSSARY["step"])
        if reads_text:
            _batch(run, step)
        _loss(run, step)
        _moves(step)


def _batch(run: Run, step: SingleStep) -> None:
    known = tokenizers.load(run.tokenizer).tokens
    others = {1: "", 2: ", and one more"}.get(step.pieces, f", and {step.pieces - 1} more like it")
    ends = "" if len(step.ids) <= SHOWN_TOKENS else f" (its first {SHOWN_TOKENS} tokens)"
    st.markdown(f"It read this piece of the text{ends}{others}, and guessed each next token:")
    st.html(tokens.chips([known[i] for i in step.ids[:SHOWN_TOKENS]], breaks=False))


def _loss(run: Run, step: SingleStep) -> None:
    before, after = step.loss_before, step.loss_after
    if not math.isfinite(after):
        st.markdown(f"**Loss on this batch:** {before:.4f} nats before, then no longer a number.")
        return
    change = f"{after - before:+.4f}".replace("-", "−")
    st.markdown(
        f"**Loss on this batch:** {before:.4f} → {after:.4f} nats ({change})",
        help=GLOSSARY["loss"],
    )
    silenced = ", both times with the same parts silenced by dropout" if run.model.dropout else ""
    told = f"Measured on these very pieces, before the step and after it{silenced}."
    if after > before:
        told += (
            " It rose: a step also follows the batches before it, and may be longer than is good "
            "for this one."
        )
    st.caption(told + " Whether it helps elsewhere, only unseen text can tell.")


def _moves(step: SingleStep) -> None:
    whole, furthest = step.share_moved, step.furthest()
    if whole is None or furthest is None:
        return
    part, share = furthest
    st.markdown(
        f"**The weights moved** by {_percent(whole)} of their length; furthest for its length went "
        f"{_name(part)}: {_percent(share)}."
    )
    st.caption(
        "All weights together are one arrow with a number for each weight: the step is the short "
        "arrow that was added to it."
    )


def _percent(share: float) -> str:
    return percent(share, 2) if share >= 0.001 or not share else f"{100 * share:.2g} %"


def _name(part: str) -> str:
    if part in PARTS:
        return PARTS[part]
    _, layer, inside = part.split(".")
    return f"{INSIDE[inside]} of layer {layer}"
