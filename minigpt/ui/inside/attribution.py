"""Attribution: how much each part of the model gave to the logit of a next token."""

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from minigpt import plots, tokenizers
from minigpt.config import InputError
from minigpt.counting import percent
from minigpt.tokenizers.visible import brief
from minigpt.ui import address, services
from minigpt.ui.downloads import downloads
from minigpt.ui.figures import show_chart
from minigpt.ui.glossary import explain
from minigpt.ui.inside import place
from minigpt.ui.inside.view import View
from minigpt.ui.words import boxed, distinct

if TYPE_CHECKING:
    from minigpt.interpret import Attribution

AIMS = {
    "likeliest": "the likeliest",
    "rival": "the likeliest − the runner-up",
    "token": "any token",
}


def show(view: View) -> None:
    """Waterfall of one logit. Raises InputError."""
    from minigpt.interpret import attribute, next_probs

    run = view.run
    at = place.choose(view)
    read = view.ids[: at + 1]
    names = [brief(token) for token in tokenizers.load(run.tokenizer).tokens]
    with services.turn.taken():
        probs = next_probs(services.model(run, view.at), read)
    first, second = np.argsort(-probs, kind="stable")[:2].tolist()
    aim = st.segmented_control(
        "Next token", list(AIMS), format_func=AIMS.get, required=True,
        help="Whose logit is taken apart. Against the runner-up, it shows what made the difference "
        "between the two.",
        **address.bind(address.AIM, run, "likeliest", begins="default"),
    )  # fmt: skip
    target, against = first, second if aim == "rival" else None
    if aim == "token":
        target = _choose(view, names, view.ids[at + 1] if at + 1 < len(view.ids) else first)
    with services.turn.taken():
        found = attribute(services.model(run, view.at), read, target, against)
    over = "the mean of all tokens" if against is None else f"that of {names[against]}"
    unit = f"logit of {names[target]} above {over}"
    chart = plots.waterfall(found.names, found.amounts, found.logit, unit)
    rival = f" Next likeliest: {boxed(names[second])}, {percent(probs[second])}."
    st.markdown(
        f"After {boxed(brief(view.tokens[at]))} (token {at + 1:,}) the model gives "
        f"{boxed(names[target])} {percent(probs[target])}." + rival * (target == first)
    )
    show_chart(chart, f"attribution-{run.id}", moving=True)
    total = f"{found.logit:+.2f}".replace("-", "−")
    st.caption(
        f"From top to bottom, what each part adds to the logit of {boxed(names[target])}, counted "
        f"from {over if against is None else boxed(names[against])}; each bar begins where the "
        f"last one ends, and the sum, {total}, is how far the model's own "
        "logit lies above that. "
        "A logit is the score of which a token's probability is made: one "
        "that is higher by 1 makes it 2.7 times as likely, against the other.",
        help=explain("embedding", "head", "MLP"),
    )
    st.caption(
        "Exact, with the scale of the last norm held as it is here. It is what each part wrote, "
        "not what it caused: a later part may have erased it, or built on it. To see what is lost "
        "without a part, switch it off."
    )
    _downloads(view, chart, found)


def _choose(view: View, names: list[str], usual: int) -> int:
    """Any token of the vocabulary; at first `usual`, which does come next, or is the likeliest."""

    def known(token: int) -> int:
        if not 0 <= token < len(names):
            raise InputError(f"tokens of this run have the numbers 0 to {len(names) - 1:,}")
        return token

    told = distinct(names, range(len(names)))
    field = address.bind(address.AIMED, view.run, usual, known, "index")  # ids are indices
    return st.selectbox("Which token", range(len(names)), format_func=told.__getitem__, **field)


def _downloads(view: View, chart: plots.Chart, found: "Attribution") -> None:
    title = f"{view.run.name}, step {view.at:,}: {chart.x.name}"
    downloads(
        view.file("attribution"),
        f"attribution-{view.run.id}",
        lambda: plots.waterfall_table(found.names, found.amounts, found.logit),
        lambda: plots.waterfall_svg(chart, title),
    )
