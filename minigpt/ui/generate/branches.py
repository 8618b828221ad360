"""The texts that a session has written behind one prompt: the drawn one, and those that took
another token somewhere. They are kept, as a tree one can walk."""

import streamlit as st

from minigpt import tokenizers
from minigpt.corpus import in_bits
from minigpt.counting import counted
from minigpt.store import Run
from minigpt.tokenizers.visible import brief
from minigpt.ui import address, tokens, written
from minigpt.ui.address import CHOICES
from minigpt.ui.fields import changed
from minigpt.ui.generate.head_off import parting
from minigpt.ui.words import plain
from minigpt.ui.written import Writing

BRANCHES = "branches"  # in the session: the texts behind the newest prompt, the drawn one first
NONE = "none"


def of(first: Writing) -> list[Writing]:
    """All texts that share the prompt and the settings of this one, the drawn one first."""
    kept: list[Writing] = st.session_state.get(BRANCHES, [])
    if not kept or _origin(kept[0]) != _origin(first):
        kept = st.session_state[BRANCHES] = [first]
    if all(one.choices != first.choices for one in kept):
        kept.append(first)
    return kept


def again(asked: Writing) -> Writing:
    """The text that was asked for, where it is there already: one that was stopped goes on."""
    same = next((one for one in of(asked) if one.choices == asked.choices), asked)
    same.stopped = False
    return same


def find(first: Writing, choices: tuple[tuple[int, int], ...]) -> Writing:
    """The text that took these choices, its beginning where nobody has written it yet. Raises
    ChoiceError when the last one cannot be."""
    texts = of(first)
    known = {one.choices: one for one in texts}
    if choices in known:
        return known[choices]
    if not choices:
        return texts[0]
    made = written.branch(find(first, choices[:-1]), *choices[-1])
    texts.append(made)
    return made


def _origin(writing: Writing) -> tuple:
    return writing.run_id, writing.at, writing.prompt, writing.config


def walk(run: Run, shown: Writing) -> None:
    """A choice among the texts, and another one to lay beside."""
    texts = of(shown)
    if len(texts) < 2:
        return
    at, key = texts.index(shown), f"branch-{shown.key}-{len(texts)}"
    labels = _labels(run, texts)
    st.pills(
        "Texts", range(len(texts)), default=at, required=True, format_func=labels.__getitem__,
        key=key,
        help="Every token you chose began another text. Go back to any of them.",
        on_change=changed(key, lambda i: _walk_to(run, texts[i])),
    )  # fmt: skip
    others = [i for i in range(len(texts)) if i != at]
    other = st.selectbox(
        "Lay beside it", [NONE, *others], format_func=lambda i: i if i == NONE else labels[i],
        key=f"beside-{shown.key}",
    )  # fmt: skip
    if other != NONE:
        _compare(run, (shown, texts[other]), (labels[at], labels[other]))


def _walk_to(run: Run, text: Writing) -> None:
    if text.choices:
        address.put(CHOICES, run, list(text.choices), [])
    else:
        address.forget(CHOICES, run)


def _labels(run: Run, texts: list[Writing]) -> list[str]:
    """A letter for each text, and where it took which token from which."""
    names, labels = tokenizers.load(run.tokenizer).tokens, []
    letters = {
        one.choices: chr(ord("A") + i) if i < 26 else str(i + 1) for i, one in enumerate(texts)
    }
    for one in texts:
        if one.choices:
            at, id = one.choices[-1]
            parent = letters.get(one.choices[:-1], "A")
            labels.append(f"{letters[one.choices]}: {parent}, {at + 1:,} “{brief(names[id])}”")
        else:
            labels.append(f"{letters[()]}: as drawn")
    return labels


def _compare(run: Run, pair: tuple[Writing, Writing], labels: tuple[str, str]) -> None:
    """Two texts side by side with their total surprise, over the tokens that both have."""
    tokenizer = tokenizers.load(run.tokenizer)
    most = min(len(one.steps) for one in pair)
    parts = parting(*([step.id for step in one.steps[:most]] for one in pair))
    for place, one, label in zip(st.columns(2, gap="large"), pair, labels, strict=True):
        with place:
            st.markdown(f"**{plain(label)}**")
            pieces = list(tokenizer.pieces(step.id for step in one.steps))
            st.html(tokens.parted(pieces, parts))
            bits = in_bits(sum(step.nats for step in one.steps[:most]))
            st.caption(f"{bits:.1f} bits in all over its first {counted(most, 'token')}.")
    st.caption("Fewer bits: the model holds that text for likelier, as far as both go.")
