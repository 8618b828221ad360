"""What a model writes, on a page: streamed token by token, and how it chose each."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from minigpt import plots, tokenizers
from minigpt.config import SampleConfig
from minigpt.counting import counted
from minigpt.store import Run
from minigpt.ui import services, tokens
from minigpt.ui.figures import show_chart
from minigpt.ui.glossary import GLOSSARY, explain
from minigpt.ui.prompts import check_length
from minigpt.ui.visit import Visit

if TYPE_CHECKING:
    from minigpt.generation import Step

FRAME_SECONDS = 0.06  # the browser is told at most so often
SHOWN_CANDIDATES = 8
WRITTEN = "written"  # where a session keeps the newest text
USUAL = SampleConfig(max_new_tokens=160)  # where nothing else was asked for
BARS = 320  # px
CHIPS = 24  # tokens in front of the one that is explained
SHOWN_CHARACTERS, SHOWN_LINES = 400, 6  # of a prompt above what the model wrote: its end


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


def whole(writing: Writing, run: Run) -> str:
    """The prompt and what was written after it, as one text."""
    tokenizer = tokenizers.load(run.tokenizer)
    return writing.prompt + tokenizer.decode([step.id for step in writing.steps])


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
        chart = plots.next_tokens(*_rivals(writing.steps[-1], tokenizer))
        bars.echarts_chart(plots.option(chart), height=BARS)


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


def _rivals(
    step: "Step", tokenizer: tokenizers.Tokenizer
) -> tuple[list[plots.Candidate], dict[int, str]]:
    """The likeliest tokens and always the drawn one, as rows, and the mark of its row."""
    rows = step.candidates[:SHOWN_CANDIDATES]
    if step.id not in (row.id for row in rows):
        rows[-1] = next(row for row in step.candidates if row.id == step.id)
    drawn = [row.id for row in rows].index(step.id)
    shown = [(tokenizer.tokens[row.id], row.prob, row.drawn_from) for row in rows]
    return shown, {drawn: f"drawn, no. {step.rank:,}"}


def show_last_sample(visit: Visit, place: DeltaGenerator) -> None:
    """The newest text the run wrote while it trained."""
    samples = visit.store.samples(visit.run.id)
    if samples:
        step, body = samples[-1]
        with place.container():
            st.caption(f"Written by itself at step {step:,}:", help=tokens.about_special(body))
            st.code(body, language=None, wrap_lines=True)


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
    bars = plots.next_tokens(*_rivals(steps[at], tokenizer))
    show_chart(bars, f"candidates-{writing.key}", toolbar=False)
