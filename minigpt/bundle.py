"""A run as one .safetensors file: weights, snapshots and metrics, with its settings as metadata.

Nothing here imports torch: the bundled demo run is unpacked before the first page is painted.
"""

import hashlib
import json
import struct
from dataclasses import fields
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from minigpt import tokenizers
from minigpt.config import GPTConfig, InputError, TrainConfig
from minigpt.corpus.library import ASSETS
from minigpt.store import EVERYONE, MetricsRow, Results, Run, Store

FORMAT = "1"
DEMO = ASSETS / "demo.safetensors"


def export_run(store: Store, run: Run, most_snapshots: int | None = None) -> bytes:
    """The run as the bytes of a .safetensors file, with at most so many snapshots, the first and
    last among them. Raises InputError when the run has no weights yet."""
    checkpoint, steps = store.checkpoint(run.id), store.snapshot_steps(run.id)
    if not checkpoint or not steps:
        raise InputError("this run has no weights to export yet: let it train, or pause it")
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
    tensors["metrics"] = np.stack(
        [getattr(curves, spec.name) for spec in fields(MetricsRow)], axis=1
    )
    about = {
        "name": run.name,
        "text_id": run.text_id,
        "step": checkpoint[0],
        "tokenizer": run.tokenizer,
        "model": run.model.to_json(),
        "train": run.train.to_json(),
        "samples": store.samples(run.id),
    }
    return safetensors.numpy.save(tensors, metadata={"minigpt": FORMAT, "run": json.dumps(about)})


def import_run(store: Store, data: bytes, workspace: str, run_id: str | None = None) -> str:
    """Adds the run in `data` to the store, as stopped, and returns its id.

    Raises InputError, and adds nothing, unless the file is a run of minigpt whose weights have
    exactly the names, shapes and types its settings call for, and are finite numbers.
    """
    about, tensors = _unpack(data)
    try:
        model = GPTConfig.from_json(about["model"])
        train = TrainConfig.from_json(about["train"])
        name, step, samples = str(about["name"])[:80], int(about["step"]), about["samples"]
        if tokenizers.load(about["tokenizer"]).vocab_size != model.vocab_size:
            raise InputError("this run's tokenizer and model have different vocabularies")
        samples = [(int(at), str(text)) for at, text in samples]
        metrics = [_metrics_row(row) for row in tensors.pop("metrics")]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"this file does not hold a whole run of minigpt: {error}") from error
    groups: dict[str, dict[str, np.ndarray]] = {}
    for key, tensor in tensors.items():
        group, _, weight = key.partition(".")
        if group == "snapshots":
            number, _, weight = weight.partition(".")
            group = f"{group}.{number}"
        groups.setdefault(group, {})[weight] = tensor
    for group, weights in groups.items():
        _check_weights(model, weights, np.float32 if group == "weights" else np.float16)
    final = groups.pop("weights", None)
    if final is None or not all(group.removeprefix("snapshots.").isdecimal() for group in groups):
        raise InputError("this file does not hold a whole run of minigpt")
    results = Results(
        metrics=metrics,
        samples=samples,
        snapshots=[
            (int(group.removeprefix("snapshots.")), safetensors.numpy.save(weights))
            for group, weights in groups.items()
        ],
        checkpoint=(
            step,
            safetensors.numpy.save({f"model.{weight}": tensor for weight, tensor in final.items()}),
        ),
        state="finished" if step >= train.max_steps else "stopped",
    )
    # The text itself does not travel; where the store has the same one, the run finds it again.
    text_id = about.get("text_id") if store.has_text(about.get("text_id")) else None
    return store.create_run(
        workspace, name, text_id, about["tokenizer"], model, train, run_id=run_id, results=results
    )


def _unpack(data: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The metadata and the tensors of a bundle."""
    try:
        tensors = safetensors.numpy.load(data)
        (length,) = struct.unpack("<Q", data[:8])
        metadata = json.loads(data[8 : 8 + length]).get("__metadata__", {})
        if metadata.get("minigpt") != FORMAT:
            raise InputError("this .safetensors file was not exported by this version of minigpt")
        about = json.loads(metadata["run"])
    except (SafetensorError, json.JSONDecodeError, KeyError) as error:
        raise InputError(f"this is not a run exported by minigpt: {error}") from error
    return about, tensors


def _metrics_row(row: np.ndarray) -> MetricsRow:
    step, tokens, train_loss, val_loss, lr, grad_norm, seconds = row.tolist()
    measured = None if np.isnan(val_loss) else val_loss
    return MetricsRow(int(step), int(tokens), train_loss, measured, lr, grad_norm, seconds)


def _check_weights(model: GPTConfig, weights: dict[str, np.ndarray], dtype: type) -> None:
    """Raises InputError unless `weights` are those of `model`, all finite."""
    if {name: tensor.shape for name, tensor in weights.items()} != model.weight_shapes():
        raise InputError("the weights in this file do not have the shapes its settings call for")
    if any(tensor.dtype != dtype or not np.isfinite(tensor).all() for tensor in weights.values()):
        raise InputError("some weights in this file are not finite numbers of the right type")


def ensure_demo(store: Store) -> str:
    """The id of the bundled demo run, unpacked into the store unless it is there already."""
    data = DEMO.read_bytes()
    run_id = f"demo{hashlib.sha256(data).hexdigest()[:12]}"
    if run_id not in {run.id for run in store.runs(EVERYONE)}:
        import_run(store, data, EVERYONE, run_id)
    return run_id
