"""What the bounded child does for pages: heavy on a large text or file, plain in what it returns.

The functions on a text take its body; `on_text` reads it from the store, so that it never travels.
A page calls them itself on a text that is so short that they cost little.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from minigpt import bundle, findings, tokenizers
from minigpt.config import GPTConfig, TrainConfig
from minigpt.corpus import (
    CLEANINGS,
    characters_per_token,
    clean,
    describe,
    fit_baselines,
    histories,
    measured_on,
    reading,
    trained_on,
)
from minigpt.corpus.baselines import NGrams
from minigpt.engine import launch as launching
from minigpt.engine.bounded import Work
from minigpt.limits import Limits
from minigpt.store import Store
from minigpt.tokenizers import unfamiliar

SHORTER = "bring a shorter text"
SMALLER = "choose a smaller vocabulary, or bring a shorter text"
# What each of these is called where somebody waits for it, or it is stopped.
WORKS = {
    work.name: work
    for work in (
        Work("merges", "learning merges", SMALLER, seconds=120),
        Work("characters", "finding the characters", SHORTER),
        Work("cut", "cutting the text into tokens", SMALLER, seconds=120),
        Work("met", "cutting the text into tokens", SHORTER, seconds=120),
        Work("held_out", "cutting the text into tokens", SHORTER, seconds=120),
        Work("levels", "counting", SHORTER, seconds=120),
        Work("trigram_nats", "counting", SHORTER, seconds=120),
        Work("known_from", "counting", SHORTER, seconds=120),
        Work("frequency_losses", "counting", SHORTER, seconds=120),
        Work("statistics", "counting", SHORTER),
        Work("cleaned", "cleaning up", SHORTER),
        Work("source", "sorting the training text", "train on a shorter text", seconds=120),
        Work("trace", "sorting the training text", "train on a shorter text", seconds=120),
        Work("launch", "cutting the text into tokens", SMALLER, seconds=120, stays=True),
        Work("encodings", "reading the file", "save it as plain text in UTF-8, or a part of it"),
        Work(
            "read",
            "reading the file",
            "save its text as .txt in UTF-8 and bring that, or a part of it",
            seconds=10,
        ),
        Work(
            "import_run",
            "reading the file",
            "export the run again with fewer snapshots",
            seconds=60,
            stays=True,
        ),
        Work("export_run", "making the file", "python -m minigpt export makes it too"),
    )
}


def on_text(folder: str, text_id: str, name: str, *arguments: Any) -> Any:
    """One of the functions below on a text of the store in that folder."""
    if name != "trace":
        _newest.clear()
    return globals()[name](_body(folder, text_id), *arguments)


def _body(folder: str, text_id: str) -> str:
    store = Store(Path(folder))
    try:
        return store.text(text_id)
    finally:
        store.close()


def characters(body: str) -> str:
    """The tokenizer of a text's characters, as JSON."""
    return tokenizers.CharTokenizer.train(body).to_json()


def merges(body: str, vocab_size: int) -> dict[str, Any]:
    """The BPE tokenizer of a text, and from how many of its characters it has learned."""
    trained = tokenizers.BPETokenizer.train(body, vocab_size)
    return {"tokenizer": trained.to_json(), "learned_from": trained.learned_from}


def cut(body: str, tokenizer: str) -> dict[str, Any]:
    """What a tokenizer makes of a text: counts, and what counting reaches on it."""
    chosen = tokenizers.load(tokenizer)
    ids = chosen.encode_array(body)
    n = trained_on(len(ids), TrainConfig().val_fraction)
    baselines = fit_baselines(ids[:n], ids[n:], chosen.vocab_size) if n < len(ids) else None
    return {
        "tokens": len(ids),
        "characters_per_token": characters_per_token(chosen, measured_on(ids, n)),
        "counts": np.bincount(ids, minlength=chosen.vocab_size),
        "joined": chosen.applied(ids) if chosen.kind == "bpe" else None,
        "baselines": baselines and asdict(baselines),
    }


def met(body: str, tokenizer: str, val_fraction: float) -> np.ndarray:
    """Which tokens stand in the part that is trained on: bool (V,)."""
    return unfamiliar.met(tokenizers.load(tokenizer), _trained(body, tokenizer, val_fraction))


def held_out(body: str, tokenizer: str, val_fraction: float) -> np.ndarray:
    """The ids of the part that is not trained on: uint16 (n,)."""
    ids = tokenizers.load(tokenizer).encode_array(body)
    return ids[trained_on(len(ids), val_fraction) :]


def levels(body: str, tokenizer: str, val_fraction: float, block_size: int) -> dict[str, Any]:
    """What a run's losses are compared with."""
    return asdict(findings.levels(body, tokenizer, val_fraction, block_size))


def trigram_nats(body: str, tokenizer: str, val_fraction: float, windows: np.ndarray) -> np.ndarray:
    """What each token of windows (n, T) but the first costs a trigram model of the part that is
    trained on, in nats: (n, T - 1)."""
    size = tokenizers.load(tokenizer).vocab_size
    return NGrams(_trained(body, tokenizer, val_fraction), size).trigram_nats(windows)


def known_from(body: str, tokenizer: str, val_fraction: float, windows: np.ndarray) -> np.ndarray:
    """From how many tokens of history on counting tells each token of windows (n, T) but the first:
    (n, T - 1)."""
    return histories.known_from(windows, _trained(body, tokenizer, val_fraction))


def frequency_losses(
    body: str, tokenizer: str, val_fraction: float, windows: np.ndarray
) -> np.ndarray:
    """What the same tokens cost whoever knows only how often each stands in the text, in nats:
    (n, T - 1)."""
    size = tokenizers.load(tokenizer).vocab_size
    return histories.frequency_losses(windows, _trained(body, tokenizer, val_fraction), size)


def _trained(body: str, tokenizer: str, val_fraction: float) -> np.ndarray:
    """The ids of the part that is trained on: uint16 (n,)."""
    ids = tokenizers.load(tokenizer).encode_array(body)
    return ids[: trained_on(len(ids), val_fraction)]


def statistics(body: str) -> dict[str, Any]:
    """A text's numbers."""
    return asdict(describe(body))


def cleaned(body: str, names: list[str]) -> dict[str, Any]:
    """A text after clean-ups, in UTF-8, and of each how many characters it took out and, where it
    took none, how many it changed."""
    did = {}
    for name in [name for name in CLEANINGS if name in names]:
        before, body = body, clean(body, [name])
        changed = 0
        if len(before) == len(body) and before != body:
            changed = sum(map(str.__ne__, before, body))
        did[name] = [len(before), len(before) - len(body), changed]
    return {"text": body.encode(), "did": did}


def source(body: str, tokenizer: str, val_fraction: float) -> dict[str, Any]:
    """What shows how much is copied from a text, to be put together where it is used."""
    from minigpt.corpus.overlap import Source

    return Source.of(body, tokenizers.load(tokenizer), val_fraction).packed()


_newest: dict[tuple, Any] = {}  # the source that was asked last, for whoever goes on asking


def trace(body: str, tokenizer: str, val_fraction: float, written: str) -> dict[str, Any]:
    """What of `written` stands in a text whose source is too large to travel."""
    from minigpt.corpus.overlap import Source

    key = hash(body), tokenizer, val_fraction
    if key not in _newest:
        _newest.clear()
        _newest[key] = Source.of(body, tokenizers.load(tokenizer), val_fraction)
    return asdict(_newest[key].trace(written))


def launch(
    folder: str, limits: dict, workspace: str, name: str, text_id: str, tokenizer: str, model: str,
    train: str,
) -> str:  # fmt: skip
    """Puts a run on a stored text into the store; returns its id."""
    store = Store(Path(folder))
    try:
        return launching.launch(
            store, Limits(**limits), workspace, name, text_id, tokenizers.load(tokenizer),
            GPTConfig.from_json(model), TrainConfig.from_json(train),
        )  # fmt: skip
    finally:
        store.close()


def encodings(data: bytes) -> list[str]:
    """The encodings in which a file may be text, the most likely first."""
    return reading.encodings(data)


def read(
    data: bytes, name: str, encoding: str | None, bad_bytes: str | None, shows: bool
) -> dict[str, Any]:
    """The text in a file, in UTF-8, and how it was read; where that is to be shown, with passages
    that tell whether rightly."""
    found = reading.read_file(data, name, encoding, bad_bytes)
    damage = found.damage
    passages = []
    if shows:
        passages = reading.excerpts(data, found.encoding, damage and damage.read_as)
    return {
        "text": found.text.encode(),
        "encoding": found.encoding,
        "sure": found.sure,
        "damage": damage and asdict(damage),
        "passages": passages,
    }


def import_run(folder: str, data: bytes, workspace: str, limits: dict) -> str:
    """Adds the run in a file to the store; returns its id."""
    store = Store(Path(folder))
    try:
        return bundle.import_run(store, data, workspace, limits=Limits(**limits))
    finally:
        store.close()


def export_run(folder: str, run_id: str, most_bytes: int) -> bytes:
    """A run as the bytes of a file, of so many at most."""
    store = Store(Path(folder))
    try:
        return bundle.export_run(store, store.run(run_id), most_bytes=most_bytes)
    finally:
        store.close()
