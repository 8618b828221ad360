"""The arithmetic of one prediction: six short steps from the text to the next token, each with the
model's own numbers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from minigpt import tokenizers
from minigpt.counting import counted, percent
from minigpt.tokenizers.visible import brief
from minigpt.ui import address, measured, services
from minigpt.ui.glossary import GLOSSARY, explain
from minigpt.ui.inside import by_hand
from minigpt.ui.inside.view import View
from minigpt.ui.words import boxed

if TYPE_CHECKING:
    from minigpt.interpret import Walk

FEW = 4  # numbers of a list that are shown
NEWEST = 8  # tokens
LIKELIEST = 6  # next tokens
STEPS = {
    "Text becomes ids": "The model never sees letters.",
    "Each id becomes a list of numbers": "What a token is stands in a table that was learned.",
    "A head looks back": "Its attention goes where a token offers what the last one looks for.",
    "Each token is worked on by itself": "The MLP mixes its numbers, bends them, and mixes again.",
    "The last norm": "However large the numbers have grown, they are brought to one size.",
    "A score for every token, and shares of 100 %": "What comes next?",
}


def show(view: View) -> None:
    """A choice of one head, and the steps, which open on demand. Raises InputError."""
    from minigpt.interpret import walk

    run, (layer, head) = view.run, _choose(view)
    with services.turn.taken():
        own = walk(services.model(run, view.at), view.ids, layer, head)
    row, now = by_hand.chosen(view, own, layer, head), own
    if row.tap:
        with services.turn.taken():
            now = walk(services.model(run, view.at), view.ids, layer, head, row.tap)
    st.caption(
        f"What the model of step {view.at:,} computes to guess the token after "
        f"{boxed(brief(view.tokens[-1]))}, the last of the text above. All numbers are its own, "
        "rounded; of long lists the first few are shown. Open one step after the other.",
        help=explain("model", "token"),
    )
    if row.tap:
        st.caption(
            f"The row of layer {layer}, head {head} was set by hand: what follows from it is shown."
        )
    usual: list[int] = []
    wanted = address.read(address.OPENED, run, usual)
    for number, (title, about) in enumerate(STEPS.items(), start=1):
        key = f"arithmetic-{number}-{run.id}"
        step = st.expander(
            f"{number}. {title}", expanded=number in wanted, key=key, type="step",
            on_change=_opened, args=(view, key, number),
        )  # fmt: skip
        with step:
            # Without anything in it, a step does not open.
            words = [word for word in ("attention", "MLP") if word in about]
            st.markdown(about, help=explain(*words) if words else None)
            if step.open:
                _show_step(number, view, now, own, row)


def _choose(view: View) -> tuple[int, int]:
    run = view.run
    L, H = run.model.n_layer, run.model.n_head
    usual = measured.clearest(run)  # as on Attention

    def one_head(head: int | str) -> int:
        return usual[1] if head == address.AVERAGE else address.within(0, H - 1)(head)

    with st.container(horizontal=True, gap="medium"):
        layer = st.segmented_control(
            "Layer", range(L), required=True, help=GLOSSARY["layer"],
            **address.bind(address.LAYER, run, usual[0], address.within(0, L - 1), "default"),
        )  # fmt: skip
        head = st.segmented_control(
            "Head", range(H), required=True, help=GLOSSARY["head"],
            **address.bind(address.HEAD, run, usual[1], one_head, "default"),
        )  # fmt: skip
    return layer, head


def _opened(view: View, key: str, number: int) -> None:
    """Has the address say which steps are open."""
    others = [each for each in address.read(address.OPENED, view.run, []) if each != number]
    now = [*others, number] if st.session_state.get(key) else others
    address.put(address.OPENED, view.run, sorted(now), [])


def _show_step(number: int, view: View, now: "Walk", own: "Walk", row: by_hand.Row) -> None:
    if number == 1:
        _ids(view, now)
    elif number == 2:
        _embeddings(view, now)
    elif number == 3:
        _head(view, now, own, row)
        by_hand.show(view, now, own, row)
    elif number == 4:
        _mlp(view, now, row.layer)
    elif number == 5:
        _norm(view, now)
    else:
        _logits(view, now, own)


def numbers(values: Sequence[float], few: int = FEW) -> str:
    """The first numbers of a list, and how many more there are."""
    shown = "  ".join(_number(value) for value in values[:few])
    more = len(values) - few
    return f"`{shown}`" + (f" … and {more:,} more" if more > 0 else "")


def _number(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def _lists(*rows: tuple[str, Sequence[float] | None]) -> None:
    """Lists of numbers, with how long each is."""
    known = [(name, values) for name, values in rows if values is not None]
    st.table(
        [{"What": name, "How many": f"{len(v):,}", "Numbers": numbers(v)} for name, v in known]
    )


def _ids(view: View, now: "Walk") -> None:
    T, V = len(now.ids), view.run.model.vocab_size
    newest = range(max(0, T - NEWEST), T)
    rows = [
        {"": "Token", **{f"{at + 1}": boxed(brief(view.tokens[at])) for at in newest}},
        {"": "Id", **{f"{at + 1}": f"{now.ids[at]:,}" for at in newest}},
    ]
    st.table(rows)
    before = f" (the newest {NEWEST} are shown)" if T > NEWEST else ""
    st.caption(
        f"It reads {counted(T, 'token')}{before}, each as its number in a vocabulary of {V:,}.",
        help=explain("token", "vocabulary"),
    )


def _embeddings(view: View, now: "Walk") -> None:
    config, last = view.run.model, boxed(brief(view.tokens[-1]))
    V, C, T = config.vocab_size, config.n_embd, len(now.ids)
    _lists(
        (f"row {now.ids[-1]:,} of the token embedding, for {last}", now.token),
        ("the row of this token and the one before it", now.bigram),
        (f"row {T - 1:,} of the position embedding", now.position),
        ("their sum, which the first layer reads", now.embed),
    )
    place = (
        "added to it"
        if now.position is not None
        else "not added here: this model turns what tokens compare by their place (rope), in step 3"
    )
    st.caption(
        f"The token embedding is a table of {V:,} × {C:,} learned numbers, one row for each token. "
        f"What stands for the place is {place}. Every token of the text has such a list: "
        f"{T:,} × {C:,} numbers in all.",
        help=explain("embedding", "width"),
    )


def _head(view: View, now: "Walk", own: "Walk", row: by_hand.Row) -> None:
    T, D = own.k.shape
    most = int(own.weights.argmax())
    last, other = (boxed(brief(view.tokens[at])) for at in (-1, most))
    products = "  +  ".join(
        f"({_number(a)} × {_number(b)})" for a, b in zip(own.q[:2], own.k[most][:2], strict=True)
    )
    _lists(
        (f"q: what {last} looks for", own.q),
        (f"k of token {most + 1}, {other}: what it offers", own.k[most]),
        ("z: what the head found, the mean of all v, weighted", now.z),
        ("z W_O: what it writes for the layers above", now.written),
    )
    dot = float(own.q @ own.k[most])
    st.markdown(
        f"q · k = {products}" + (f"  +  {D - 2:,} more products" if D > 2 else "")
        + f" = **{_number(dot)}**.  Times {own.scale:.3f} ({_scale(view)}): a score of "
        f"**{_number(float(own.scores[most]))}**.  "
        f"e^score ÷ the sum of e^score over all {T:,} tokens = **{percent(own.weights[most])}**"
        + (", before the row was set by hand." if row.tap else ".")
    )  # fmt: skip
    st.caption(
        f"Layer {row.layer}, head {row.head} has {D:,} numbers for each token. The token's q meets "
        f"the k of each of the {T:,} tokens, and what fits best gets the largest share of 100 % "
        f"(softmax). {_scaled(view)} {_made(view)}",
        help=explain("attention", "head", "softmax"),
    )


def _scale(view: View) -> str:
    """How what q · k is multiplied by comes about."""
    config = view.run.model
    if config.qk_norm and config.qk_gain:
        return f"the gain {config.qk_gain:g} ÷ {config.head_size} numbers"
    return f"1 ÷ √{config.head_size}"


def _scaled(view: View) -> str:
    """Why q · k is multiplied by it."""
    config = view.run.model
    if config.qk_norm and config.qk_gain:
        return (
            f"All q and k have one length here, so q · k is {config.head_size} at most, where they "
            f"point the same way: times the scale that is the gain, a score of {config.qk_gain:g}."
        )
    return (
        "Sums of more products spread wider: divided by the square root of how many they are, "
        "scores have one size in heads of any width, and softmax does not settle on one token."
    )


def _made(view: View) -> str:
    """How q and k are made, in this model."""
    config = view.run.model
    biases = " and plus learned numbers" if config.bias else ""
    ways = [f"q, k and v are what the layer reads, normed, times learned tables{biases}"]
    if config.qk_norm:
        ways.append("q and k are then brought to one length")
    if config.position == "rope":
        ways.append("and turned by their place")
    return ", ".join(ways) + "."


def _mlp(view: View, now: "Walk", layer: int) -> None:
    config, active = view.run.model, int((now.hidden > 0).sum())
    _lists(
        ("what stands there after the heads, normed", now.mlp_normed),
        ("widened and bent", now.hidden),
        ("brought back: what the MLP adds", now.mlp),
        (f"the sum, which leaves layer {layer}", now.resid_post),
    )
    after = config.n_layer - 1 - layer
    layers = f"{counted(after, 'layer')} above {'does' if after == 1 else 'do'} the same again"
    st.caption(
        f"{config.n_embd:,} numbers become {config.n_hidden:,}, of which "
        f"{active:,} are above 0 after the bend ({config.activation}), and {config.n_embd:,} "
        "again. They are added to what was there, so nothing is lost on the way. "
        + (f"The {layers}." if after else "This is the last layer."),
        help=explain("MLP", "layer"),
    )


def _norm(view: View, now: "Walk") -> None:
    before, after = (float(np.sqrt((values**2).mean())) for values in (now.last, now.ln_f))
    _lists(("what leaves the last layer", now.last), ("the same, normed", now.ln_f))
    st.markdown(f"Size (root of the mean square): **{before:.2f}**, then **{after:.2f}**.")
    st.caption(
        "RMSNorm: each number is divided by the size of the list."
        if view.run.model.norm == "rmsnorm"
        else "LayerNorm: the mean is taken off, the rest divided by its spread, and each number "
        "gets a gain that was learned."
    )


def _logits(view: View, now: "Walk", own: "Walk") -> None:
    names = tokenizers.load(view.run.tokenizer).tokens
    order = np.argsort(-now.logits, kind="stable")[:LIKELIEST]
    highest = float(now.logits.max())
    total = float(np.exp(now.logits.astype(float) - highest).sum())
    st.table(
        [
            {
                "Next token": boxed(brief(names[i])),
                "Logit": _number(float(now.logits[i])),
                "e^(logit − highest)": f"{np.exp(float(now.logits[i]) - highest):.3f}",
                "Probability": percent(now.probs[i]),
            }
            for i in order
        ]
    )
    config = view.run.model
    V, C = config.vocab_size, config.n_embd
    where = (
        "token embedding, which is the output layer too" if config.tie_weights else "output layer"
    )
    bias = ", and a bias added" if config.bias and not config.tie_weights else ""
    st.markdown(
        f"Over all {V:,} tokens e^(logit − highest) sums to **{total:.3f}**; each one's share of "
        f"that is its probability: 1 ÷ {total:.3f} = **{percent(1 / total)}** for the likeliest.",
        help=explain("logit"),
    )
    st.caption(
        f"A logit is the list of step 5 times the {C:,} numbers of a token in the {where}, "
        f"multiplied one by one and added up{bias}, for each of the {V:,} tokens. Softmax makes "
        "shares of 100 % of them. One of these tokens is then drawn.",
        help=explain("logit", "softmax"),
    )
    if now is not own:
        by_hand.bars(view, now, own, "arithmetic-6")
