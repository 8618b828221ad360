"""The logit lens: what the model would answer if it stopped after each of its parts."""

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from minigpt import plots, tokenizers
from minigpt.config import InputError
from minigpt.counting import counted, percent
from minigpt.store import Run
from minigpt.tokenizers.visible import brief
from minigpt.ui import address, measured, services
from minigpt.ui.components.reveal import reveal
from minigpt.ui.downloads import downloads
from minigpt.ui.glossary import explain
from minigpt.ui.inside import place
from minigpt.ui.inside.lens_map import lens_map
from minigpt.ui.inside.view import View
from minigpt.ui.words import boxed, sentence

if TYPE_CHECKING:
    from minigpt.interpret import Decisions

MOST = 256  # tokens of a map
VIEWS = {"true": "the true next token", "entropy": "entropy", "kl": "distance to the output"}
MEANS = {
    "true": "The colour is the probability of the token that does come next.",
    "entropy": "The colour is how open the choice is there, in bits: 0 is certain, and a blind "
    "guess among {n:,} tokens has {most:.1f}.",
    "kl": "The colour is how far a row is from the model's answer, in bits (the Kullback–Leibler "
    "divergence of the row from the output). 0: it has the answer; the scale ends at the "
    "{most:.1f} bits of a blind guess among {n:,} tokens.",
}


def show(view: View) -> None:
    """The map, one position in numbers, and where answers are decided. Raises InputError."""
    from minigpt.interpret import decision_depth, lens

    run = view.run
    shows = st.segmented_control(
        "Colours", list(VIEWS), format_func=VIEWS.get, required=True,
        help="What the colours of the map are of; its tokens stay the same.",
        **address.bind(address.LENS, run, "true", begins="default"),
    )  # fmt: skip
    at = place.choose(view)
    with services.turn.taken():
        found = lens(services.model(run, view.at), view.ids)
    vocabulary = tokenizers.load(run.tokenizer).tokens
    whole = plots.LensMap.of(found, decision_depth(found), view.ids, vocabulary)
    first = max(0, len(view.ids) - MOST)
    if first:
        st.caption(
            f"The model reads {counted(len(view.ids), 'token')}, the newest {MOST} are shown; the "
            "CSV has all."
        )
    shown = whole.newest(MOST)
    drawn = lens_map(shown, shows, at - first, first)
    st.html(drawn)
    reveal(drawn, 1 + at - first, key=f"lens-here-{run.id}")
    most = np.log2(len(vocabulary))
    st.caption(
        "Each column is a token that was read; below it, from top to bottom, the next token the "
        "model would answer if it stopped after that part, and at the end its answer. From a line "
        "down, that answer stays. " + MEANS[shows].format(n=len(vocabulary), most=most),
        help="Every row goes through the last norm and the output layer as the last one does (the "
        "logit lens, nostalgebraist 2020), which were made for the last row: early ones may know "
        "more than can be read of them so. Point at a cell for its numbers.",
    )
    if run.model.tie_weights:
        st.caption(
            "The output layer of this model is its token embedding (tied weights). So in the first "
            "row each token mostly foretells itself: an echo, not a guess."
        )
    _show_place(whole, at)
    _downloads(view, shown, whole, shows, first)
    _show_decisions(view)


def _show_place(found: plots.LensMap, at: int) -> None:
    """The rows of one position in numbers."""
    follows = at + 1 < len(found.read)
    true = f", and next comes {boxed(brief(found.read[at + 1]))}" if follows else ""
    st.markdown(f"**After token {at + 1:,}, {boxed(brief(found.read[at]))}{true}**")
    rows = []
    for row, name in enumerate(found.rows):
        numbers = {
            "After": name,
            "Likeliest next": boxed(brief(found.likeliest[row][at])),
            "Its probability": percent(found.prob[row, at]),
        }
        if follows:
            numbers |= {
                "The true next token": percent(found.true_prob[row, at]),
                "Its rank": f"{found.rank[row, at] + 1:,}",
            }
        numbers |= {
            "Entropy (bits)": f"{found.entropy[row, at]:.2f}",
            "To the output (bits)": f"{found.kl[row, at]:.2f}",
        }
        rows.append(numbers)
    st.table(rows)
    st.caption(
        f"The answer is there from *{found.rows[found.decided[at]]}* on.",
        help=explain("embedding", "entropy", "MLP"),
    )


def _downloads(
    view: View, shown: plots.LensMap, whole: plots.LensMap, shows: plots.LensView, first: int
) -> None:
    title = f"{view.run.name}, step {view.at:,}: what each part would answer"
    downloads(
        view.file("lens"),
        f"lens-{view.run.id}",
        lambda: plots.lens_table(whole),
        lambda: plots.lens_svg(shown, shows, title, first),
    )


def _show_decisions(view: View) -> None:
    """Where in the depth answers are decided, by what kind of token they are."""
    st.subheader("How deep answers are decided", anchor=False)
    if view.plays or view.follows:
        st.caption("Measured when the training rests at a moment: choose one with the slider.")
        return
    try:
        with st.spinner("Measuring how deep answers are decided …", show_time=True):
            found = _decided(view.run, view.at)
        held = measured.sample(view.run).held_out
    except InputError as error:
        st.caption(sentence(error))
        return
    last = 2 * view.run.model.n_layer
    st.table(
        [
            {
                "Answers that are": name,
                "Decided after part": f"{found.mean[i]:.1f}",
                "95 % interval": f"{found.low[i]:.1f} to {found.high[i]:.1f}"
                if np.isfinite(found.low[i])
                else "too little text",
                "How many": f"{found.count[i]:,}",
            }
            for i, name in enumerate(found.names)
        ]
    )
    where = "text the model was not trained on" if held else "what the model wrote itself"
    st.caption(
        f"On {where}. The mean of the first part from which on the model's final answer stays its "
        f"likeliest: 0 is the embedding, {last} the last part, where an answer is that no part "
        "before it had. Right or wrong does not count here."
    )


def _decided(run: Run, at: int) -> "Decisions":
    from minigpt.interpret import decisions, token_class

    def measure(windows: np.ndarray) -> "Decisions":
        classes = token_class(tokenizers.load(run.tokenizer))
        return decisions(services.model(run, at), windows, classes)

    return measured.on_sample(("decided", run.id, at), run, measure)
