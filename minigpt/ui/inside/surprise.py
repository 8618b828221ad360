"""Surprise: how little the model expected each token, and how that falls with what it has read."""

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from minigpt import plots, tokenizers
from minigpt.config import InputError
from minigpt.counting import counted, percent
from minigpt.tokenizers.visible import brief, visible
from minigpt.ui import measured, services, tokens
from minigpt.ui.components.strip import Told, strip
from minigpt.ui.downloads import downloads
from minigpt.ui.figures import show_chart
from minigpt.ui.glossary import explain
from minigpt.ui.inside.view import View
from minigpt.ui.words import boxed, sentence

if TYPE_CHECKING:
    from minigpt.interpret import ByPosition

HARDEST, BEFORE = 5, 16  # tokens that are listed, and shown before each
HEIGHT = 320  # px


def show(view: View) -> None:
    """The text, shaded; its hardest tokens; and how surprise falls along the context. Raises
    InputError where there is nothing to guess."""
    from minigpt.interpret import guesses, surprise

    if len(view.ids) < 2:
        raise InputError("nothing comes before a single token to guess it from: write one more")
    with services.turn.taken():
        model = services.model(view.run, view.at)
        bits, found = surprise(model, view.ids), guesses(model, view.ids)
    strip(
        view.tokens[0], "", _told(view, bits, found[2]), key=f"surprise-{view.run.id}", chosen=None
    )
    blind = np.log2(view.run.model.vocab_size)
    st.caption(
        f"The stronger the colour, the less likely the model found the token: {bits.mean():.2f} "
        f"bits a token on average, where guessing blindly has {blind:.2f}. Point at a token for "
        "its numbers.",
        help=explain("model", "token"),
    )
    _hardest(view, bits, *found)
    _files(view, bits, found[2])
    if view.plays:
        return
    st.subheader("Does it get easier with what was read?", anchor=False)
    try:
        _by_place(view)
    except InputError as error:
        st.caption(sentence(error))


def _told(view: View, bits: np.ndarray, rank: np.ndarray) -> list[Told]:
    pieces = list(tokenizers.load(view.run.tokenizer).pieces(view.ids))[1:]
    each = zip(pieces, view.tokens[1:], bits.tolist(), rank.tolist(), strict=True)
    return [
        Told(piece, visible(token), 2.0**-bit, place, bit, (), token in tokens.SPECIAL)
        for piece, token, bit, place in each
    ]


def _hardest(
    view: View, bits: np.ndarray, likeliest: np.ndarray, prob: np.ndarray, rank: np.ndarray
) -> None:
    """The tokens that surprised most, each with what stands before it and what was expected; not
    those that stand for what the model cannot read."""
    st.markdown("**Hardest to guess**")
    names = tokenizers.load(view.run.tokenizer).tokens
    special = np.array([token in tokens.SPECIAL for token in view.tokens[1:]])
    if special.any():
        many, without = int(special.sum()), ""
        if many < len(bits):
            without = f"; without them it is {bits[~special].mean():.2f}"
        st.caption(
            f"{counted(many, 'token')} of your text {'stands' if many == 1 else 'stand'} for "
            "something outside this model's vocabulary, such as `<unk>`: left out of this list, "
            "for the model cannot read what was written there. They cost "
            f"{bits[special].mean():.1f} bits each, and the average above has them in it{without}.",
            help=explain("special tokens"),
        )
    order = np.argsort(-bits, kind="stable")
    for at in order[~special[order]][:HARDEST]:
        start = max(0, at + 1 - BEFORE)
        with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=True):
            st.markdown(f"{bits[at]:.1f} bits", width=76)
            shown = view.tokens[start : at + 2]
            st.html(tokens.chips(shown, {len(shown) - 1}, breaks=False), width="content")
            if rank[at] == 1:
                st.caption("the likeliest all the same", width="content")
            else:
                guess = boxed(brief(names[likeliest[at]]))
                st.caption(f"expected {guess}, {percent(prob[at], 0)}", width="content")


def _files(view: View, bits: np.ndarray, rank: np.ndarray) -> None:
    title = f"{view.run.name}, step {view.at:,}: surprise"
    downloads(
        view.file("surprise"),
        f"surprise-{view.run.id}",
        lambda: plots.surprise_table(view.tokens, bits, rank),
        lambda: plots.surprise_svg(view.tokens, bits, title),
    )


def _by_place(view: View) -> None:
    """Bits per token by how many tokens stand before it, beside a trigram model. Raises
    InputError."""
    found, held = _measured(view)
    places = list(zip(found.first.tolist(), found.last.tolist(), strict=True))
    chart = plots.by_place(places, found.bits, found.low, found.high, found.trigram, HEIGHT)
    show_chart(chart, f"places-{view.run.id}", moving=view.run.active)
    where = "text it was not trained on" if held else "what it wrote itself"
    beside = "; a trigram model looks back two tokens and has nothing to gain after them"
    st.caption(
        f"Measured on {counted(found.windows, 'piece')} of {where}. A line that falls shows that "
        "the model uses what it read further back"
        f"{'' if found.trigram is None else beside}.",
        help=explain("trigram", "token"),
    )
    st.markdown(_gained(found), help=explain("context"))
    if np.isnan(found.low).any():
        st.caption(
            f"There are {found.windows} pieces of text, and an interval takes 8: how sure this is "
            "cannot be told."
        )
    title = f"{view.run.name}, step {view.at:,}: surprise by place"
    downloads(
        view.file("surprise-by-place"),
        f"places-{view.run.id}",
        lambda: plots.places_table(places, found.bits, found.low, found.high, found.trigram),
        lambda: plots.lines_svg(chart, title),
    )


def _gained(found: "ByPosition") -> str:
    """The in-context gain in a sentence."""
    gain, low, high = found.gain
    words = f"**In-context gain: {_bits(gain)}** from the first tenth to the last"
    if np.isnan(low):
        words += "."
    elif low > 0:
        words += f" (95 % interval {_bits(low)} to {_bits(high)})."
    else:
        words += (
            f", but its 95 % interval, {_bits(low)} to {_bits(high)}, holds 0 or lies below: no "
            "gain seen."
        )
    if found.trigram_gain is None:
        return words
    gain, low, high = found.trigram_gain
    between = "" if np.isnan(low) else f" ({_bits(low)} to {_bits(high)})"
    return f"{words} The trigram model's: {_bits(gain)}{between}."


def _bits(number: float) -> str:
    return f"{number:+.2f} bits".replace("-", "−")


def _measured(view: View) -> "tuple[ByPosition, bool]":
    """It, and whether on held-out text: of a run's text only for those who may read it."""
    reads = view.visit.reads_text
    sample = measured.sample(view.run, reads_text=reads)
    counted = services.trigram_nats(view.run, sample.windows) if sample.held_out else None

    def measure() -> "ByPosition":
        from minigpt.interpret import by_position

        return by_position(services.model(view.run, view.at), sample.windows, counted)

    about = ("by place", view.run.id, view.at, measured.sampled(view.run, reads_text=reads))
    return measured.once(about, measure), sample.held_out
