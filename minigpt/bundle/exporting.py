"""A run of the store as the bytes of a file."""

import hmac
import json
import secrets
from functools import cache

import numpy as np
import safetensors.numpy

from minigpt.bundle.format import BLANK, FORMAT, METRICS, seal
from minigpt.config import InputError
from minigpt.corpus.library import LIBRARY
from minigpt.store import Run, Store, text_id_of


def export_run(store: Store, run: Run, most_snapshots: int | None = None) -> bytes:
    """The run as the bytes of a .safetensors file, with at most so many snapshots, the first and
    last among them. Raises InputError when the run has no weights yet."""
    if most_snapshots is not None and most_snapshots < 2:
        raise InputError(f"{most_snapshots} snapshots are too few: keep at least 2")
    at, weights = store.trained_weights(run)  # a run that trains on may be further by now
    steps = [step for step in store.snapshot_steps(run.id) if step <= at]
    if most_snapshots is not None and len(steps) > most_snapshots:
        kept = np.linspace(0, len(steps) - 1, most_snapshots).round().astype(int)
        steps = [steps[i] for i in dict.fromkeys(kept.tolist())]
    tensors = {f"weights.{name}": tensor for name, tensor in weights.items()}
    for step in steps:
        for name, tensor in safetensors.numpy.load(store.snapshot(run.id, step)).items():
            tensors[f"snapshots.{step}.{name}"] = tensor
    curves = store.curves(run.id)
    table = np.stack([getattr(curves, name) for name in METRICS], axis=1)
    tensors["metrics"] = table[:at]
    if not np.isnan(curves.accuracy).all():
        tensors["accuracy"] = curves.accuracy[:at].copy()  # a row of its own
    about = {
        "name": run.name,
        "text": _told(store, run),
        "step": at,
        "tokenizer": run.tokenizer,
        "model": run.model.to_json(),
        "train": run.train.to_json(),
        "characters_per_token": run.characters_per_token,
        "samples": [sample for sample in store.samples(run.id) if sample[0] <= at],
    }
    metadata = {"minigpt": FORMAT, "run": json.dumps(about), "sha256": BLANK}
    return seal(safetensors.numpy.save(tensors, metadata=metadata))


@cache
def public_text() -> str:
    """The id of the text that comes with every minigpt, and that the demo run has learned."""
    return text_id_of(LIBRARY["tales"].read())


def _told(store: Store, run: Run) -> dict[str, str]:
    """What the file says of the run's text: that it is the public one, or a mark that only the
    store which made it can read, and only for the run's owner.

    A hash of the text would tell it, if it is short enough to be guessed, to whoever has the file.
    """
    if run.text_id is None:
        return {}
    if run.text_id == public_text():
        return {"id": run.text_id}
    salt = secrets.token_hex(16)
    return {"salt": salt, "mark": mark(store, salt, run.workspace, run.text_id)}


def mark(store: Store, salt: str, workspace: str, text_id: str) -> str:
    """A text's name in a file: without the store's secret it is noise, and other in each file."""
    return hmac.digest(store.secret(), f"{salt} {text_id} {workspace}".encode(), "sha256").hex()
