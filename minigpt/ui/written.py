"""What a model writes, on a page: streamed token by token, and how it chose each."""

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from minigpt import plots, tokenizers
from minigpt.config import InputError, SampleConfig
from minigpt.counting import counted, percent
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


class ChoiceError(InputError):
    """A token that cannot be chosen where it should be."""


@dataclass
class Writing:
    """A text: which run wrote it, from which prompt and settings, as far as it is written."""

    run_id: str
    at: int  # the step of the training whose weights wrote it
    prompt: str
    config: SampleConfig
    steps: "list[Step]"
    choices: tuple[tuple[int, int], ...] = ()  # tokens that a person chose: place, id
    finished: bool = False
    stopped: bool = False  # by a person, before its end

    @property
    def key(self) -> str:
        """The same for the same text only."""
        return f"{self.run_id}-{hash((self.at, self.prompt, self.config, self.choices))}"

    @property
    def nats(self) -> float:
        """The surprise of the whole text, for the bare model."""
        return sum(step.nats for step in self.steps)


def kept(run: Run) -> Writing | None:
    """The newest text of this session, if this run wrote it."""
    writing: Writing | None = st.session_state.get(WRITTEN)
    return writing if writing and writing.run_id == run.id and writing.steps else None


def whole(writing: Writing, run: Run) -> str:
    """The prompt and what was written after it, as one text."""
    return writing.prompt + body(writing, run)


def body(writing: Writing, run: Run) -> str:
    """What was written behind the prompt."""
    return tokenizers.load(run.tokenizer).decode([step.id for step in writing.steps])


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
    """Continues `prompt` into `place` as it is written, and keeps the text for this session, as far
    as it has come: whoever stops the page has that much.

    With `bars`, the likeliest next tokens stand there, and move. Raises InputError when the prompt
    is empty or too long or the run has no weights yet.
    """
    return go_on(run, begin(run, prompt, config), place, bars, shade=shade)


def begin(run: Run, prompt: str, config: SampleConfig) -> Writing:
    """A text of which nothing is written yet, by the newest weights. Raises InputError when the
    prompt is too long."""
    check_length(prompt)
    return Writing(run.id, services.store().weights_step(run.id) or 0, prompt, config, [])


def branch(writing: Writing, at: int, id: int) -> Writing:
    """A text that is the same up to a place, where a person chose another of its candidates, and
    nothing behind it yet. Raises ChoiceError when there is no such place or candidate."""
    if at >= len(writing.steps):
        raise ChoiceError(
            f"the text has {counted(len(writing.steps), 'token')}, and none at place {at + 1:,}"
        )
    step = writing.steps[at]
    chosen = next((one for one in step.candidates if one.id == id), None)
    if chosen is None:
        raise ChoiceError(f"token {id:,} is not among the candidates of place {at + 1:,}")
    taken = replace(step, id=id, prob=chosen.prob, drawn_from=chosen.drawn_from, rank=chosen.rank)
    choices = [choice for choice in writing.choices if choice[0] < at]
    return replace(
        writing,
        steps=[*writing.steps[:at], taken],
        choices=(*choices, (at, id)),
        finished=False,
        stopped=False,
    )


def go_on(
    run: Run,
    writing: Writing,
    place: DeltaGenerator,
    bars: DeltaGenerator | None = None,
    *,
    shade: bool = False,
) -> Writing:
    """Writes a text to its end, with the weights that it began with. Raises InputError."""
    tokenizer, config = tokenizers.load(run.tokenizer), writing.config
    ids = tokenizer.encode(writing.prompt)
    from minigpt.generation import generate, stops

    st.session_state[WRITTEN], painted = writing, 0.0
    # A page that is drawn anew goes on with a list of its own: the script before it may still be
    # in here, on another thread, until it draws next.
    writing.steps = steps = list(writing.steps)
    written, ends = [step.id for step in steps], stops(tokenizer, config.stop)
    with services.turn.taken():
        held = min(run.model.block_size, len(ids) + config.max_new_tokens)
        model = services.model(run, writing.at, writes=held)
        for step in generate(model, ids, config, written=written, ends=ends):
            steps.append(step)
            if time.monotonic() - painted >= FRAME_SECONDS:
                draw(writing, tokenizer, place, bars, shade=shade)
                painted = time.monotonic()
    draw(writing, tokenizer, place, bars, shade=shade)
    if writing.steps is steps:
        writing.finished = True
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
    unread, read = parts(writing, tokenizer)
    written = list(tokenizer.pieces(step.id for step in writing.steps))
    probs = [step.prob for step in writing.steps]
    place.html(tokens.shaded(unread, read, written, probs, shade=shade))
    if bars is not None:
        chart = plots.next_tokens(*_rivals(writing.steps[-1], tokenizer))
        bars.echarts_chart(plots.option(chart), height=BARS)


def parts(writing: Writing, tokenizer: tokenizers.Tokenizer) -> tuple[str, str]:
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
        f"{percent(steps[at].prob)} likely, no. {steps[at].rank:,} of the {tokenizer.vocab_size:,} "
        f"tokens of its vocabulary.{greyed}",
        help=explain("model", "vocabulary", "context"),
    )
    bars = plots.next_tokens(*_rivals(steps[at], tokenizer))
    show_chart(bars, f"candidates-{writing.key}", toolbar=False)
