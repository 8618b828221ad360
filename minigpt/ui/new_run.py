"""Choosing a text, a preset and settings, and starting a run from them."""

import time
from dataclasses import Field, fields
from typing import Any

import streamlit as st

from minigpt import bundle, tokenizers
from minigpt.config import PRESETS, GPTConfig, InputError, Preset, TrainConfig
from minigpt.launch import launch
from minigpt.store import Run, Text
from minigpt.ui import cutting, frame, services, texts
from minigpt.ui.glossary import GLOSSARY

MODEL_SETTINGS = ("n_layer", "n_head", "n_embd", "block_size", "dropout", "bias", "tie_weights")
TRAIN_SETTINGS = (
    "batch_size", "learning_rate", "warmup_steps", "weight_decay", "grad_clip", "val_fraction",
    "eval_interval", "seed",
)  # fmt: skip
LABELS = {
    "n_layer": "Layers",
    "n_head": "Heads",
    "n_embd": "Width",
    "block_size": "Context",
    "dropout": "Dropout",
    "bias": "Biases",
    "tie_weights": "Tied output layer",
    "max_steps": "Steps",
    "batch_size": "Batch size",
    "learning_rate": "Learning rate",
    "warmup_steps": "Warm-up steps",
    "weight_decay": "Weight decay",
    "grad_clip": "Gradient clipping",
    "val_fraction": "Validation share",
    "eval_interval": "Measure every",
    "seed": "Seed",
}
ERROR = "new_run_error"
COPIED = "copied_run"
LAST_START = "last_start"
DOUBLE_CLICK_SECONDS = 2.0


def form(visit: frame.Visit) -> None:
    """All choices for a new run, and its Start button; a refused start keeps every choice."""
    st.subheader("New run", anchor=False)
    text = texts.choose(visit, "Text")
    st.page_link("pages/1_Data.py", label="Bring a text of your own", icon=":material/upload:")
    cutting.choose()
    presets = _presets()
    if st.session_state.get("preset") not in presets:
        st.session_state["preset"] = "gpt2"
    name = st.segmented_control(
        "Preset",
        list(presets),
        format_func=lambda name: name if name in PRESETS else "copy",
        required=True,
        key="preset",
        persist_state="session",
        help="A recipe to start from; everything in it can be changed below.",
    )
    preset = presets[name]
    st.caption(preset.summary)
    _setting(preset, "max_steps", name)
    with st.expander("All settings"):
        for setting in (*MODEL_SETTINGS, *TRAIN_SETTINGS):
            _setting(preset, setting, name)
    _describe(visit, text, preset, _changes(preset, name))
    st.button(
        "Start training",
        type="primary",
        icon=":material/play_arrow:",
        width="stretch",
        on_click=_start,
        args=(visit,),
    )
    if error := st.session_state.pop(ERROR, None):
        st.error(frame.sentence(error))


def _presets() -> dict[str, Preset]:
    """The presets, and behind them the settings of the run that was last duplicated."""
    presets = dict(PRESETS)
    if copied := st.session_state.get(COPIED):
        run: Run = copied
        shape = {name: getattr(run.model, name) for name in MODEL_SETTINGS}
        train = run.train.replace(lr_decay_steps=None)
        summary = f"The settings of {frame.plain(run.name)}: change what you like."
        presets[f"copy-{run.id}"] = Preset(summary, shape, train)
    return presets


def copy_settings(run: Run) -> None:
    """Puts a run's text and settings into the form, to be changed and started as another run."""
    st.session_state[COPIED] = run
    st.session_state["preset"] = f"copy-{run.id}"
    texts.choose_next(run.text_id)
    tokenizer = tokenizers.load(run.tokenizer)
    cutting.choose_next(tokenizer.kind, tokenizer.vocab_size)


def _setting(preset: Preset, name: str, preset_name: str) -> None:
    """A widget for one setting, bounded and explained by its field."""
    value, bounds = _default(preset, name), _field(name).metadata
    common = {
        "label": LABELS[name],
        "value": value,
        "key": _key(preset_name, name),
        "help": bounds["help"],
        "persist_state": "session",
    }
    if isinstance(value, bool):
        st.toggle(**common)
    elif isinstance(value, int):
        st.number_input(min_value=bounds["low"], max_value=bounds["high"], step=1, **common)
    else:
        st.number_input(
            min_value=bounds["low"], max_value=bounds["high"], step=value / 10 or 0.01,
            format="%g", **common,
        )  # fmt: skip


def _key(preset_name: str, name: str) -> str:
    return f"{preset_name}.{name}"


def _field(name: str) -> Field:
    return next(spec for spec in (*fields(GPTConfig), *fields(TrainConfig)) if spec.name == name)


def _default(preset: Preset, name: str) -> Any:
    config = preset.model(vocab_size=100) if name in MODEL_SETTINGS else preset.train
    return getattr(config, name)


def _changes(preset: Preset, preset_name: str) -> dict[str, Any]:
    """Every setting as it stands on the page."""
    return {
        name: st.session_state.get(_key(preset_name, name), _default(preset, name))
        for name in ("max_steps", *MODEL_SETTINGS, *TRAIN_SETTINGS)
    }


def _configs(
    visit: frame.Visit, text: Text, preset: Preset, changes: dict[str, Any]
) -> tuple[tokenizers.Tokenizer, GPTConfig, TrainConfig]:
    """The tokenizer and both configs of a run with these choices. Raises InputError."""
    tokenizer = services.tokenizer(text.id, *cutting.chosen())
    model = preset.model(
        tokenizer.vocab_size, **{k: v for k, v in changes.items() if k in MODEL_SETTINGS}
    )
    train = preset.train.replace(**{k: v for k, v in changes.items() if k not in MODEL_SETTINGS})
    visit.limits.check_run(model, train)
    return tokenizer, model, train


def _describe(visit: frame.Visit, text: Text, preset: Preset, changes: dict[str, Any]) -> None:
    """How large the model is and how much it will read, or why these settings cannot be."""
    try:
        _, model, train = _configs(visit, text, preset, changes)
        tokens = services.cut(text.id, *cutting.chosen()).tokens
    except InputError as error:
        st.warning(frame.sentence(error))
        return
    read = train.max_steps * train.batch_size * model.block_size
    st.caption(
        f"**{model.num_parameters():,} parameters**, vocabulary {model.vocab_size:,}. "
        f"It will read {read:,} tokens: the text {read / tokens:,.1f} times over.",
        help=GLOSSARY["parameters"],
    )


def _start(visit: frame.Visit) -> None:
    """Puts the run into the store, where the worker finds it, and into the URL.

    The choices are read now: a number may have been changed by the very click that started this.
    A second click right after the first starts nothing more.
    """
    preset_name = st.session_state["preset"]
    preset = _presets()[preset_name]
    changes = _changes(preset, preset_name)
    try:
        text = texts.chosen(visit)
        asked = (text.id, cutting.chosen(), preset_name, tuple(changes.items()))
        before, at = st.session_state.get(LAST_START, (None, 0.0))
        if asked == before and time.monotonic() - at < DOUBLE_CLICK_SECONDS:
            return
        tokenizer, model, train = _configs(visit, text, preset, changes)
        name = f"{text.name}, {preset_name if preset_name in PRESETS else 'copy'}"
        if tokenizer.kind == "bpe":
            name += f", BPE {tokenizer.vocab_size:,}"
        run_id = launch(
            visit.store, visit.limits, visit.workspace, name, text.id, tokenizer, model, train
        )
    except InputError as error:
        st.session_state[ERROR] = str(error)
    else:
        st.session_state[LAST_START] = asked, time.monotonic()
        frame.show_run(run_id)
        st.toast("The new run is in line: its curve is at the top of the page.")


def take_file(visit: frame.Visit) -> None:
    """Brings in a run that was downloaded here or exported by the command line."""
    with st.expander("Bring a run from a file", icon=":material/upload_file:"):
        file = st.file_uploader(
            "A run's .safetensors file",
            type=["safetensors"],
            help="Made by Download on this page, or by `python -m minigpt export`.",
        )
        taken = st.session_state.setdefault("taken_runs", set())
        if file is None or file.file_id in taken:
            return
        try:
            own = visit.store.runs(visit.workspace)
            visit.limits.check_room(len(own), visit.store.used_bytes())
            bundle.check_size(file.size, visit.limits)
            run_id = bundle.import_run(
                visit.store, file.getvalue(), visit.workspace, limits=visit.limits
            )
        except InputError as error:
            st.error(frame.sentence(error))
        else:
            taken.add(file.file_id)
            frame.show_run(run_id)
            st.rerun()
