"""What may be in a file that says it is a run: each is one sentence, soon, or a run."""

import json
import re
import struct
import time
import tracemalloc

import numpy as np
import pytest
import safetensors.numpy

from minigpt import bundle
from minigpt.bundle.format import SEAL
from minigpt.config import InputError
from minigpt.limits import Limits
from tests.bundles import changed, unpacked, with_header

BASE = {
    "nothing": lambda data: b"",
    "noise": lambda data: bytes(range(256)) * 4,
    "a foreign safetensors file": lambda data: safetensors.numpy.save({"a": np.zeros(3)}),
    "only a length": lambda data: struct.pack("<Q", 2**63),
    "no header": lambda data: struct.pack("<Q", 0),
    "a header without tensors": lambda data: struct.pack("<Q", 2) + b"{}",
}


def said(**about):
    return lambda data: changed(data, about)


def held(**tensors):
    return lambda data: changed(data, tensors={k.replace("__", "."): v for k, v in tensors.items()})


def table(column: int, row: int, value: float):
    def change(data: bytes) -> bytes:
        metrics = unpacked(data)[1]["metrics"].copy()
        metrics[row, column] = value
        return changed(data, tensors={"metrics": metrics})

    return change


def written(old: str, new: str):
    """The header's text, of a file without checksum, with something else in it."""

    def change(data: bytes) -> bytes:
        header = with_header(changed(data), lambda text: text.replace(old, new, 1))
        assert header != changed(data)
        return header

    return change


DEEP = "[" * 100_000 + "]" * 100_000
TOKENIZER = '{"kind": "char", "characters": %s}'
HOSTILE = {
    "a missing weight": held(weights__wte__weight=None),
    "a surplus weight": held(weights__more=np.zeros(3, np.float32)),
    "a wrong shape": held(weights__ln_f__bias=np.zeros(9, np.float32)),
    "a wrong type": held(weights__ln_f__bias=np.zeros(8, np.float64)),
    "a NaN": held(weights__ln_f__bias=np.full(8, np.nan, np.float32)),
    "an infinite snapshot": held(snapshots__4__ln_f__bias=np.full(8, np.inf, np.float16)),
    "a bad config": said(model='{"n_layer": 0}'),
    "a deep config": said(model=DEEP),
    "a setting without end": said(model=json.dumps({"norm": "x" * 50_000})),
    "a config that is none": said(train="7"),
    "a setting beyond all bounds": said(train='{"max_steps": 1' + "0" * 30 + "}"),
    "a setting of 5,000 digits": said(train='{"max_steps": ' + "9" * 5_000 + "}"),
    "another vocabulary": said(tokenizer='{"kind": "char", "characters": ["a"]}'),
    "no tokenizer": said(tokenizer=None),
    "a deep tokenizer": said(tokenizer=TOKENIZER % DEEP),
    "a tokenizer of half characters": said(tokenizer=TOKENIZER % '["\\ud800", "b"]'),
    "a tokenizer of another kind": said(tokenizer='{"kind": []}'),
    "merges beyond 2⁶³": said(tokenizer=f'{{"kind": "bpe", "merges": [[{2**70}, 3]]}}'),
    "no metrics": held(metrics=None),
    "bent metrics": held(metrics=np.zeros((3, 2))),
    "an infinite loss": table(2, 3, np.inf),
    "a missing loss": table(2, 3, np.nan),
    "an infinite loss on unseen text": table(3, 4, np.inf),
    "a loss beyond all sums": table(2, 3, 1e308),
    "more tokens than 2⁶³": table(1, 3, 1e300),
    "tokens of another batch": table(1, 3, 5),
    "steps that jump": table(0, 3, 9),
    "time that goes back": table(6, 3, -1.0),
    "a bent step": said(step="soon"),
    "a step before all": said(step=-1),
    "a step of 5,000 digits": written('\\"step\\": 20', '\\"step\\": ' + "9" * 5_000),
    "a step beyond 2⁶³": said(step=2**63),
    "a step that is true": said(step=True),
    "no name": said(name=""),
    "an invisible name": said(name="\u200b\u202e"),
    "a name that is a number": said(name=7),
    "half a character as name": said(name="a\ud800b"),
    "half a character in a sample": said(samples=[[0, "\udfff"]]),
    "a sample of a step to come": said(samples=[[21, "soon"]]),
    "a sample of step -1": said(samples=[[-1, "x"]]),
    "a sample of a step beyond 2⁶³": said(samples=[[2**64, "x"]]),
    "samples twice": said(samples=[[1, "x"], [1, "y"]]),
    "a sample without end": said(samples=[[1, "x" * 100_000]]),
    "samples that are none": said(samples={"a": 1}),
    "no measure of tokens": said(characters_per_token="2"),
    "a measure near nothing": said(characters_per_token=1e-300),
    "a measure beyond all": said(characters_per_token=1e300),
    "half a character as a tensor's name": written("weights.wte.weight", "weights.\\ud800"),
    "bytes that are no UTF-8": written("weights.wte.weight", "weights.\ud800"),
    "a header as deep as can be": written('"shape":[', '"shape":' + "[" * 50_000),
    "NaN as an offset": written('"data_offsets":[0,', '"data_offsets":[NaN,'),
    "an offset without end": written('"data_offsets":[0,', '"data_offsets":[1e999,'),
    "an offset of 5,000 digits": written('"data_offsets":[0,', f'"data_offsets":[{"9" * 5_000},'),
    "an offset before the start": written('"data_offsets":[0,', '"data_offsets":[-8,'),
    "a name twice": written('{"__metadata__":{', '{"metrics":{"dtype":"F64"},"__metadata__":{'),
    "metadata twice": written('{"__metadata__":{', '{"__metadata__":{},"__metadata__":{'),
    "more metadata": written('{"__metadata__":{', '{"__metadata__":{"more":"1",'),
    "another version": written('"minigpt":"1"', '"minigpt":"3"'),
    "a newer version without checksum": written('"minigpt":"1"', '"minigpt":"2"'),
    "more behind it": lambda data: changed(data) + b"more",
}  # fmt: skip


@pytest.mark.parametrize("kind", [*BASE, *HOSTILE])
def test_what_is_not_just_a_run_is_one_sentence_and_adds_nothing(exported, other_store, kind):
    data = (BASE | HOSTILE)[kind](exported)
    with pytest.raises(InputError) as refusal:
        bundle.import_run(other_store, data, "you")
    assert 20 < len(str(refusal.value)) < 400 and "\n" not in str(refusal.value)
    str(refusal.value).encode()
    assert other_store.runs() == []


def test_a_bit_that_is_turned_anywhere_is_told_as_damage(exported, other_store):
    chance = np.random.default_rng(1)
    places = [*range(8), *chance.integers(8, len(exported), 300).tolist(), len(exported) - 1]
    told = []
    for place in places:
        data = bytearray(exported)
        data[place] ^= 1 << int(chance.integers(8))
        with pytest.raises(InputError) as refusal:
            bundle.import_run(other_store, bytes(data), "you")
        told.append("damaged" in str(refusal.value))
    # A checksum whose own name was hit, or a length beyond all files, is no run's any more.
    assert sum(told) >= 0.97 * len(told)
    assert other_store.runs() == []


def test_a_bit_that_is_turned_in_the_checksum_is_told_as_damage(exported, other_store):
    """Also where it makes another sign of a digit: what is no checksum is not none."""
    start, end = SEAL.search(exported).span(1)
    for place in range(start, end):
        for bit in range(8):
            data = bytearray(exported)
            data[place] ^= 1 << bit
            with pytest.raises(InputError, match=r"damaged|cannot be read|not a run"):
                bundle.import_run(other_store, bytes(data), "you")
    named = exported.replace(b'"sha256":"', b'"sha25\\u0036":"', 1)
    with pytest.raises(InputError):
        bundle.import_run(other_store, named, "you")


@pytest.mark.parametrize("sealed", [True, False])
def test_a_file_that_was_cut_says_how_much_is_missing(exported, other_store, sealed):
    whole = exported if sealed else changed(exported)
    for missing in (1, 10, 4_000):
        with pytest.raises(InputError, match=rf"incomplete, {missing:,} bytes? (is|are) missing"):
            bundle.import_run(other_store, whole[:-missing], "you")
    with pytest.raises(InputError, match=r"incomplete, more than [\d,]+ bytes are missing"):
        bundle.import_run(other_store, whole[:300], "you")


def test_what_a_reader_raises_is_told_and_logged(exported, other_store, monkeypatch, capsys):
    def break_down(*_: object) -> None:
        raise ZeroDivisionError("nobody thought of this")

    monkeypatch.setattr("minigpt.bundle.importing.open_header", break_down)
    with pytest.raises(bundle.NotARun, match="cannot be read"):
        bundle.import_run(other_store, exported, "you")
    assert "nobody thought of this" in capsys.readouterr().err


def large_header(inside: str):
    return lambda data: with_header(changed(data), lambda _: inside)


MEMORY = {
    "a header of empty lists": large_header("[" + "[]," * 2_600_000 + "[]]"),
    "a header of short strings": large_header("[" + '"ab",' * 1_500_000 + '""]'),
    "a header of names": large_header(
        "{" + ",".join(f'"{i:x}":{{}}' for i in range(600_000)) + "}"
    ),
    "settings of empty lists": said(model="[" + "[]," * 1_900_000 + "[]]"),
    "a tokenizer of short strings": said(tokenizer=TOKENIZER % ("[" + '"ab",' * 700_000 + '""]')),
}


@pytest.mark.parametrize("kind", MEMORY)
def test_a_hostile_header_takes_neither_long_nor_much_memory(exported, kind):
    data = MEMORY[kind](exported)
    megabytes, seconds, refusal = measured(data)
    assert isinstance(refusal, InputError)
    assert megabytes < 3 * len(data) / 1e6 + 100 and seconds < 5


def test_a_long_training_is_read_row_by_row(exported, other_store):
    """As many steps as an installation may allow: its rows never stand in memory all at once."""
    steps = 300_000
    about, _ = unpacked(exported)
    batch = json.loads(about["train"])["batch_size"] * json.loads(about["model"])["block_size"]
    metrics = np.ones((steps, 7))
    metrics[:, 0] = np.arange(1, steps + 1)
    metrics[:, 1] = metrics[:, 0] * batch
    train = json.loads(about["train"]) | {"max_steps": steps}
    data = changed(exported, {"step": steps, "train": json.dumps(train)}, {"metrics": metrics})
    with pytest.raises(InputError, match="at most 100,000"):
        bundle.import_run(other_store, data, "you")
    tracemalloc.start()
    run_id = bundle.import_run(other_store, data, "you", limits=Limits(max_steps=steps))
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    assert peak < 3 * len(data) / 1e6
    assert len(other_store.curves(run_id).step) == steps


def measured(data: bytes) -> tuple[float, float, object]:
    """Megabytes at most, seconds, and the run or the refusal."""
    started = time.process_time()
    tracemalloc.start()
    try:
        found: object = bundle.read_run(data, Limits())
    except InputError as error:
        found = error
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return peak, time.process_time() - started, found


def test_every_name_of_a_run_is_one_line_that_can_be_shown(fresh_store, small_run, exported):
    bundle.import_run(fresh_store, changed(exported, {"name": "a\n\x1b[31mb\u202e"}), "me")
    fresh_store.rename(small_run, "  half \ud800 \x07 name ")
    names = {run.name for run in fresh_store.runs("me")}
    assert names == {"a [31mb", "half \ufffd name"}
    assert all(re.fullmatch(r"\S.*\S", name) for name in names)
