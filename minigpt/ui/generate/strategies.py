"""Three ways to write, side by side: always the likeliest token, drawn, and beam search."""

from dataclasses import dataclass, replace

import streamlit as st

from minigpt import tokenizers
from minigpt.config import InputError
from minigpt.corpus import distinct_pairs, in_bits
from minigpt.counting import counted, percent
from minigpt.ui import tokens
from minigpt.ui.generate import asked, copied
from minigpt.ui.generate.beam import USUAL_WIDTH
from minigpt.ui.generate.task import Task, described
from minigpt.ui.glossary import explain

LENGTH = 60  # tokens


@dataclass(frozen=True)
class Way:
    """A way to write, and what came of it."""

    name: str
    about: str
    ids: list[int]
    nats: float  # of the whole text, for the bare model


def show(task: Task) -> None:
    """The three texts, and their measures in a table."""
    tokenizer, ways = tokenizers.load(task.run.tokenizer), _write(task)
    for place, way in zip(st.columns(len(ways)), ways, strict=True):
        with place:
            st.markdown(f"**{way.name}**")
            st.caption(way.about)
            st.html(tokens.running(tokenizer.decode(way.ids), marks=False))
    st.table([_measures(task, way) for way in ways])
    st.caption(
        "Bits in all: the surprise of the whole text for the model as it is; fewer bits are a "
        "likelier text. Distinct pairs: how many of its pairs of neighbouring tokens are "
        "different ones (distinct-2, Li et al. 2016); a text that goes round in circles has few. "
        "The likeliest text is seldom the best: people write with more surprise than that "
        "(Holtzman et al. 2020).",
        help=explain("bits per character", "beam search", "temperature"),
    )


def _write(task: Task) -> list[Way]:
    drawn, length = task.brief(LENGTH), min(LENGTH, task.config.max_new_tokens)
    greedy = replace(drawn, temperature=0.0, repetition_penalty=1.0)
    first, second = asked.texts(*task.what, [greedy, drawn])
    best = asked.search(*task.what, USUAL_WIDTH, length, 0.0, drawn.stop).best
    return [
        Way("Greedy", "Always the likeliest token.", [s.id for s in first], _nats(first)),
        Way(
            "Drawn",
            f"{described(drawn)}, seed {drawn.seed}.",
            [s.id for s in second],
            _nats(second),
        ),
        Way("Beam search", f"{USUAL_WIDTH} beams.", list(best.ids), -best.log_prob),
    ]


def _nats(steps: list) -> float:
    return sum(step.nats for step in steps)


def _measures(task: Task, way: Way) -> dict[str, str]:
    text = tokenizers.load(task.run.tokenizer).decode(way.ids)
    pairs, bits = distinct_pairs(way.ids), in_bits(way.nats)
    row = {
        "": way.name,
        "Bits in all": f"{bits:.1f}",
        "Bits per character": f"{bits / len(text):.2f}" if text else "–",
        "Distinct pairs": "–" if pairs is None else percent(pairs, 0),
    }
    try:
        longest = copied.longest(task, text)
    except InputError:  # its training text is not here, or not for this visitor
        return row
    return row | {"Longest copied passage": counted(longest, "character")}
