"""What was learned when: the loss of each kind of token, and of what counting could tell already,
at every moment of the training."""

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from minigpt import plots, tokenizers
from minigpt.config import InputError
from minigpt.corpus.histories import ORDERS, frequency_losses
from minigpt.counting import counted
from minigpt.store import Run
from minigpt.ui import address, measured, missing, services
from minigpt.ui.downloads import downloads
from minigpt.ui.figures import show_chart
from minigpt.ui.glossary import GLOSSARY, explain
from minigpt.ui.inside.view import View
from minigpt.ui.kept import Kept
from minigpt.ui.words import file_name

if TYPE_CHECKING:
    from minigpt.interpret import Groups

BY = {"kind": "kind of token", "order": "history that counting needs"}
HEIGHT = 300  # px
MOST_BYTES = 16_000_000  # of losses: those of a moment take some ten kilobytes
_losses = Kept(MOST_BYTES)


def show(view: View) -> None:
    """Curves over the moments measured so far, and a table of the one that is looked at. Raises
    InputError."""
    run, store = view.run, services.store()
    by = st.segmented_control(
        "Next tokens, by their", list(BY), format_func=BY.get, required=True,
        help="Either what kind of token comes next, or how many tokens before it one has to know "
        "for the training text's own counts to tell it. "
        + GLOSSARY["token"],
        **address.bind(address.LEARNED_BY, run, "kind", begins="default"),
    )  # fmt: skip
    group, names = _groups(run, by)
    steps = sorted({*store.snapshot_steps(run.id), view.at})
    unknown = [step for step in steps if not _known(run, step)]
    unknown.sort(key=lambda step: step != view.at)  # the one that is looked at comes first
    missing.measure(
        unknown, partial(_token_losses, run), "the losses", f"learned-{run.id}", waits=view.plays
    )
    known = [step for step in steps if step == view.at or _known(run, step)]
    through = [_grouped(_token_losses(run, step), group, names) for step in known]
    here = through[known.index(view.at)]
    if len(known) > 1:
        _draw(view, known, through)
    else:
        st.caption("There is one moment so far: the lines begin with the second.")
    _tell(view, by, known, through, here, group)


def _groups(run: Run, by: str) -> tuple[np.ndarray, list[str]]:
    """Which group each next token of the sample is in, (n, T - 1), and what they are called."""
    from minigpt.interpret import token_class

    sample = measured.sample(run)
    if by == "order":
        if not sample.held_out:
            raise InputError(
                "how far counting gets is counted in the text this run learned from, and that is "
                "not here any more: look at the kinds of tokens instead"
            )
        return services.known_from(run, sample.windows), list(ORDERS)
    classes = token_class(tokenizers.load(run.tokenizer))
    names = list(dict.fromkeys(classes))
    index = np.array([names.index(name) for name in classes])
    return index[sample.windows[:, 1:]], names


def _known(run: Run, step: int) -> bool:
    """Whether a moment has been measured."""
    return _losses.known(_about(run, step)) is not None


def _about(run: Run, step: int) -> tuple[str, str, int, str]:
    return "losses", run.id, step, measured.sampled(run)


def _token_losses(run: Run, step: int) -> np.ndarray:
    """What each next token of the sample cost the model of a step, in nats: (n, T - 1)."""

    windows = measured.sample(run).windows

    def measure() -> np.ndarray:
        from minigpt.interpret.learned import token_losses

        return token_losses(services.model(run, step, keeps=False), windows)

    return measured.once(_about(run, step), measure, _losses)


def _grouped(losses: np.ndarray, group: np.ndarray, names: list[str]) -> "Groups":
    from minigpt.interpret.learned import grouped

    return grouped(losses, group, names)


def _draw(view: View, steps: list[int], through: "list[Groups]") -> None:
    names, count = through[0].names, through[0].count.tolist()
    losses = np.stack([each.loss for each in through])
    told = [f"{name}, {counted(n, 'token')}" for name, n in zip(names, count, strict=True)]
    chart = plots.learned(steps, told, losses, view.at, HEIGHT)
    show_chart(chart, f"learned-{view.run.id}", moving=view.plays or view.run.active)
    title = f"{view.run.name}: what was learned when"
    downloads(
        f"{file_name(view.run)}-learned",
        f"learned-{view.run.id}",
        lambda: plots.learned_table(steps, names, losses),
        lambda: plots.lines_svg(chart, title),
    )


def _tell(
    view: View,
    by: str,
    steps: list[int],
    through: "list[Groups]",
    here: "Groups",
    group: np.ndarray,
) -> None:
    run, sample = view.run, measured.sample(view.run)
    from minigpt.interpret import half_way
    from minigpt.interpret.course import LEAST_FALL

    losses, chance = np.stack([each.loss for each in through]), _by_frequency(run, group, here)
    rows = []
    for i, name in enumerate(here.names):
        fell = losses[-1, i] < losses[0, i]
        half = half_way(steps, losses[:, i], LEAST_FALL) if fell and len(steps) > 1 else None
        low, high = here.low[i], here.high[i]
        rows.append(
            {
                "Next token": name,
                "Tokens": f"{here.count[i]:,}",
                **({f"At step {steps[0]:,}": f"{losses[0, i]:.2f}"} if steps[0] < view.at else {}),
                f"Loss at step {view.at:,}": f"{here.loss[i]:.2f}",
                "95 % interval": f"{low:.2f} to {high:.2f}" if np.isfinite(low) else "too few",
                "By frequency alone": f"{chance[i]:.2f}",
                "Half-way at step": "–" if half is None else f"{half:,}",
            }
        )
    st.table(rows)
    where = "text the model was not trained on" if sample.held_out else "what the model wrote"
    st.caption(
        f"Nats per token on {where}, {counted(int(here.count.sum()), 'token')}. *By frequency "
        "alone* is what the same tokens cost whoever knows only how often each stands in the "
        "text. *Half-way* is the first kept moment at which the loss had come half the way from "
        "its first to its last: it says when, not because of what. Steps lie on a scale of "
        "powers; step 0, before any learning, has no place on it.",
        help=explain("loss", "nats", "step"),
    )
    if by == "order":
        st.caption(
            "A next token is in the group of the shortest history, of 0 to 3 tokens before it, "
            "after which it came at least half of the time in the training text; *none of these* "
            "is what such counts cannot tell. A history that stood there once counts too."
        )


def _by_frequency(run: Run, group: np.ndarray, here: "Groups") -> np.ndarray:
    """The mean loss of each group by the frequencies of single tokens: (g,)."""
    sample = measured.sample(run)
    if sample.held_out:
        losses = services.frequency_losses(run, sample.windows)
    else:
        losses = frequency_losses(sample.windows, sample.windows.ravel(), run.model.vocab_size)
    return np.array([losses[group == i].mean() for i in np.unique(group)])
