"""Choosing what a model writes from: a prompt, and how each token is drawn."""

from collections.abc import Callable
from dataclasses import fields

import streamlit as st

from minigpt.config import SampleConfig
from minigpt.store import Run
from minigpt.ui.prompts import opening
from minigpt.ui.written import LENGTH


def choose(run: Run) -> tuple[str, Callable[[], SampleConfig]]:
    """The prompt, and a function that makes the config, which may raise InputError."""
    prompt = st.text_area(
        "Prompt",
        value=opening(run),
        height=100,
        key=f"prompt-{run.id}",
        persist_state="session",
        help="The model continues these characters.",
    )
    hints = {spec.name: spec.metadata["help"] for spec in fields(SampleConfig)}
    temperature = st.slider(
        "Temperature", 0.0, 2.0, 0.8, 0.05, help=hints["temperature"],
        key="temperature", persist_state="session",
    )  # fmt: skip
    left, right = st.columns(2)
    with left:
        top_k = st.number_input(
            "Top-k", 0, run.model.vocab_size, 0, help=f"{hints['top_k']} 0 switches it off.",
            key=f"top_k-{run.model.vocab_size}", persist_state="session",
        )  # fmt: skip
        length = st.number_input(
            "Length", 1, 2_000, LENGTH, step=50, help=hints["max_new_tokens"],
            key="length", persist_state="session",
        )  # fmt: skip
    with right:
        top_p = st.slider(
            "Top-p", 0.05, 1.0, 1.0, 0.05, help=f"{hints['top_p']} 1 switches it off.",
            key="top_p", persist_state="session",
        )  # fmt: skip
        seed = st.number_input(
            "Seed", 0, 2**32 - 1, 1, help=hints["seed"], key="seed", persist_state="session"
        )

    def config() -> SampleConfig:
        return SampleConfig(
            max_new_tokens=length,
            temperature=temperature,
            top_k=top_k or None,
            top_p=top_p if top_p < 1 else None,
            seed=seed,
        )

    return prompt, config
