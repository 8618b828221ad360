"""A run of the store as the bytes of a file."""

import hmac
import json
import secrets
from functools import cache
from io import BytesIO
from typing import NamedTuple

import numpy as np

from minigpt.bundle.format import METRICS, file_of
from minigpt.config import InputError
from minigpt.corpus.library import LIBRARY
from minigpt.limits import most_that
from minigpt.store import Run, Store, text_id_of
from minigpt.store.tensors import tensors

OF_A_TENSOR = 200  # bytes at most that a header says of one


class Contents(NamedTuple):
    """What goes into a run's file."""

    steps: list[int]  # of the snapshots
    kept: int  # how many there are in the store
    bytes: int  # of the file, or some hundred more for each tensor


def contents(
    store: Store, run: Run, most_snapshots: int | None = None, most_bytes: int | None = None
) -> Contents:
    """What `export_run` would write now, told without reading any weights. Raises InputError as
    it does."""
    at = store.trained_step(run)
    return _contents(store, run, at, _said(store, run, at), most_snapshots, most_bytes)


def export_run(
    store: Store, run: Run, most_snapshots: int | None = None, most_bytes: int | None = None
) -> bytes:
    """The run as the bytes of a .safetensors file, with at most so many snapshots, and as many as
    fit into so many bytes: evenly chosen, the first and last among them. It takes twice the file.

    Raises InputError when the run has no weights yet, or those two snapshots do not fit.
    """
    at, weights = store.trained_weights(run)  # a run that trains on may be further by now
    said = _said(store, run, at)
    chosen = _contents(store, run, at, said, most_snapshots, most_bytes)
    curves = store.curves(run.id)
    parts = {"metrics": np.stack([getattr(curves, name)[:at] for name in METRICS], axis=1)}
    if not np.isnan(curves.accuracy).all():
        parts["accuracy"] = curves.accuracy[:at]
    parts |= {f"weights.{name}": tensor for name, tensor in weights.items()}
    for step in chosen.steps:
        snapshot = tensors(BytesIO(store.snapshot(run.id, step)))
        parts |= {f"snapshots.{step}.{name}": tensor for name, tensor in snapshot.items()}
    return file_of(parts, said)


def _contents(
    store: Store, run: Run, at: int, said: str, most_snapshots: int | None, most_bytes: int | None
) -> Contents:
    if most_snapshots is not None and most_snapshots < 2:
        raise InputError(f"{most_snapshots} snapshots are too few: keep at least 2")
    sizes = {step: size for step, size in store.snapshot_sizes(run.id).items() if step <= at}
    steps, names = [*sizes], len(run.model.weight_shapes())
    weights = 4 * run.model.num_parameters() + OF_A_TENSOR * names
    metrics = 8 * (len(METRICS) + 1) * at
    beside = weights + metrics + len(json.dumps(said)) + 4 * OF_A_TENSOR

    def evenly(n: int) -> list[int]:
        kept = np.linspace(0, len(steps) - 1, n).round().astype(int)
        return [steps[i] for i in dict.fromkeys(kept.tolist())]

    def size(n: int) -> int:
        return beside + sum(sizes[step] + OF_A_TENSOR * names for step in evenly(n))

    n = len(steps) if most_snapshots is None else min(most_snapshots, len(steps))
    if most_bytes is not None:
        least = min(2, n)
        if size(least) > most_bytes:
            raise InputError(
                f"this run's file would have {size(least) / 1e6:,.1f} MB with no more than two "
                f"snapshots, and here it may have {most_bytes / 1e6:,.1f}: on the command line, "
                "python -m minigpt export writes it whatever its size"
            )
        n = max(least, most_that(lambda n: size(n) <= most_bytes, n))
    return Contents(evenly(n), len(steps), size(n))


def _said(store: Store, run: Run, at: int) -> str:
    """What the file says of a run that has come to the step `at`, as JSON."""
    return json.dumps(
        {
            "name": run.name,
            "text": _told(store, run),
            "step": at,
            "tokenizer": run.tokenizer,
            "model": run.model.to_json(),
            "train": run.train.to_json(),
            "characters_per_token": run.characters_per_token,
            "samples": [sample for sample in store.samples(run.id) if sample[0] <= at],
        }
    )


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
