"""A model writing on the page: streamed token by token, or shown from its training."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from minigpt import plots, tokenizers
from minigpt.config import InputError, SampleConfig
from minigpt.corpus import CLEANINGS
from minigpt.counting import counted
from minigpt.store import Run
from minigpt.tokenizers import known
from minigpt.tokenizers.visible import visible
from minigpt.ui import frame, services, tokens
from minigpt.ui.figures import show_figure
from minigpt.ui.glossary import GLOSSARY, explain

if TYPE_CHECKING:
    from minigpt.generation import Step

FRAME_SECONDS = 0.06  # the browser is told at most so often
SHOWN_CANDIDATES = 8
WRITTEN = "written"  # where a session keeps the newest text
LENGTH = 160  # tokens, where nothing else was asked for
MOST_CHARACTERS = 20_000  # of a prompt
BEGINNING = 16  # letters of what is read of a text that is too long
BARS = 320  # px
CHIPS = 24  # tokens in front of the one that is explained
SHOWN_CHARACTERS, SHOWN_LINES = 400, 6  # of a prompt above what the model wrote: its end


def opening(run: Run) -> str:
    """A beginning in the run's own characters, or in words that it wrote itself, to put into an
    empty prompt."""
    tokenizer, samples = tokenizers.load(run.tokenizer), services.store().samples(run.id)
    words = samples[-1][1].split() if samples else []
    if tokenizer.kind == "bpe":
        # Bytes can spell what the model never met, and a space belongs to the word behind it.
        whole = [word for word in words if "<" not in word and "\ufffd" not in word]
        return " ".join(whole[:3])[:40] or tokenizer.tokens[-1]
    spelt = set(tokenizer.tokens)
    for beginning in ("Once there was ", "The ", "hello"):
        if set(beginning) <= spelt:
            return beginning
    return f"{words[0][:20]} " if words and " " in spelt else tokenizer.tokens[-1]


@dataclass(frozen=True)
class Writing:
    """A finished text: which run wrote it, from which prompt and settings."""

    run_id: str
    at: int  # the step of the training whose weights wrote it
    prompt: str
    config: SampleConfig
    steps: "list[Step]"

    @property
    def key(self) -> str:
        """The same for the same text only."""
        return f"{self.run_id}-{hash((self.at, self.prompt, self.config))}"


def kept(run: Run) -> Writing | None:
    """The newest text of this session, if this run wrote it."""
    writing: Writing | None = st.session_state.get(WRITTEN)
    return writing if writing and writing.run_id == run.id else None


def forget() -> None:
    """Lets go of the newest text: what was asked for instead could not be written."""
    st.session_state.pop(WRITTEN, None)


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
    is empty or too long or the run has no weights yet.
    """
    check_length(prompt)
    tokenizer = tokenizers.load(run.tokenizer)
    ids = tokenizer.encode(prompt)
    model = services.model(run)
    from minigpt.generation import generate

    at = services.store().weights_step(run.id) or 0
    writing, painted = Writing(run.id, at, prompt, config, []), 0.0
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
    unread, read = _parts(writing, tokenizer)
    written = list(tokenizer.pieces(step.id for step in writing.steps))
    probs = [step.prob for step in writing.steps]
    place.html(tokens.shaded(unread, read, written, probs, shade=shade))
    if bars is not None:
        option = plots.live_next_token_option(*_rivals(writing.steps[-1], tokenizer))
        bars.echarts_chart(option, height=BARS)


def _parts(writing: Writing, tokenizer: tokenizers.Tokenizer) -> tuple[str, str]:
    """What is shown of a prompt, its end, so that the new text is in view: the part too far back
    for the context, and the part that was read, with `<unk>` where it was read."""
    ids, window = tokenizer.encode(writing.prompt), writing.steps[0].window
    unread, read = tokenizer.decode(ids[:window]), tokenizer.decode(ids[window:])
    whole = unread + read
    shown = "\n".join(whole.split("\n")[-SHOWN_LINES:])[-SHOWN_CHARACTERS:]
    if len(shown) <= len(read):
        return "", shown if shown == whole else f"… {shown}"
    unread = shown[: len(shown) - len(read)]
    return unread if shown == whole else f"… {unread}", read


def hand_on(writing: Writing) -> None:
    """Has the fields of Generate say what this text was written with, when they are drawn next."""
    config = writing.config
    st.session_state.update(
        {
            f"prompt-{writing.run_id}": writing.prompt,
            "temperature": config.temperature,
            "length": config.max_new_tokens,
            "top_p": config.top_p or 1.0,
            "seed": config.seed,
        }
    )


def _rivals(
    step: "Step", tokenizer: tokenizers.Tokenizer
) -> tuple[list[plots.Candidate], dict[int, str]]:
    """The likeliest tokens and always the drawn one, as rows, and the mark of its row."""
    rows = step.candidates[:SHOWN_CANDIDATES]
    if step.id not in (i for i, _, _ in rows):
        rows = [*rows[: SHOWN_CANDIDATES - 1], (step.id, step.prob, step.drawn_from)]
    drawn = [i for i, _, _ in rows].index(step.id)
    shown = [(tokenizer.tokens[i], base, final) for i, base, final in rows]
    return shown, {drawn: f"drawn, no. {step.rank:,}"}


def check_length(text: str, what: str = "prompt") -> None:
    """Raises InputError when a text is longer than anyone would type."""
    if len(text) > MOST_CHARACTERS:
        raise InputError(
            f"the {what} has {counted(len(text), 'character')}, at most {MOST_CHARACTERS:,} are "
            "taken: shorten it, and keep its end, which is what the model goes on from"
        )


def notes_on(run: Run, text: str, what: str = "prompt") -> list[str]:
    """What a person should know about a text that is read: unknown characters, too long for the
    context."""
    if len(text) > MOST_CHARACTERS:
        return []  # it is refused
    tokenizer = tokenizers.load(run.tokenizer)
    ids = tokenizer.encode(text)
    notes = known.notes(
        tokenizer,
        text,
        services.met(run),
        lambda token: frame.boxed(visible(token)),
        alike=f"*{CLEANINGS['one-form'].title}* on Data",
    )
    if (left_out := len(ids) - run.model.block_size) > 0:
        are = "is" if left_out == 1 else "are"
        notes.append(
            f"The {what} has {counted(len(ids), 'token')} and the context holds "
            f"{run.model.block_size:,}: the oldest {left_out:,} {are} left out. What it reads "
            f"begins with {frame.boxed(visible(_beginning(tokenizer, ids[left_out:])))}."
        )
    return notes


def _beginning(tokenizer: tokenizers.Tokenizer, ids: Sequence[int]) -> str:
    """The first letters of what is read."""
    text = tokenizer.decode(ids[:BEGINNING])
    return text[:BEGINNING] + "…" * (len(text) > BEGINNING or len(ids) > BEGINNING)


def show_last_sample(visit: frame.Visit, place: DeltaGenerator) -> None:
    """The newest text the run wrote while it trained."""
    samples = visit.store.samples(visit.run.id)
    if samples:
        step, body = samples[-1]
        with place.container():
            st.caption(f"Written by itself at step {step:,}:", help=tokens.about_special(body))
            st.code(body, language=None, wrap_lines=True)


Sample = tuple[int, str]  # the step at which it was written, and the text


def moments(samples: Sequence[Sample]) -> list[Sample]:
    """Up to three samples of different steps: the first, one early on, the newest."""
    distinct = sorted(dict(samples).items())
    if len(distinct) <= 3:
        return distinct
    return [distinct[0], distinct[max(1, len(distinct) // 8)], distinct[-1]]


def show_progress(visit: frame.Visit) -> None:
    """What a run wrote at up to three moments of its training, side by side."""
    name, shown = frame.plain(visit.run.name), moments(visit.store.samples(visit.run.id))
    if not shown:
        st.caption(f"**{name}** has not written anything yet.")
        return
    when = ("one step", "two steps", "three steps")[len(shown) - 1]
    st.caption(
        f"What **{name}** wrote at {when} of its training"
        + (", always from the same start." if len(shown) > 1 else "."),
        help=GLOSSARY["step"],
    )
    for column, (step, body) in zip(st.columns(len(shown)), shown, strict=True):
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


def show(visit: frame.Visit, prompt: str, config: SampleConfig, pressed: bool) -> None:
    """The newest text of this session, or a new one when asked for, or where there is none yet."""
    run = visit.run
    shade = st.toggle(
        "Show surprise",
        value=True,
        key="shade",
        persist_state="session",
        help="The stronger the colour, the less likely the model held that token.",
    )
    with st.container(border=True):
        place = st.empty()
    writing = None if pressed else kept(run)
    if writing:
        draw(writing, tokenizers.load(run.tokenizer), place, shade=shade)
    else:
        show_last_sample(visit, place)
        try:
            writing = write(run, prompt, config, place, shade=shade)
        except InputError as error:  # in the place of the text, so that none seems to answer
            forget()
            place.error(frame.sentence(error))
            return
    settings = writing.config
    st.caption(
        f"Temperature {settings.temperature:g}, seed {settings.seed}, "
        f"{counted(len(writing.steps), 'token')}, by the model of step {writing.at:,}.",
        help=explain("step", "model"),
    )
    tell_about(writing, run, prompt)
    if writing.config != config:
        st.caption("The settings have changed since: *Write* writes with the new ones.")
    if settings.temperature == 0:
        st.caption(
            "At temperature 0 the likeliest token is always taken, so the seed changes nothing, "
            "and the text may go round in circles."
        )
    st.subheader("How it chose", anchor=False, help=GLOSSARY["temperature"])
    explain_choice(run, writing)
    st.caption(
        "Slate: what the model believes. Teal: what the token was drawn from, after temperature, "
        "top-k and top-p."
    )


def tell_about(writing: Writing, run: Run, prompt: str) -> None:
    """What a person should know about a text that was written: that it answers another prompt than
    the one that stands in the field now, or was not read from its prompt's beginning."""
    if writing.prompt != prompt:
        st.caption("This is the earlier text: the prompt has changed since it was written.")
    if window := writing.steps[0].window:
        st.caption(
            f"The model never read the beginning of the prompt, {counted(window, 'token')}: its "
            f"context holds {run.model.block_size:,}. What is seen here of them is grey and struck "
            "through.",
            help=GLOSSARY["context"],
        )


@st.fragment
def explain_choice(run: Run, writing: Writing) -> None:
    """For any token of a text, the first at first: what else it could have been."""
    tokenizer, steps, at = tokenizers.load(run.tokenizer), writing.steps, 0
    if len(steps) > 1:
        at = st.slider(
            "Which token",
            1,
            len(steps),
            key=f"token-{writing.key}",
            help="Which written token to look at; 1 is the one right behind the prompt. "
            + GLOSSARY["token"],
        ) - 1  # fmt: skip
    end = tokenizer.encode(writing.prompt[-CHIPS * 16 :])
    ids = [*end, *(step.id for step in steps[: at + 1])][-CHIPS:]
    # How many tokens stand before the first chip, and how many of the chips were not read any more.
    before = len(tokenizer.encode(writing.prompt)) + at + 1 - len(ids)
    unread = range(max(0, steps[at].window - before))
    shown = [tokenizer.tokens[i] for i in ids]
    st.html(tokens.chips(shown, {len(ids) - 1}, unread, breaks=False))
    greyed = " Those struck through lie too far back to be read." if unread else ""
    st.caption(
        f"Token {at + 1:,} of {len(steps):,}, the marked one: the model held it "
        f"{steps[at].prob:.1%} likely, no. {steps[at].rank:,} of the {tokenizer.vocab_size:,} "
        f"tokens of its vocabulary.{greyed}",
        help=explain("model", "vocabulary", "context"),
    )
    bars = plots.next_token_bars(*_rivals(steps[at], tokenizer))
    show_figure(bars, f"candidates-{writing.key}", toolbar=False)
