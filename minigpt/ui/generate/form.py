"""Choosing what a model writes from: a prompt, and how each token is drawn."""

from collections.abc import Callable
from dataclasses import fields

import streamlit as st

from minigpt.config import InputError, SampleConfig
from minigpt.store import Run
from minigpt.ui.address import LENGTH, PROMPT, SEED, TEMPERATURE, TOP_K, TOP_P, bind, within
from minigpt.ui.prompts import opening
from minigpt.ui.written import USUAL


def choose(run: Run) -> tuple[str, Callable[[], SampleConfig]]:
    """The prompt, and a function that makes the config, which may raise InputError."""
    prompt = st.text_area(
        "Prompt",
        height=100,
        help="The model continues these characters.",
        **bind(PROMPT, run, opening(run)),
    )
    hints = {spec.name: spec.metadata["help"] for spec in fields(SampleConfig)}
    temperature = st.slider(
        "Temperature", 0.0, 2.0, step=0.05, help=hints["temperature"],
        **bind(TEMPERATURE, run, USUAL.temperature, _temperature),
    )  # fmt: skip
    left, right = st.columns(2)
    with left:
        most = run.model.vocab_size
        top_k = st.number_input(
            "Top-k", 0, most, help=f"{hints['top_k']} 0 switches it off.",
            **bind(TOP_K, run, USUAL.top_k or 0, within(0, most)),
        )  # fmt: skip
        length = st.number_input(
            "Length", 1, 2_000, step=50, help=hints["max_new_tokens"],
            **bind(LENGTH, run, USUAL.max_new_tokens, within(1, 2_000)),
        )  # fmt: skip
    with right:
        top_p = st.slider(
            "Top-p", 0.05, 1.0, step=0.05, help=f"{hints['top_p']} 1 switches it off.",
            **bind(TOP_P, run, USUAL.top_p or 1.0, within(0.05, 1.0)),
        )  # fmt: skip
        seed = st.number_input(
            "Seed", 0, 2**32 - 1, help=hints["seed"],
            **bind(SEED, run, USUAL.seed, within(0, 2**32 - 1)),
        )  # fmt: skip

    def config() -> SampleConfig:
        return SampleConfig(
            max_new_tokens=length,
            temperature=temperature,
            top_k=top_k or None,
            top_p=top_p if top_p < 1 else None,
            seed=seed,
        )

    return prompt, config


def _temperature(number: float) -> float:
    if 0 < number < 0.01:
        raise InputError("choose 0, or at least 0.01")
    return within(0.0, 2.0)(number)
