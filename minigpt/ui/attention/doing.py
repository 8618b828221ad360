"""What a head does, as measured on text that the model has not seen, and whether it matters."""

import math

import numpy as np
import streamlit as st

from minigpt import plots, tokenizers
from minigpt.config import InputError
from minigpt.corpus import bits_per_character
from minigpt.counting import counted, percent
from minigpt.ui import measured, services
from minigpt.ui.attention.one_head import capital, named
from minigpt.ui.attention.reading import View
from minigpt.ui.figures import show_chart
from minigpt.ui.glossary import explain
from minigpt.ui.words import sentence

SHOWN = 8  # next tokens
SEEN = 0.005  # the least lift that shows as more than 0
RULE = (
    "A head has a role when its lift there is at least 0.4, the interval of that begins at 0.25 or "
    "higher, and no other role has more than half of it."
)
KINDS = {"zero": "nothing", "mean": "its average"}


def show_role(view: View, layer: int, head: int) -> None:
    """The head's role in a sentence, and all that was measured of it beside chance."""
    from minigpt.interpret import ROLES, UNCLEAR

    scores = measured.scores(view.run, view.at)
    role, likeliest = scores.roles[layer][head], scores.likeliest[layer][head]
    if role == UNCLEAR:
        near = [
            f"*{one}* ({lift:.2f})"
            for one in likeliest
            if (lift := scores.lifts[one][layer, head]) >= SEEN
        ]
        told = f"Likeliest: {' and '.join(near)}, which is not enough to say so. " if near else ""
        st.markdown(
            f"**What {named(layer, head)} does is unclear.** {told}{RULE}",
            help=explain("role", "lift"),
        )
    else:
        low, high = (of[role][layer, head] for of in (scores.low, scores.high))
        after = scores.shuffled[role][layer, head]
        st.markdown(
            f"**{capital(named(layer, head))}: {role}.** {_plainly(role)} Lift "
            f"{scores.lifts[role][layer, head]:.2f} (95 % interval {low:.2f} to {high:.2f}). "
            + _about(role, after, scores.lifts[role][layer, head]),
            help=explain("role", "lift"),
        )
    if view.run.model.bigram and "induction" in (role, *likeliest):
        st.caption(
            "This model has a bigram embedding: what it reads of each token already holds the "
            "token before, so an induction head needs no previous-token head in a layer below."
        )
    for note in scores.notes:
        st.caption(note)
    with st.expander("All measurements of this head"):
        st.table([_row(scores, role, layer, head) for role in ROLES])
        held = measured.sample(view.run).held_out
        where = "text it was not trained on" if held else "what it wrote itself"
        rows = max(scores.rows.values())
        st.caption(
            f"Measured on {where}, {counted(rows, 'position')}, the roles about content on "
            "sequences of different tokens that are repeated. *By chance* is the share of its "
            "attention that a head which looks evenly at all it sees would put there, and lift "
            "0; of *broad*, what an untrained model has. *Shuffled* is the lift when the tokens "
            "change places: what stays needs no text that makes sense, though what stands at a "
            f"place may still choose among several. {RULE}",
            help=explain("lift", "role"),
        )
        for name, about in ROLES.items():
            st.caption(
                f"**{name.capitalize()}.** {about.definition} ({about.source.split(',')[0]})",
                help=explain("entropy") if "entropy" in about.definition else None,
            )


def _plainly(role: str) -> str:
    """What a role is, without its formula."""
    from minigpt.interpret import ROLES

    return ROLES[role].definition.split(":")[0].rstrip(".") + "."


def _about(role: str, shuffled: float, lift: float) -> str:
    from minigpt.interpret import ROLES

    if not math.isfinite(shuffled):
        return ""
    if ROLES[role].about_content:
        why = "it goes by what the tokens are"
    elif shuffled >= 0.5 * lift:
        why = "the role needs no text that makes sense"
    else:
        why = "the role needs text that makes sense"
    return f"On shuffled text it is {shuffled:.2f}: {why}."


def _row(scores: "measured.HeadScores", role: str, layer: int, head: int) -> dict[str, str]:
    lift, low, high, shuffled = (
        of[role][layer, head] for of in (scores.lifts, scores.low, scores.high, scores.shuffled)
    )
    return {
        "Role": role,
        "Lift": _number(lift),
        "95 % interval": f"{low:.2f} to {high:.2f}" if np.isfinite(low) else "–",
        "Shuffled": _number(shuffled),
        "By chance": percent(scores.chance[role], 0) if np.isfinite(scores.chance[role]) else "–",
    }


def _number(number: float) -> str:
    return f"{number:.2f}" if np.isfinite(number) else "–"


def show_effect(view: View, layer: int, head: int) -> None:
    """What switching the head off changes: the next token after this text, and the loss."""
    st.subheader("Does it matter?", anchor=False, help=explain("ablation"))
    st.caption(
        f"A bright map can be without effect. Here {named(layer, head)} is switched off, and all "
        "else left as it is.",
    )
    left, right = st.columns([1, 1.2], gap="large")
    with left:
        _show_loss(view, layer, head)
    with right:
        _show_next(view, layer, head)


def _show_loss(view: View, layer: int, head: int) -> None:
    held = measured.sample(view.run).held_out
    where = "text the model was not trained on" if held else "what the model wrote itself"
    st.markdown(f"**The loss on {where}**", help=explain("loss", "model"))
    for kind, instead in KINDS.items():
        effects = measured.effect(view.run, view.at, layer, head, kind)
        delta, low, high = (of[layer, head] for of in (effects.delta, effects.low, effects.high))
        bits = bits_per_character(delta, view.run.characters_per_token)
        st.metric(
            f"With {instead} in its place",
            f"{_signed(delta)} nats",
            delta=f"95 %: {_signed(low)} to {_signed(high)}; {_signed(bits)} bits per character",
            delta_color="off",
            delta_arrow="off",
            help=explain("ablation", "loss", "nats", "bits per character"),
        )
        if kind == "zero":
            st.caption(_verdict(low, high))


def _signed(number: float) -> str:
    return f"{number:+.3f}".replace("-", "−") if np.isfinite(number) else "?"


def _verdict(low: float, high: float) -> str:
    if not np.isfinite(low):
        return "Too little text to say how sure that is."
    if low > 0:
        return "The interval lies above 0: without this head the model guesses worse."
    if high < 0:
        return "The interval lies below 0: without this head the model guesses better."
    return "The interval holds 0: whether it helps at all is unclear."


def _show_next(view: View, layer: int, head: int) -> None:
    """The likeliest next tokens with the head and without it."""
    from minigpt.interpret import next_probs, without

    tokenizer = tokenizers.load(view.run.tokenizer)
    with services.turn.taken():
        model = services.model(view.run, view.at)
        whole = next_probs(model, view.ids)
        left = next_probs(model, view.ids, without(layer, head))
    top = np.argsort(-np.maximum(whole, left), kind="stable")[:SHOWN]
    names = [tokenizer.tokens[i] for i in top]
    chart = plots.with_and_without(names, whole[top], left[top])
    st.markdown("**The next token after this text**")
    show_chart(chart, f"without-{view.run.id}", moving=True)
    moved = 0.5 * float(np.abs(whole - left).sum())
    st.caption(f"Without this head, {percent(moved)} of the probability moves to other tokens.")


def show(view: View, layer: int, head: int) -> None:
    """Role and effect, or why they cannot be measured."""
    try:
        show_role(view, layer, head)
        show_effect(view, layer, head)
    except InputError as error:
        st.caption(sentence(error))
