"""Temperature, seen: what the sliders do to the next token, and one text at five temperatures."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from minigpt import plots, tokenizers
from minigpt.corpus import in_bits
from minigpt.counting import counted
from minigpt.ui import tokens
from minigpt.ui.figures import show_chart
from minigpt.ui.generate import asked
from minigpt.ui.generate.task import Task
from minigpt.ui.glossary import explain

if TYPE_CHECKING:
    from minigpt.generation import Step

TEMPERATURES = (0.0, 0.4, 0.8, 1.2, 2.0)
SHOWN, MOST = 8, 80  # next tokens; tokens of each of the five texts
CUT = {"top_k": "cut by top-k", "top_p": "cut by top-p", "min_p": "cut by min-p"}


def show(task: Task) -> None:
    """The next token's bars, which follow the sliders, and five columns."""
    _show_next(task)
    _show_five(task)


def _show_next(task: Task) -> None:
    step = asked.next_token(task.run, task.at, task.prompt, task.config)
    tokenizer = tokenizers.load(task.run.tokenizer)
    rows = step.candidates[:SHOWN]
    marks = {row: CUT[one.cut_by] for row, one in enumerate(rows) if one.cut_by}
    st.markdown("**The token behind the prompt, before it is drawn**", help=explain("temperature"))
    chart = plots.next_tokens(
        [(tokenizer.tokens[one.id], one.prob, one.drawn_from) for one in rows], marks
    )
    show_chart(chart, f"next-{task.run.id}", moving=True)
    before, after = (_entropy(step, which) for which in ("prob", "drawn_from"))
    st.caption(
        f"Entropy {before:.2f} bits by the model, {after:.2f} bits after the sliders, of at most "
        f"{np.log2(tokenizer.vocab_size):.2f}: how open the choice is. With 1 bit it is like "
        "tossing a coin, with 0 nothing is left to chance. Move a slider and watch.",
        help=explain("entropy", "temperature"),
    )


def _entropy(step: "Step", which: str) -> float:
    """In bits."""
    p = np.array([getattr(one, which) for one in step.candidates])
    p = p[p > 0]
    return float(-(p * np.log2(p)).sum()) + 0.0  # no negative zero


def _show_five(task: Task) -> None:
    st.markdown("**One prompt, one seed, five temperatures**")
    configs = [replace(task.brief(MOST), temperature=each) for each in TEMPERATURES]
    tokenizer = tokenizers.load(task.run.tokenizer)
    for place, config, steps in zip(
        st.columns(len(configs)), configs, asked.texts(*task.what, configs), strict=True
    ):
        with place:
            st.markdown(f"**{config.temperature:g}**")
            pieces = list(tokenizer.pieces(step.id for step in steps))
            probs = [step.prob for step in steps]
            st.html(tokens.shaded("", "", pieces, probs, shade=True))
            st.caption(_cost("".join(pieces), steps), help=explain("bits per character"))
    st.caption(
        f"The first {counted(configs[0].max_new_tokens, 'token')} at each. As a rule, the hotter "
        "the less likely is what is drawn, though one text can go the other way: the colour of a "
        "token is its surprise, for the model as it is. The other settings are those above."
    )


def _cost(text: str, steps: "list[Step]") -> str:
    total = in_bits(sum(step.nats for step in steps))
    return f"{total / len(text):.2f} bits per character" if text else f"{total:.1f} bits"
