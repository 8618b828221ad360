"""How much each token of the text surprised the model."""

import numpy as np
import streamlit as st

from minigpt.config import InputError
from minigpt.ui import services, tokens
from minigpt.ui.glossary import explain
from minigpt.ui.inside.view import View


def show(view: View) -> None:
    """The text, shaded. Raises InputError where there is nothing to guess."""
    from minigpt.interpret import surprise

    if len(view.ids) < 2:
        raise InputError("nothing comes before a single token to guess it from: write one more")
    blind = np.log2(view.run.model.vocab_size)
    bits = surprise(services.model(view.run, view.at), view.ids)
    st.html(tokens.shaded("", view.tokens[0], view.tokens[1:], np.exp2(-bits), shade=True))
    st.caption(
        f"The stronger the colour, the less likely the model found the token: {bits.mean():.2f} "
        f"bits a token on average, where guessing blindly has {blind:.2f}.",
        help=explain("model", "token"),
    )
