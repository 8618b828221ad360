"""What all sessions of one server share: the store, the worker's supervisor, loaded models.

The process owns the store and the supervisor, for as long as it lives. Streamlit's caches hold only
what can be made again: any visitor's browser may ask the server to clear them.
"""

import gc
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from minigpt import bundle, findings, tokenizers
from minigpt.config import InputError, TrainConfig
from minigpt.corpus import (
    LIBRARY,
    Baselines,
    Statistics,
    characters_per_token,
    describe,
    fit_baselines,
    measured_on,
    trained_on,
    worlds,
)
from minigpt.engine.speed import Speed
from minigpt.engine.supervisor import Supervisor
from minigpt.limits import Limits
from minigpt.store import LIBRARY_SHELF, NO_WEIGHTS, Run, Store, home
from minigpt.tokenizers import unfamiliar
from minigpt.tokenizers.bpe import check_vocabulary

if TYPE_CHECKING:
    from minigpt.corpus.overlap import Source
    from minigpt.model import GPT

FLOOR = findings.FLOOR
USUAL_VOCABULARY = 2_048  # of BPE; whoever looks at a text's merges looks at so many


@dataclass(frozen=True)
class Server:
    """What this process serves from one folder."""

    store: Store
    supervisor: Supervisor


_servers: dict[Path, Server] = {}
_opening = threading.Lock()


def store() -> Store:
    """The store of this server, with the library and the demo run in it."""
    return _open(home().resolve())


def _open(folder: Path) -> Store:
    return _server(folder).store


def _server(folder: Path) -> Server:
    with _opening:
        if folder not in _servers:
            Limits.from_environment()  # a worker of settings that cannot be would only end again
            opened = Store(folder)
            try:
                opened.add_text(LIBRARY_SHELF, LIBRARY["tales"].title, LIBRARY["tales"].read())
                bundle.ensure_demo(opened)
                _servers[folder] = Server(opened, Supervisor(folder))
            except BaseException:
                opened.close()
                raise
            # All that is imported by now stays: the collector need not look at it again.
            gc.collect()
            gc.freeze()
        return _servers[folder]


def close() -> None:
    """Lets the workers save and leave, and closes the stores, as the end of the process would."""
    with _opening:
        while _servers:
            _, server = _servers.popitem()
            server.supervisor.close()
            server.store.close()
    st.cache_resource.clear()


def speed() -> Speed | None:
    """How fast this machine trains; None until the worker has measured it."""
    measured = store().speed()
    return Speed.from_json(measured[1]) if measured else None


def trouble() -> str:
    """What keeps the worker from working, in words; empty when nothing does."""
    return _server(home().resolve()).supervisor.trouble


def model(run: Run, step: int | None = None) -> "GPT":
    """A run's model at a kept step, or as far as it has come. Raises InputError if it has none."""
    newest = store().weights_step(run.id)
    if newest is None:
        raise InputError(NO_WEIGHTS[run.state])
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


@dataclass(frozen=True)
class Cut:
    """A text as one tokenizer cuts it: counts, not the tokens themselves, for the store has them
    at hand."""

    tokenizer: tokenizers.Tokenizer
    tokens: int
    characters_per_token: float  # where it is validated
    counts: np.ndarray  # int64 (V,): how often each token stands in the text
    joined: np.ndarray | None  # int64 (merges,): how often each merge was applied
    baselines: Baselines | None  # None where the text is too short to keep a part for validation


def tokenizer(text_id: str, kind: str, vocab_size: int) -> tokenizers.Tokenizer:
    """The tokenizer of that kind for a text. Raises InputError."""
    if kind == "char":
        return _characters(home().resolve(), text_id)
    check_vocabulary(vocab_size)
    # One training serves all smaller vocabularies: their merges are its first ones.
    trained = _bpe(home().resolve(), text_id, max(vocab_size, USUAL_VOCABULARY))
    return trained.smaller(vocab_size)


@st.cache_resource(max_entries=32, show_spinner=False)
def _characters(folder: Path, text_id: str) -> tokenizers.CharTokenizer:
    return tokenizers.CharTokenizer.train(_open(folder).text(text_id))


@st.cache_resource(max_entries=32, show_spinner="Learning merges …", show_time=True)
def _bpe(folder: Path, text_id: str, vocab_size: int) -> tokenizers.BPETokenizer:
    return tokenizers.BPETokenizer.train(_open(folder).text(text_id), vocab_size)


def cut(text_id: str, kind: str, vocab_size: int) -> Cut:
    """What a tokenizer makes of a text, remembered. Raises InputError."""
    return _cut(home().resolve(), text_id, kind, vocab_size)


@st.cache_resource(max_entries=64, show_spinner="Cutting the text into tokens …", show_time=True)
def _cut(folder: Path, text_id: str, kind: str, vocab_size: int) -> Cut:
    chosen, body = tokenizer(text_id, kind, vocab_size), _open(folder).text(text_id)
    ids = chosen.encode_array(body)
    n = trained_on(len(ids), TrainConfig().val_fraction)
    return Cut(
        tokenizer=chosen,
        tokens=len(ids),
        characters_per_token=characters_per_token(chosen, measured_on(ids, n)),
        counts=np.bincount(ids, minlength=chosen.vocab_size),
        joined=chosen.applied(ids) if kind == "bpe" else None,
        baselines=fit_baselines(ids[:n], ids[n:], chosen.vocab_size) if n < len(ids) else None,
    )


def met(run: Run) -> np.ndarray | None:
    """Which tokens a run's model met in training, bool (V,), remembered; None without its text."""
    if run.text_id is None or not store().may_read(run.workspace, run.text_id):
        return None
    return _met(home().resolve(), run.text_id, run.tokenizer, run.train.val_fraction)


@st.cache_resource(max_entries=64, show_spinner=False)
def _met(folder: Path, text_id: str, tokenizer: str, val_fraction: float) -> np.ndarray:
    chosen = tokenizers.load(tokenizer)
    ids = chosen.encode_array(_open(folder).text(text_id))
    return unfamiliar.met(chosen, ids[: trained_on(len(ids), val_fraction)])


def statistics(text_id: str) -> Statistics:
    """A text's numbers, remembered."""
    return _statistics(home().resolve(), text_id)


@st.cache_resource(max_entries=256, show_spinner="Counting …", show_time=True)
def _statistics(folder: Path, text_id: str) -> Statistics:
    return describe(_open(folder).text(text_id))


def guides(run: Run) -> dict[str, float]:
    """The level lines under a run's curve, in nats per token: what counting reaches on its text,
    and for a world's text the lowest loss possible. Empty without the text or a validation part."""
    known = levels(run)
    return {n: loss for n, loss in known.lines.items() if n != "unigram"} if known else {}


def levels(run: Run) -> findings.Levels | None:
    """All that a run's losses are compared with, remembered; None without its text.

    Whoever may look at a run sees them, and only its owner's own text or the library's lies under
    it; more digits than a picture shows would tell more of that text than the picture.
    """
    if not store().may_read(run.workspace, run.text_id):
        return None
    known = _levels(
        home().resolve(), run.text_id, run.tokenizer, run.train.val_fraction, run.model.block_size
    )
    known = findings.with_floor(known, run, store().origin(run.text_id))
    return replace(known, lines={name: round(loss, 3) for name, loss in known.lines.items()})


def asks(run: Run) -> bool:
    """Whether the run's text is of a world whose rule leaves right answers, which are counted."""
    world = worlds.load(store().origin(run.text_id)) if run.text_id else None
    return world is not None and world.asks and tokenizers.load(run.tokenizer).kind == "char"


def source(run: Run) -> "Source":
    """What shows how much of a text is copied from a run's, remembered. Raises InputError without
    that text."""
    if run.text_id is None or not store().may_read(run.workspace, run.text_id):
        raise InputError("the text this run learned from is not here any more")
    return _source(home().resolve(), run.text_id, run.tokenizer, run.train.val_fraction)


@st.cache_resource(max_entries=12, show_spinner="Sorting the training text …", show_time=True)
def _source(folder: Path, text_id: str, tokenizer: str, val_fraction: float) -> "Source":
    from minigpt.corpus.overlap import Source

    return Source.of(_open(folder).text(text_id), tokenizers.load(tokenizer), val_fraction)


@st.cache_resource(max_entries=64, show_spinner=False)
def _levels(
    folder: Path, text_id: str, tokenizer: str, val_fraction: float, block_size: int
) -> findings.Levels:
    return findings.levels(_open(folder).text(text_id), tokenizer, val_fraction, block_size)
