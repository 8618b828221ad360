"""A model writing on the page: streamed token by token, or shown from its training."""

import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from minigpt import plots, tokenizers
from minigpt.config import SampleConfig
from minigpt.store import Run
from minigpt.tokenizers import known
from minigpt.ui import frame, services, tokens
from minigpt.ui.figures import show_figure
from minigpt.ui.glossary import GLOSSARY

if TYPE_CHECKING:
    from minigpt.generation import Step

FRAME_SECONDS = 0.06  # the browser is told at most so often
SHOWN_CANDIDATES = 8
WRITTEN = "written"  # where a session keeps the newest text


def opening(run: Run) -> str:
    """A beginning in the run's own characters, to put into an empty prompt."""
    tokenizer, samples = tokenizers.load(run.tokenizer), services.store().samples(run.id)
    # Bytes can spell anything, so there it has to be what the model has come to write itself.
    known = (
        set(tokenizer.tokens) if tokenizer.kind == "char" else set(samples[-1:] and samples[-1][1])
    )
    for words in ("Once there was ", "The ", "hello"):
        if set(words) <= known:
            return words
    words = samples[-1][1].split() if samples else []
    return f"{words[0][:20]} " if words and " " in known else tokenizer.tokens[-1]


@dataclass(frozen=True)
class Writing:
    """A finished text: which run wrote it, from which prompt and settings."""

    run_id: str
    prompt: str
    config: SampleConfig
    steps: "list[Step]"


def kept(run: Run) -> Writing | None:
    """The newest text of this session, if this run wrote it."""
    writing: Writing | None = st.session_state.get(WRITTEN)
    return writing if writing and writing.run_id == run.id else None


def write(
    run: Run,
    prompt: str,
    config: SampleConfig,
    place: DeltaGenerator,
    bars: DeltaGenerator | None = None,
    *,
    shade: bool = False,
) -> Writing:
    """Continues `prompt` into `place` as it is written, and keeps the text for this session.

    With `bars`, the likeliest next tokens stand there, and move. Raises InputError when the prompt
    is empty or the run has no weights yet.
    """
    tokenizer = tokenizers.load(run.tokenizer)
    ids = tokenizer.encode(prompt)
    model = services.model(run)
    from minigpt.generation import generate

    writing, painted = Writing(run.id, prompt, config, []), 0.0
    for step in generate(model, ids, config):
        writing.steps.append(step)
        if time.monotonic() - painted >= FRAME_SECONDS:
            draw(writing, tokenizer, place, bars, shade=shade)
            painted = time.monotonic()
    draw(writing, tokenizer, place, bars, shade=shade)
    st.session_state[WRITTEN] = writing
    return writing


def draw(
    writing: Writing,
    tokenizer: tokenizers.Tokenizer,
    place: DeltaGenerator,
    bars: DeltaGenerator | None = None,
    *,
    shade: bool = False,
) -> None:
    """Draws a text as far as it is written, and the rivals of its newest token."""
    read = tokenizer.decode(tokenizer.encode(writing.prompt))  # shows <unk> where it is read
    written = list(tokenizer.pieces(step.id for step in writing.steps))
    probs = [step.prob for step in writing.steps]
    place.html(tokens.shaded(read, written, probs, shade=shade))
    if bars is not None:
        option = plots.live_next_token_option(_rivals(writing.steps[-1], tokenizer))
        bars.echarts_chart(option, height=320)


def _rivals(step: "Step", tokenizer: tokenizers.Tokenizer) -> list[tuple[str, float, float]]:
    rows = [(tokenizer.tokens[i], base, final) for i, base, final in step.candidates]
    return rows[:SHOWN_CANDIDATES]


def notes_on_prompt(run: Run, prompt: str) -> list[str]:
    """What a person should know about a prompt: unknown characters, too long for the context."""
    tokenizer = tokenizers.load(run.tokenizer)
    ids = tokenizer.encode(prompt)
    notes = known.notes(
        tokenizer, prompt, services.met(run), lambda token: frame.plain(plots.visible(token))
    )
    if len(ids) > run.model.block_size:
        left_out = len(ids) - run.model.block_size
        notes.append(
            f"The prompt has {len(ids):,} tokens and the context holds {run.model.block_size:,}: "
            f"the oldest {left_out:,} are left out."
        )
    return notes


def show_last_sample(visit: frame.Visit, place: DeltaGenerator) -> None:
    """The newest text the run wrote while it trained."""
    samples = visit.store.samples(visit.run.id)
    if samples:
        step, body = samples[-1]
        with place.container():
            st.caption(f"Written by itself at step {step:,}:", help=tokens.about_special(body))
            st.code(body, language=None, wrap_lines=True)


def show_progress(visit: frame.Visit) -> None:
    """Three samples of a run side by side: the first, one early on, the newest."""
    samples = visit.store.samples(visit.run.id)
    if not samples:
        st.caption("This run has not written anything yet.")
        return
    early = min(len(samples) - 1, max(1, len(samples) // 8))
    for column, (step, body) in zip(
        st.columns(3), [samples[0], samples[early], samples[-1]], strict=True
    ):
        with column, st.container(border=True):
            st.markdown(f"**Step {step:,}**", help=tokens.about_special(body))
            sample = tokens.running(body, marks=False)
            st.html(tokens.scrolled(sample, f"Written at step {step:,}", 240))


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
            "Length", 1, 2_000, 300, step=50, help=hints["max_new_tokens"],
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


def show(visit: frame.Visit, prompt: str, config: SampleConfig, pressed: bool) -> None:
    """Writes when asked to; otherwise shows the newest text of this session, or of the training."""
    run = visit.run
    shade = st.toggle(
        "Show surprise",
        value=True,
        key="shade",
        persist_state="session",
        help="The deeper the colour, the less likely the model held that token.",
    )
    with st.container(border=True):
        place = st.empty()
    writing = kept(run)
    tokenizer = tokenizers.load(run.tokenizer)
    if pressed:
        writing = write(run, prompt, config, place, shade=shade)
    elif writing:
        draw(writing, tokenizer, place, shade=shade)
    else:
        show_last_sample(visit, place)
        return
    settings = writing.config
    st.caption(
        f"Temperature {settings.temperature:g}, seed {settings.seed}, "
        f"{len(writing.steps):,} tokens."
    )
    _explain_choice(writing, tokenizer)


def _explain_choice(writing: Writing, tokenizer: tokenizers.Tokenizer) -> None:
    """For any token of a text: what else it could have been."""
    st.subheader("How it chose", anchor=False, help=GLOSSARY["temperature"])
    at, steps = 0, writing.steps
    if len(steps) > 1:
        at = st.slider("Token", 1, len(steps), 1, help="Which written token to look at.") - 1
    ids = [*tokenizer.encode(writing.prompt), *(step.id for step in steps[: at + 1])][-40:]
    st.html(tokens.chips([tokenizer.tokens[i] for i in ids], marked={len(ids) - 1}))
    show_figure(plots.next_token_bars(_rivals(steps[at], tokenizer)), "candidates", toolbar=False)
    st.caption(
        "Slate: what the model believes. Teal: what the token was drawn from, after temperature, "
        "top-k and top-p."
    )
