"""The bytes of a file as a run of the store. Nothing in them is trusted."""

import math
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import safetensors.numpy

from minigpt import tokenizers
from minigpt.bundle.exporting import mark
from minigpt.bundle.format import (
    METRICS,
    BrokenRun,
    NotARun,
    damaged,
    is_intact,
    open_header,
    parsed,
)
from minigpt.config import GPTConfig, InputError, TrainConfig
from minigpt.limits import Limits
from minigpt.metrics import Metrics, Results
from minigpt.store import LIBRARY_SHELF, Store, as_name

MAX_SNAPSHOTS = 64
MAX_SAMPLE = 50_000  # characters: 160 tokens of 256 bytes have fewer
MAX_TOLD = 300  # characters of a refusal
MAX_NUMBER = 1e30  # of what is measured: beyond it, sums and charts overflow
CHARACTERS_PER_TOKEN = (0.01, 1_000)
VAL_LOSS = METRICS.index("val_loss")
NUMBERS = {"F16": np.float16, "F32": np.float32, "F64": np.float64}


@dataclass(frozen=True)
class SavedRun:
    """A run as a file holds it: checked, and in no store yet."""

    name: str
    text: Mapping[str, str]  # by what the run finds its text again
    tokenizer: str
    model: GPTConfig
    train: TrainConfig
    characters_per_token: float
    results: Results


def check_size(size: int, limits: Limits) -> None:
    """Raises InputError when a file is larger than this installation imports."""
    if size > 1_000_000 * limits.max_import_mb:
        raise InputError(
            f"the file has {size / 1e6:,.1f} MB, this installation imports at most "
            f"{limits.max_import_mb:,}: export the run again with fewer snapshots"
        )


def import_run(
    store: Store,
    data: bytes,
    workspace: str,
    run_id: str | None = None,
    limits: Limits | None = None,
) -> str:
    """Adds the run in `data` to the store, as ended, and returns its id. Raises InputError, and
    adds nothing, when there is none in it."""
    saved = read_run(data, limits or Limits.from_environment())
    return store.create_run(
        workspace, saved.name, _own_text(store, workspace, saved.text), saved.tokenizer,
        saved.model, saved.train, characters_per_token=saved.characters_per_token, run_id=run_id,
        results=saved.results,
    )  # fmt: skip


def _own_text(store: Store, workspace: str, told: Mapping[str, str]) -> str | None:
    """The text the run has learned, where it lies on the importer's own shelf or the library's:
    who names a text in a file need not be who may read it."""
    for text in [*store.texts(workspace), *store.texts(LIBRARY_SHELF)]:
        if text.id == told.get("id"):
            return text.id
        if "mark" in told and told["mark"] == mark(store, told["salt"], workspace, text.id):
            return text.id
    return None


def read_run(data: bytes, limits: Limits) -> SavedRun:
    """The run in a file's bytes: size, then header, then settings within their bounds, then the
    names, shapes and types those settings call for; only then are numbers read.

    Raises an InputError of one sentence for all that is not just a run, whatever a parser says.
    """
    check_size(len(data), limits)
    try:
        saved = _read(data, limits)
    except BrokenRun:
        raise
    except Exception as error:  # the border: no list of what parsers raise would be complete
        if not is_intact(data):
            raise damaged() from error
        if isinstance(error, InputError):
            told = " ".join(str(error).split())
            if len(told) <= MAX_TOLD:
                raise
            raise NotARun(f"{told[:MAX_TOLD]}…") from error  # it quotes what the file says
        traceback.print_exception(error)
        raise NotARun("what it says cannot be read") from error
    if not is_intact(data):
        raise damaged()
    return saved


def _read(data: bytes, limits: Limits) -> SavedRun:
    entries, about, start = open_header(data)
    for part in ("model", "train", "tokenizer"):
        parsed(about[part])  # JSON in a string, and no smaller or better for it
    model, train = GPTConfig.from_json(about["model"]), TrainConfig.from_json(about["train"])
    limits.check_model(model)
    tokenizer = tokenizers.load(about["tokenizer"])
    if tokenizer.vocab_size != model.vocab_size:
        raise NotARun("its tokenizer and its model have different vocabularies")
    step = about["step"]
    if type(step) is not int or not 0 <= step <= train.max_steps:
        raise NotARun("the step it has come to is not one of its training")
    if step > limits.max_steps:
        raise InputError(
            f"this run has {step:,} steps, this installation keeps at most {limits.max_steps:,}: "
            "whoever runs it can set MINIGPT_MAX_STEPS"
        )
    per_token = about.get("characters_per_token", 1.0)
    least, most = CHARACTERS_PER_TOKEN
    if type(per_token) is not float or not least <= per_token <= most:
        raise NotARun("it does not say how many characters its tokens have")
    if not isinstance(about["name"], str) or not (name := as_name(about["name"])):
        raise NotARun("it has no name")
    samples = _samples(about["samples"], step, train)
    steps = _check_entries(entries, model, step)
    tensors = _tensors(data, entries, start)
    return SavedRun(
        name,
        _text(about),
        tokenizer.to_json(),
        model,
        train,
        per_token,
        Results(
            metrics=_metrics(tensors, step, train.batch_size * model.block_size),
            samples=samples,
            snapshots=[(at, _packed(tensors, f"snapshots.{at}.")) for at in steps],
            checkpoint=(step, _packed(tensors, "weights.", "model.")),
            state="finished" if step == train.max_steps else "stopped",
        ),
    )


def _text(about: Mapping[str, Any]) -> dict[str, str]:
    """What the file says of its text; earlier exports named it by its plain hash."""
    told = about["text"] if "text" in about else {"id": about.get("text_id")}
    told = {name: words for name, words in told.items() if isinstance(words, str)}
    return told if set(told) in ({"id"}, {"salt", "mark"}) else {}


def _samples(samples: Any, step: int, train: TrainConfig) -> list[tuple[int, str]]:
    """The samples up to `step`; an earlier export of a run that trained on may have later ones."""
    for at, words in samples:
        if type(at) is not int or not isinstance(words, str) or len(words) > MAX_SAMPLE:
            raise NotARun("its samples are not pairs of step and text")
    steps = [at for at, _ in samples]
    if steps != sorted({*steps}) or not all(0 <= at <= train.max_steps for at in steps):
        raise NotARun("its samples are not of steps of its training")
    return [(at, words) for at, words in samples if at <= step]


def _check_entries(entries: Mapping[str, Any], model: GPTConfig, step: int) -> list[int]:
    """Raises NotARun unless the tensors are just a run's; returns the steps of its snapshots."""
    shapes = model.weight_shapes()
    numbers = {name.split(".")[1] for name in entries if name.startswith("snapshots.")}
    if not 1 <= len(numbers) <= MAX_SNAPSHOTS or not all(
        number.isdecimal() and number == str(int(number)) and int(number) <= step
        for number in numbers
    ):
        raise NotARun("its snapshots are not of steps of its training")
    expected = {f"weights.{name}": ("F32", shape) for name, shape in shapes.items()}
    for number in numbers:
        expected |= {f"snapshots.{number}.{name}": ("F16", shape) for name, shape in shapes.items()}
    expected["metrics"] = ("F64", (step, len(METRICS)))
    if "accuracy" in entries:
        expected["accuracy"] = ("F64", (step,))
    found = {name: (entry["dtype"], tuple(entry["shape"])) for name, entry in entries.items()}
    # A snapshot's tensor that half precision cannot hold stays as it is.
    found |= {
        name: ("F16", shape)
        for name, (kind, shape) in found.items()
        if name.startswith("snapshots.") and kind == "F32"
    }
    if found != expected:
        names = sorted(found.keys() | expected.keys())
        wrong = next(name for name in names if found.get(name) != expected.get(name))
        raise NotARun(f"{wrong[:80]} is not what its settings call for")
    return sorted(map(int, numbers))


def _tensors(data: bytes, entries: Mapping[str, Any], start: int) -> dict[str, np.ndarray]:
    """Each tensor as a view of the file, which they have to fill without gap or overlap; all
    numbers finite but for those of metrics. Raises NotARun."""
    tensors, end = {}, 0
    for name, entry in sorted(entries.items(), key=lambda item: item[1]["data_offsets"]):
        kind, size = NUMBERS[entry["dtype"]], math.prod(entry["shape"])
        begin, end = end, end + size * np.dtype(kind).itemsize
        if entry["data_offsets"] != [begin, end]:
            raise NotARun(f"{name} does not stand where its header says")
        tensors[name] = np.frombuffer(data, kind, size, start + begin).reshape(entry["shape"])
    if start + end != len(data):
        raise NotARun("there is more in it than a run's tensors")
    for name, tensor in tensors.items():
        if name not in ("metrics", "accuracy") and not np.isfinite(tensor).all():
            raise NotARun(f"not all numbers in {name} are finite")
    return tensors


def _packed(tensors: Mapping[str, np.ndarray], prefix: str, new_prefix: str = "") -> bytes:
    """The tensors whose names begin so, as the store keeps them."""
    return safetensors.numpy.save(
        {
            new_prefix + name.removeprefix(prefix): tensor
            for name, tensor in tensors.items()
            if name.startswith(prefix)
        }
    )


def _metrics(tensors: Mapping[str, np.ndarray], step: int, tokens: int) -> "_Rows":
    """A row for each step, in which `tokens` are read. Raises NotARun on numbers no run has."""
    table, accuracy = tensors["metrics"], tensors.get("accuracy", np.full(step, np.nan))
    at = np.arange(1, step + 1)
    if (table[:, 0] != at).any() or (table[:, 1] != at * tokens).any():
        raise NotARun("its metrics are not those of each step")
    always = np.abs(np.delete(table, VAL_LOSS, axis=1))  # the loss on unseen text only at times
    if not (always <= MAX_NUMBER).all() or (np.abs(table[:, VAL_LOSS]) > MAX_NUMBER).any():
        raise NotARun("not all numbers in metrics are finite")
    seconds = table[:, METRICS.index("seconds")]
    if (np.diff(seconds, prepend=0) < 0).any():
        raise NotARun("its time goes back")
    if not (np.isnan(accuracy) | ((accuracy >= 0) & (accuracy <= 1))).all():
        raise NotARun("its accuracy is not a share")
    return _Rows(table, accuracy)


class _Rows(Sequence):
    """The rows of a table, each made when it is asked for: of a million, never all at once."""

    def __init__(self, table: np.ndarray, accuracy: np.ndarray) -> None:
        self._table, self._accuracy = table, accuracy

    def __len__(self) -> int:
        return len(self._table)

    def __getitem__(self, i: int) -> Metrics:
        step, tokens, *others = self._table[i].tolist()
        measured = [*others, self._accuracy[i].item()]
        values = [None if math.isnan(value) else value for value in measured]
        return Metrics(int(step), int(tokens), *values)
