"""Choosing a text, a preset and settings, and starting a run from them."""

from dataclasses import Field, fields
from typing import Any

import streamlit as st

from minigpt import bundle, tokenizers
from minigpt.config import GPTConfig, InputError, TrainConfig, differences
from minigpt.counting import counted, times_over
from minigpt.engine import room
from minigpt.engine.launch import check, check_cost
from minigpt.engine.speed import BUDGETS, USUAL_VOCABULARY
from minigpt.recipes import DEFAULT_PRESET, PRESETS, Preset
from minigpt.store import MAX_NAME, Run, Text
from minigpt.ui import address, news, numbers, services, untaken
from minigpt.ui.choosing import (
    choose_text,
    choose_tokenizer,
    chosen_text,
    chosen_tokenizer,
    described,
    put_text,
    put_tokenizer,
    tell_whole,
)
from minigpt.ui.fields import changed, hold
from minigpt.ui.glossary import GLOSSARY, LABELS, explain, shown
from minigpt.ui.once import is_second, remember
from minigpt.ui.pages import DATA
from minigpt.ui.train import pace
from minigpt.ui.visit import Visit
from minigpt.ui.words import plain, rough, sentence

MODEL_SETTINGS = tuple(name for name in LABELS if name in GPTConfig.__dataclass_fields__)
TRAIN_SETTINGS = tuple(name for name in LABELS if name in TrainConfig.__dataclass_fields__)
ERROR = "new_run_error"
COPIED = "copied_run"
BROUGHT, REFUSED = "brought", "brought_refused"  # counts the uploader anew; why a file was refused


def show(visit: Visit) -> None:
    """All choices for a new run, and its Start button; a refused start keeps every choice."""
    st.subheader("New run", anchor=False)
    text = choose_text(visit, "Text")
    tell_whole(described(text), 250)
    address.link(DATA, "Bring a text of your own", ":material/upload:")
    choose_tokenizer()
    presets = _presets(visit)
    if hold("preset", DEFAULT_PRESET) not in presets:
        st.session_state["preset"] = DEFAULT_PRESET
    name = st.pills(
        "Preset",
        list(presets),
        format_func=_preset_label,
        required=True,
        key="preset",
        persist_state="session",
        on_change=changed("preset", _leave_budget),
        help=f"A recipe to start from; everything in it can be changed below. {_times()}",
    )
    _choose_budget()
    preset = presets[name]
    st.caption(preset.summary, help=explain("layer", "head", "width", "context", "GPT"))
    _setting(preset, "max_steps", name)
    start = st.container()  # drawn once it is known whether these settings can be
    with st.container(key="plan"):
        possible = _describe(visit, text, preset, _changes(preset, name))
    start.button(
        "Start training",
        type="primary",
        icon=":material/play_arrow:",
        width="stretch",
        on_click=changed("preset", lambda name: _start(visit, name)),
        disabled=not possible,
    )
    if error := news.get(ERROR):
        start.error(error)
    with st.expander("All settings"):
        st.markdown("**The model**")
        for setting in MODEL_SETTINGS:
            _setting(preset, setting, name)
        st.markdown("**The training**")
        for setting in TRAIN_SETTINGS:
            if setting != "max_steps":
                _setting(preset, setting, name)


def _preset_label(name: str) -> str:
    return name if name in PRESETS else name.split("-")[0]


def _times() -> str:
    """How long each preset takes here."""
    if (speed := services.speed()) is None:
        return ""
    seconds = {
        name: speed.seconds_per_step(preset.model(USUAL_VOCABULARY), preset.train)
        * preset.train.max_steps
        for name, preset in PRESETS.items()
    }
    times = ", ".join(f"{name} {rough(seconds[name])}" for name in seconds)
    return f"On this machine, alone, about: {times}. {GLOSSARY['estimate']}"


def _choose_budget() -> None:
    """The dial that picks model, batch and steps by the time there is."""
    st.pills(
        "Or by the time you have",
        BUDGETS,
        format_func=lambda s: f"{s} s" if s < 60 else f"{s // 60} min",
        key="budget",
        persist_state="session",
        on_change=changed("budget", _take_budget),
        disabled=services.speed() is None,
        help="Picks the model, the batch and the steps that learn most in that time, by how fast "
        "this machine is.",
    )


def _take_budget(seconds: int | None) -> None:
    if seconds:
        st.session_state["preset"] = f"budget-{seconds}"
    elif st.session_state.get("preset", "").startswith("budget"):
        st.session_state["preset"] = DEFAULT_PRESET


def _leave_budget(preset: str) -> None:
    if not preset.startswith("budget"):
        st.session_state["budget"] = None


def _presets(visit: Visit) -> dict[str, Preset]:
    """The presets, that of the budget dial, and the settings of the run last duplicated."""

    def possible(model: GPTConfig, train: TrainConfig) -> bool:
        try:
            visit.limits.check_run(model, train)
            check_cost(visit.store, visit.limits, model, train)
        except InputError:
            return False
        return True

    presets = dict(PRESETS)
    speed = services.speed()
    if speed and (seconds := st.session_state.get("budget")):
        presets[f"budget-{seconds}"] = speed.for_budget(seconds, possible=possible)
    if copied := st.session_state.get(COPIED):
        run: Run = copied
        shape = {name: getattr(run.model, name) for name in MODEL_SETTINGS}
        summary = f"The settings of {plain(run.name)}: change what you like."
        presets[f"copy-{run.id}"] = Preset(summary, shape, run.train.afresh())
    return presets


def copy_settings(run: Run) -> None:
    """Puts a run's text and settings into the form, to be changed and started as another run."""
    st.session_state[COPIED] = run
    st.session_state["preset"] = f"copy-{run.id}"
    put_text(run.text_id)
    tokenizer = tokenizers.load(run.tokenizer)
    put_tokenizer(tokenizer.kind, tokenizer.vocab_size)


def _setting(preset: Preset, name: str, preset_name: str) -> None:
    """A widget for one setting, bounded and explained by its field."""
    value, bounds = _default(preset, name), field_of(name).metadata
    common = {
        "label": LABELS[name],
        "value": value,
        "key": _key(preset_name, name),
        "help": bounds["help"],
        "persist_state": "session",
    }
    if bounds["choices"]:
        common["index"] = bounds["choices"].index(common.pop("value"))
        st.selectbox(options=bounds["choices"], **common)
    elif isinstance(value, bool):
        st.toggle(**common)
    else:
        step = 1 if isinstance(value, int) else value / 10 or 0.01
        numbers.field(usual=common.pop("value"), step=step, **common)


def _key(preset_name: str, name: str) -> str:
    return f"{preset_name}.{name}"


def field_of(name: str) -> Field:
    """The field of a setting of the model or of the training: its bounds and its help."""
    return next(spec for spec in (*fields(GPTConfig), *fields(TrainConfig)) if spec.name == name)


def _default(preset: Preset, name: str) -> Any:
    config = preset.model(vocab_size=100) if name in MODEL_SETTINGS else preset.train
    return getattr(config, name)


def _changes(preset: Preset, preset_name: str) -> dict[str, Any]:
    """Every setting as it stands on the page."""
    values = {}
    for name in (*MODEL_SETTINGS, *TRAIN_SETTINGS):
        key, usual = _key(preset_name, name), _default(preset, name)
        is_number = type(usual) in (int, float)
        values[name] = numbers.typed(key, usual) if is_number else st.session_state.get(key, usual)
    return values


def _configs(
    visit: Visit, text: Text, preset: Preset, changes: dict[str, Any]
) -> tuple[tokenizers.Tokenizer, GPTConfig, TrainConfig]:
    """The tokenizer and both configs of a run with these choices. Raises InputError."""
    tokenizer = services.tokenizer(text.id, *chosen_tokenizer())
    model = preset.model(
        tokenizer.vocab_size, **{k: v for k, v in changes.items() if k in MODEL_SETTINGS}
    )
    train = preset.train.replace(**{k: v for k, v in changes.items() if k not in MODEL_SETTINGS})
    visit.limits.check_run(model, train)
    return tokenizer, model, train


def _describe(visit: Visit, text: Text, preset: Preset, changes: dict[str, Any]) -> bool:
    """How large the model is and how much it will read, or why these settings cannot be; returns
    whether they can."""
    try:
        _, model, train = _configs(visit, text, preset, changes)
        tokens = services.cut(text.id, *chosen_tokenizer()).tokens
        learned = check(visit.store, visit.limits, visit.workspace, tokens, model, train)
    except InputError as error:
        st.warning(sentence(error))
        return False
    read = train.max_steps * train.batch_size * model.block_size
    st.caption(
        f"**{model.num_parameters():,} parameters**, vocabulary {model.vocab_size:,}. "
        f"It will read {counted(read, 'token')}: the {learned:,} that it learns from "
        f"{times_over(read / learned)}." + pace.estimate(model, train),
        help=explain("parameters", "vocabulary"),
    )
    if services.speed() is None:
        _wait_for_speed()
    return True


@st.fragment(run_every=1.0)
def _wait_for_speed() -> None:
    """Draws the page again once the worker has measured this machine."""
    if services.speed():
        st.rerun()


def _start(visit: Visit, preset_name: str) -> None:
    """Puts the run into the store, where the worker finds it, and into the URL.

    The choices are read now: a number may have been changed by the very click that started this.
    A second click right after the first starts nothing more.
    """
    preset = _presets(visit)[preset_name]
    changes = _changes(preset, preset_name)
    try:
        text = chosen_text(visit)
        asked = (text.id, chosen_tokenizer(), preset_name, tuple(changes.items()))
        if is_second(asked):
            return
        tokenizer, model, train = _configs(visit, text, preset, changes)
        name = f"{text.name}, {_preset_label(preset_name)}"
        if tokenizer.kind == "bpe":
            name += f", BPE {tokenizer.vocab_size:,}"
        name = _with_changes(name, preset, model, train)
        run_id = services.launch(
            visit.limits, visit.workspace, name, text.id, tokenizer, model, train
        )
    except InputError as error:
        news.put(ERROR, sentence(error))
    else:
        news.drop(ERROR)
        remember(asked)
        address.show_run(run_id)
        st.toast("The new run is in line: its curve is at the top of the page.")


def _with_changes(name: str, preset: Preset, model: GPTConfig, train: TrainConfig) -> str:
    """A run's name with what was changed in its preset, as far as there is room: so that runs laid
    over each other tell their difference."""
    other = differences(preset.model(model.vocab_size), model) | differences(preset.train, train)
    for setting, (_, value) in other.items():
        if setting in ("max_steps", "eval_interval"):
            continue
        longer = f"{name}, {LABELS[setting].lower()} {shown(value)}"
        if len(longer) > MAX_NAME:
            break
        name = longer
    return name


def take_file(visit: Visit) -> None:
    """Brings in a run that was downloaded here or exported by the command line; the server keeps
    no file that it has read."""
    untaken.watch()
    with st.expander("Bring a run from a file", icon=":material/upload_file:"):
        number = st.session_state.setdefault(BROUGHT, 0)
        file = st.file_uploader(
            "A run's .safetensors file",
            type=["safetensors"],
            key=f"brought-{number}",
            help="Made by Download on this page, or by `python -m minigpt export`.",
        )
        if error := news.get(REFUSED):
            st.error(error)
        if file is None:
            return
        data = file.getvalue()
        untaken.release(file)
        st.session_state[BROUGHT] += 1
        try:
            visit.limits.check_runs(len(visit.store.runs(visit.workspace)))
            bundle.check_size(len(data), visit.limits)
            room.make_room_for(visit.store, visit.limits, "this file", visit.workspace, len(data))
            with untaken.reading(len(data)):
                run_id = services.import_run(data, visit.workspace, visit.limits)
        except InputError as error:
            news.put(REFUSED, sentence(error))
        else:
            news.drop(REFUSED)
            address.show_run(run_id)
        st.rerun()
