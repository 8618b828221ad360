"""Choosing what a model writes from: a prompt, and how each token is drawn."""

from dataclasses import fields

import streamlit as st

from minigpt.config import InputError, SampleConfig
from minigpt.store import Run
from minigpt.ui.address import (
    LENGTH,
    MIN_P,
    PROMPT,
    REPETITION,
    SAMPLING,
    SEED,
    STOP,
    TEMPERATURE,
    TOP_K,
    TOP_P,
    bind,
    keep,
    within,
)
from minigpt.ui.prompts import MOST_TAKEN, opening
from minigpt.ui.written import USUAL

HINTS = {spec.name: spec.metadata["help"] for spec in fields(SampleConfig)}
MOST_SEEDS = 2**32
OPEN = "more_settings"  # in the session
ESCAPES = {"\\n": "\n", "\\t": "\t"}  # as they are typed in a field of one line


def choose_prompt(run: Run) -> str:
    """What the model goes on from."""
    return st.text_area(
        "Prompt",
        height=100,
        max_chars=MOST_TAKEN,
        help="The model continues these characters.",
        **bind(PROMPT, run, opening(run)),
    )


def choose(run: Run) -> SampleConfig:
    """How each token is drawn. Raises InputError."""
    temperature = st.slider(
        "Temperature", 0.0, 2.0, step=0.05, help=HINTS["temperature"],
        **bind(TEMPERATURE, run, USUAL.temperature, _temperature),
    )  # fmt: skip
    with st.expander("More settings", _opens(), icon=":material/tune:"):
        left, right = st.columns(2)
        with left:
            most = run.model.vocab_size
            top_k = st.number_input(
                "Top-k", 0, most, help=f"{HINTS['top_k']} 0 switches it off.",
                **bind(TOP_K, run, USUAL.top_k or 0, within(0, most)),
            )  # fmt: skip
            length = st.number_input(
                "Length", 1, 2_000, step=50, help=HINTS["max_new_tokens"],
                **bind(LENGTH, run, USUAL.max_new_tokens, within(1, 2_000)),
            )  # fmt: skip
            seed = st.number_input(
                "Seed", 0, MOST_SEEDS - 1, help=HINTS["seed"],
                **bind(SEED, run, USUAL.seed, within(0, MOST_SEEDS - 1)),
            )  # fmt: skip
        with right:
            top_p = st.slider(
                "Top-p", 0.05, 1.0, step=0.05, help=f"{HINTS['top_p']} 1 switches it off.",
                **bind(TOP_P, run, USUAL.top_p or 1.0, within(0.05, 1.0)),
            )  # fmt: skip
            min_p = st.slider(
                "Min-p", 0.0, 0.5, step=0.01, help=f"{HINTS['min_p']} 0 switches it off.",
                **bind(MIN_P, run, USUAL.min_p or 0.0, within(0.0, 0.5)),
            )  # fmt: skip
            repetition = st.slider(
                "Repetition penalty", 1.0, 2.0, step=0.05,
                help=f"{HINTS['repetition_penalty']} 1 switches it off.",
                **bind(REPETITION, run, USUAL.repetition_penalty, within(1.0, 2.0)),
            )  # fmt: skip
        stop = st.text_input(
            "Stop at", placeholder="nothing", max_chars=100,
            help=f"{HINTS['stop']} Write `\\n` for the end of a line.",
            **bind(STOP, run, ""),
        )  # fmt: skip
    for typed, meant in ESCAPES.items():
        stop = stop.replace(typed, meant)
    return SampleConfig(
        max_new_tokens=length,
        temperature=temperature,
        top_k=top_k or None,
        top_p=top_p if top_p < 1 else None,
        min_p=min_p or None,
        repetition_penalty=repetition,
        stop=stop or None,
        seed=seed,
    )


def _opens() -> bool:
    """Whether the further settings are in view: once the address has said something of them, for
    what they are, or why they cannot be, has to be seen."""
    said = any(one.name in st.query_params for one in SAMPLING if one is not TEMPERATURE)
    st.session_state[OPEN] = st.session_state.get(OPEN, False) or said
    return st.session_state[OPEN]


def ask(run: Run) -> bool:
    """Whether the text is to be written now, with the seed that stands there or with another."""
    with st.container(horizontal=True):
        pressed = st.button("Write", type="primary", icon=":material/edit_note:")
        again = st.button(
            "Another seed",
            icon=":material/casino:",
            help="Writes once more, with other chance.",
            on_click=_next_seed,
            args=(run,),
        )
    return pressed or again


def _next_seed(run: Run) -> None:
    key = SEED.key(run)
    st.session_state[key] = (st.session_state.get(key, USUAL.seed) + 1) % MOST_SEEDS
    keep(SEED, run, USUAL.seed)


def _temperature(number: float) -> float:
    if 0 < number < 0.01:
        raise InputError("choose 0, or at least 0.01")
    return within(0.0, 2.0)(number)
