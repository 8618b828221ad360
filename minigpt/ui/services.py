"""What all sessions of one server share: the store, the worker's supervisor, loaded models."""

import gc
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from minigpt import bundle, tokenizers
from minigpt.config import InputError
from minigpt.corpus import LIBRARY, Baselines, fit_baselines, split
from minigpt.store import LIBRARY_SHELF, Run, Store, home
from minigpt.supervisor import Supervisor

if TYPE_CHECKING:
    from minigpt.model import GPT


def store() -> Store:
    """The store of this server, with the library and the demo run in it."""
    return _open(home().resolve())


@st.cache_resource(show_spinner=False)
def _open(folder: Path) -> Store:
    opened = Store(folder)
    for text in LIBRARY.values():
        opened.add_text(LIBRARY_SHELF, text.title, text.read())
    bundle.ensure_demo(opened)
    _supervisor(folder)
    # All that is imported by now stays: the collector need not look at it again.
    gc.collect()
    gc.freeze()
    return opened


@st.cache_resource(show_spinner=False)
def _supervisor(folder: Path) -> Supervisor:
    return Supervisor(folder)


def trouble() -> str:
    """What keeps the worker from working, in words; empty when nothing does."""
    return _supervisor(home().resolve()).trouble


@st.cache_resource(show_spinner=False)
def demo_id(_store: Store) -> str:
    """The id of the bundled demo run."""
    return bundle.ensure_demo(_store)


def model(run: Run, step: int | None = None) -> "GPT":
    """A run's model at a kept step, or as far as it has come. Raises InputError if it has none."""
    newest = store().weights_step(run.id)
    if newest is None:
        raise InputError("this run has no weights yet: wait until it has made its first step")
    if step in (None, newest):
        return _model(home().resolve(), run.id, newest, True)
    return _model(home().resolve(), run.id, step, False)


@st.cache_resource(max_entries=12, show_spinner="Loading the model …")
def _model(folder: Path, run_id: str, step: int, newest: bool) -> "GPT":
    import torch

    from minigpt.weights import load_model

    torch.set_num_threads(1)  # the cores belong to the worker; one token at a time needs no more
    # While torch was loading, a training run may have replaced the checkpoint of that step.
    return load_model(_open(folder), _open(folder).run(run_id), None if newest else step)


@st.cache_data(max_entries=64, show_spinner=False)
def baselines(run_id: str) -> Baselines | None:
    """What counting reaches on a run's text; None without the text or a validation part."""
    run = store().run(run_id)
    if run.text_id is None:
        return None
    tokenizer = tokenizers.load(run.tokenizer)
    ids = np.array(tokenizer.encode(store().text(run.text_id)))
    train_ids, val_ids = split(ids, run.train.val_fraction, run.model.block_size)
    if len(val_ids) < 2:
        return None
    return fit_baselines(train_ids, val_ids, tokenizer.vocab_size)
