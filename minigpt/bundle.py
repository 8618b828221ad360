"""A run as one .safetensors file: weights, snapshots and metrics, with its settings as metadata.

Nothing here imports torch: the bundled demo run is unpacked before the first page is painted.
"""

import hashlib
import json
import struct
from dataclasses import fields, replace
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from minigpt import tokenizers
from minigpt.config import GPTConfig, InputError, TrainConfig
from minigpt.corpus.library import ASSETS
from minigpt.limits import Limits
from minigpt.store import EVERYONE, MAX_NAME, NO_WEIGHTS, MetricsRow, Results, Run, Store

FORMAT = "1"
MAX_HEADER = 8_000_000  # bytes; samples are in it
MAX_SNAPSHOTS = 64
MAX_STEP = 1_000_000
MAX_TOKEN = 1_000  # characters
# Columns of the table; `accuracy` is a tensor by itself, in the runs that have it.
METRICS = [spec.name for spec in fields(MetricsRow) if spec.name != "accuracy"]
VAL_LOSS = METRICS.index("val_loss")
DEMO = ASSETS / "demo.safetensors"


class NotARun(InputError):
    """A file that is not a whole run exported by minigpt."""

    def __init__(self, why: str) -> None:
        super().__init__(f"this file is not a run exported by minigpt: {why}")


def export_run(store: Store, run: Run, most_snapshots: int | None = None) -> bytes:
    """The run as the bytes of a .safetensors file, with at most so many snapshots, the first and
    last among them. Raises InputError when the run has no weights yet."""
    if most_snapshots is not None and most_snapshots < 2:
        raise InputError(f"{most_snapshots} snapshots are too few: keep at least 2")
    checkpoint = store.checkpoint(run.id)
    if not checkpoint:
        waits = "this run has no weights to export yet: let it train, or pause it"
        raise InputError(waits if run.state == "running" else NO_WEIGHTS[run.state])
    steps = [step for step in store.snapshot_steps(run.id) if step <= checkpoint[0]]
    if most_snapshots is not None and len(steps) > most_snapshots:
        kept = np.linspace(0, len(steps) - 1, most_snapshots).round().astype(int)
        steps = [steps[i] for i in dict.fromkeys(kept.tolist())]
    tensors = {
        f"weights.{name.removeprefix('model.')}": tensor
        for name, tensor in safetensors.numpy.load(checkpoint[1]).items()
        if name.startswith("model.")
    }
    for step in steps:
        for name, tensor in safetensors.numpy.load(store.snapshot(run.id, step)).items():
            tensors[f"snapshots.{step}.{name}"] = tensor
    curves = store.curves(run.id)
    table = np.stack([getattr(curves, name) for name in METRICS], axis=1)
    tensors["metrics"] = table[: checkpoint[0]]  # a run that trains on may be further by now
    if not np.isnan(curves.accuracy).all():
        tensors["accuracy"] = curves.accuracy[: checkpoint[0]].copy()  # a row of its own
    about = {
        "name": run.name,
        "text_id": run.text_id,
        "step": checkpoint[0],
        "tokenizer": run.tokenizer,
        "model": run.model.to_json(),
        "train": run.train.to_json(),
        "characters_per_token": run.characters_per_token,
        "samples": store.samples(run.id),
    }
    return safetensors.numpy.save(tensors, metadata={"minigpt": FORMAT, "run": json.dumps(about)})


def import_run(
    store: Store,
    data: bytes,
    workspace: str,
    run_id: str | None = None,
    limits: Limits | None = None,
) -> str:
    """Adds the run in `data` to the store, as ended, and returns its id.

    Trusts nothing: size, then header, then settings within their bounds, then the names, shapes and
    types those settings call for; only then are tensors read, and they have to be finite. Raises
    InputError, and adds nothing, at the first that does not fit.
    """
    limits = limits or Limits.from_environment()
    check_size(len(data), limits)
    entries, about = _header(data)
    try:
        model = GPTConfig.from_json(about["model"])
        train = TrainConfig.from_json(about["train"])
        limits.check_model(model)
        tokenizer = tokenizers.load(about["tokenizer"])
        name, step, samples = about["name"], about["step"], about["samples"]
        characters_per_token = about.get("characters_per_token", 1.0)
    except (KeyError, TypeError) as error:
        raise NotARun(f"{error!r}") from error
    if tokenizer.vocab_size != model.vocab_size:
        raise NotARun("its tokenizer and its model have different vocabularies")
    if not (isinstance(name, str) and 1 <= len(name) <= MAX_NAME):
        raise NotARun(f"its name does not have between 1 and {MAX_NAME} characters")
    if type(step) is not int or not 0 <= step <= train.max_steps:
        raise NotARun("the step it has come to is not one of its training")
    if type(characters_per_token) is not float or not 0 < characters_per_token < MAX_TOKEN:
        raise NotARun("it does not say how many characters its tokens have")
    if not _are_samples(samples):
        raise NotARun("its samples are not pairs of step and text")
    steps = _check_entries(entries, model, step)
    try:
        tensors = safetensors.numpy.load(data)
    except SafetensorError as error:
        raise NotARun(f"its tensors are damaged ({error})") from error
    results = _results(tensors, steps, step, samples)
    results = replace(results, state="finished" if step == train.max_steps else "stopped")
    # The text itself does not travel; where the store has the same one, the run finds it again.
    text_id = about.get("text_id") if store.has_text(about.get("text_id")) else None
    return store.create_run(
        workspace, name, text_id, tokenizer.to_json(), model, train,
        characters_per_token=characters_per_token, run_id=run_id, results=results,
    )  # fmt: skip


def check_size(size: int, limits: Limits) -> None:
    """Raises InputError when a file is larger than this installation imports."""
    if size > 1_000_000 * limits.max_import_mb:
        raise InputError(
            f"the file has {size / 1e6:,.1f} MB, this installation imports at most "
            f"{limits.max_import_mb:,}: export the run again with fewer snapshots"
        )


def _header(data: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """The tensors' descriptions and what the file says about the run; no tensor is read."""
    if len(data) < 8:
        raise NotARun("it is too short")
    (length,) = struct.unpack("<Q", data[:8])
    if length > min(MAX_HEADER, len(data) - 8):
        raise NotARun("its header is too long")
    try:
        header = json.loads(data[8 : 8 + length])
        metadata = header.pop("__metadata__")
        if metadata["minigpt"] != FORMAT:
            raise NotARun("it was exported by another version")
        about = json.loads(metadata["run"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise NotARun("its header does not say so") from error
    if not isinstance(about, dict):
        raise NotARun("its header does not say so")
    return header, about


def _are_samples(samples: object) -> bool:
    return isinstance(samples, list) and all(
        isinstance(sample, list)
        and len(sample) == 2
        and type(sample[0]) is int
        and 0 <= sample[0] <= MAX_STEP
        and isinstance(sample[1], str)
        for sample in samples
    )


def _check_entries(entries: dict[str, Any], model: GPTConfig, step: int) -> list[int]:
    """Raises InputError unless the tensors are just a run's; returns the steps of its snapshots."""
    shapes = model.weight_shapes()
    numbers = {name.split(".")[1] for name in entries if name.startswith("snapshots.")}
    possible = {str(number) for number in range(step + 1)}
    if not (1 <= len(numbers) <= MAX_SNAPSHOTS and numbers <= possible):
        raise NotARun("its snapshots are not of steps of its training")
    expected = {f"weights.{name}": ("F32", shape) for name, shape in shapes.items()}
    for number in numbers:
        expected |= {f"snapshots.{number}.{name}": ("F16", shape) for name, shape in shapes.items()}
    expected["metrics"] = ("F64", (step, len(METRICS)))
    if "accuracy" in entries:
        expected["accuracy"] = ("F64", (step,))
    try:
        found = {name: (entry["dtype"], tuple(entry["shape"])) for name, entry in entries.items()}
    except (TypeError, KeyError) as error:
        raise NotARun("its header does not describe its tensors") from error
    if found != expected:
        names = sorted(found.keys() | expected.keys())
        wrong = next(name for name in names if found.get(name) != expected.get(name))
        raise NotARun(f"{wrong[:80]} is not what its settings call for")
    return sorted(map(int, numbers))


def _results(
    tensors: dict[str, np.ndarray], steps: list[int], step: int, samples: list[list]
) -> Results:
    """The contents of the file as the store keeps them. Raises InputError on NaN or infinity."""
    table = tensors.pop("metrics")
    accuracy = tensors.pop("accuracy", np.full(step, np.nan))
    wrong = [name for name, tensor in tensors.items() if not np.isfinite(tensor).all()]
    unmeasured = np.isnan(table[:, VAL_LOSS])
    if wrong or not np.isfinite(table[:, np.arange(table.shape[1]) != VAL_LOSS]).all():
        raise NotARun(f"not all numbers in {wrong[0] if wrong else 'metrics'} are finite")
    if np.isinf(table[:, VAL_LOSS]).any() or (table[:, 0] != np.arange(1, step + 1)).any():
        raise NotARun("its metrics are not those of each step")
    if not (np.isnan(accuracy) | ((accuracy >= 0) & (accuracy <= 1))).all():
        raise NotARun("its accuracy is not a share")
    rows = zip(
        table.tolist(), unmeasured.tolist(), accuracy.tolist(), np.isnan(accuracy).tolist(),
        strict=True,
    )  # fmt: skip
    metrics = [
        MetricsRow(
            int(row[0]), int(row[1]), row[2], None if hidden else row[3], *row[4:],
            None if unasked else right,
        )
        for row, hidden, right, unasked in rows
    ]  # fmt: skip

    def packed(prefix: str, new_prefix: str = "") -> bytes:
        return safetensors.numpy.save(
            {
                new_prefix + name.removeprefix(prefix): tensor
                for name, tensor in tensors.items()
                if name.startswith(prefix)
            }
        )

    return Results(
        metrics=metrics,
        samples=[(at, text) for at, text in samples],
        snapshots=[(at, packed(f"snapshots.{at}.")) for at in steps],
        checkpoint=(step, packed("weights.", "model.")),
    )


def ensure_demo(store: Store) -> str:
    """The id of the bundled demo run, unpacked into the store unless it is there already."""
    data = DEMO.read_bytes()
    run_id = f"demo{hashlib.sha256(data).hexdigest()[:12]}"
    demos = {run.id for run in store.runs(EVERYONE) if run.id.startswith("demo")}
    if run_id not in demos:
        import_run(store, data, EVERYONE, run_id)
    for older in demos - {run_id}:  # of an earlier version of the app
        store.delete_run(older)
    return run_id
