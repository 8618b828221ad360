"""A run once more without an ingredient of its recipe, to see what that had bought."""

import streamlit as st

from minigpt import tokenizers
from minigpt.recipes import WITHOUT, Preset, ingredients_of, switch_of, without
from minigpt.store import Run
from minigpt.ui import services
from minigpt.ui.glossary import LABELS, shown
from minigpt.ui.train import comparing, form
from minigpt.ui.visit import Visit


def offers(run: Run) -> bool:
    """Whether the run has more of the modern recipe than the first Mini-GPT had."""
    return len(ingredients_of(run.model, run.train)) > 1


def choose(run: Run) -> list[str]:
    """The ingredients to be left out, one in each new run."""
    st.caption(
        "Trains this run once more without what you choose, one run for each, and lays their "
        "curves over this one's."
    )
    chosen = st.pills(
        "What to leave out",
        ingredients_of(run.model, run.train),
        selection_mode="multi",
        format_func=lambda ingredient: _change(run, ingredient),
        key=_key(run),
        help="\n\n".join(map(_about, ingredients_of(run.model, run.train))),
    )
    for ingredient in chosen:
        st.caption(_about(ingredient))
    return chosen


def _about(ingredient: str) -> str:
    """What an ingredient's setting is, in a line."""
    switch = switch_of(ingredient)
    return f"**{LABELS[switch]}.** {form.field_of(switch).metadata['help']}"


def start(visit: Visit) -> list[str]:
    """Puts the new runs in line and lays them over the chosen one; returns in words what each
    does without.

    Raises InputError when there is no room for one more: those before it stay in line, and only
    the others remain chosen.
    """
    run, started, left_out = visit.run, [], []
    preset, vocab_size = Preset(run.name, vars(run.model), run.train), run.model.vocab_size
    chosen = list(st.session_state[_key(run)])
    for ingredient in chosen:
        changed = without(preset, ingredient)
        run_id = services.launch(
            visit.limits,
            visit.workspace,
            f"{run.name}, {_told(ingredient)}",
            run.text_id,
            tokenizers.load(run.tokenizer),
            changed.model(vocab_size),
            changed.train,
        )
        started.append(run_id)
        left_out.append(_told(ingredient))
        comparing.lay_over(run, started)
        st.session_state[_key(run)] = chosen[len(started) :]
    return left_out


def _key(run: Run) -> str:
    return f"leave-out-{run.id}"


def _told(ingredient: str) -> str:
    """What a run does without, in the words of the choice: the name of a switch, else its value."""
    switch = switch_of(ingredient)
    instead = WITHOUT[ingredient][switch]
    if isinstance(instead, bool):
        return f"{'with' if instead else 'without'} {LABELS[switch]}"
    return f"without {ingredient}"


def _change(run: Run, ingredient: str) -> str:
    switch = switch_of(ingredient)
    now = (vars(run.model) | vars(run.train))[switch]
    return f"{LABELS[switch]}: {shown(now)} → {shown(WITHOUT[ingredient][switch])}"
