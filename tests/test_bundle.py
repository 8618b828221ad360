import json

import numpy as np
import pytest
import safetensors.numpy
import torch

from minigpt import bundle, tokenizers, weights, worker
from minigpt.config import GPTConfig, InputError, TrainConfig
from minigpt.corpus.worlds import Copy
from minigpt.launch import launch
from minigpt.limits import Limits
from minigpt.store import EVERYONE, Store
from minigpt.tokenizers import BPETokenizer, CharTokenizer


@pytest.fixture
def exported(fresh_store, small_run) -> bytes:
    trainer = worker.Worker(fresh_store)
    while trainer.turn():
        pass
    return bundle.export_run(fresh_store, fresh_store.run(small_run))


@pytest.fixture
def other_store(tmp_path) -> Store:
    store = Store(tmp_path / "other")
    yield store
    store.close()


def unpacked(data: bytes) -> tuple[dict, dict]:
    return bundle._header(data)[1], safetensors.numpy.load(data)


def changed(data: bytes, about: dict | None = None, tensors: dict | None = None) -> bytes:
    """The bundle with some of its metadata or tensors replaced; None removes a tensor."""
    old_about, old_tensors = unpacked(data)
    new = {**old_tensors, **(tensors or {})}
    return safetensors.numpy.save(
        {name: tensor for name, tensor in new.items() if tensor is not None},
        metadata={"minigpt": "1", "run": json.dumps({**old_about, **(about or {})})},
    )


def test_an_imported_run_is_the_exported_one(fresh_store, small_run, exported, other_store):
    before = fresh_store.run(small_run)
    after = other_store.run(bundle.import_run(other_store, exported, "you"))
    assert (after.name, after.state, after.step) == (before.name, "finished", 20)
    assert (after.model, after.train, after.tokenizer) == (
        before.model,
        before.train,
        before.tokenizer,
    )
    assert after.text_id is None  # the text itself does not travel
    for field in ("step", "train_loss", "val_loss"):
        np.testing.assert_array_equal(
            getattr(other_store.curves(after.id), field),
            getattr(fresh_store.curves(small_run), field),
        )
    assert other_store.samples(after.id) == fresh_store.samples(small_run)
    assert other_store.snapshot_steps(after.id) == fresh_store.snapshot_steps(small_run)
    for step in (None, 4):
        ours, theirs = (
            weights.load_model(store, run, step)
            for store, run in ((fresh_store, before), (other_store, after))
        )
        assert all(
            torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True)
        )


def test_an_imported_run_finds_its_text_where_the_store_has_it(fresh_store, small_run, exported):
    again = fresh_store.run(bundle.import_run(fresh_store, exported, "you"))
    assert again.text_id == fresh_store.run(small_run).text_id


def test_snapshots_can_be_thinned_keeping_the_first_and_the_last(fresh_store, small_run, exported):
    thin = bundle.export_run(fresh_store, fresh_store.run(small_run), most_snapshots=3)
    _, tensors = unpacked(thin)
    steps = {int(name.split(".")[1]) for name in tensors if name.startswith("snapshots.")}
    assert len(steps) == 3 and {0, 20} <= steps
    assert len(thin) < len(exported)


def test_a_run_without_weights_cannot_be_exported(fresh_store, small_run):
    with pytest.raises(InputError, match="no weights"):
        bundle.export_run(fresh_store, fresh_store.run(small_run))


NOT_BUNDLES = {
    "nothing": lambda data: b"",
    "noise": lambda data: bytes(range(256)) * 4,
    "cut": lambda data: data[:-10],
    "a foreign safetensors file": lambda data: safetensors.numpy.save({"a": np.zeros(3)}),
    "a missing weight": lambda data: changed(data, tensors={"weights.wte.weight": None}),
    "a surplus weight": lambda data: changed(
        data, tensors={"weights.more": np.zeros(3, np.float32)}
    ),
    "a wrong shape": lambda data: changed(
        data, tensors={"weights.ln_f.bias": np.zeros(9, np.float32)}
    ),
    "a wrong type": lambda data: changed(
        data, tensors={"weights.ln_f.bias": np.zeros(8, np.float64)}
    ),
    "a NaN": lambda data: changed(
        data, tensors={"weights.ln_f.bias": np.full(8, np.nan, np.float32)}
    ),
    "an infinite snapshot": lambda data: changed(
        data, tensors={"snapshots.4.ln_f.bias": np.full(8, np.inf, np.float16)}
    ),
    "a bad config": lambda data: changed(data, {"model": '{"n_layer": 0}'}),
    "another vocabulary": lambda data: changed(
        data, {"tokenizer": '{"kind": "char", "characters": ["a"]}'}
    ),
    "no tokenizer": lambda data: changed(data, {"tokenizer": None}),
    "no metrics": lambda data: changed(data, tensors={"metrics": None}),
    "bent metrics": lambda data: changed(data, tensors={"metrics": np.zeros((3, 2))}),
    "a bent step": lambda data: changed(data, {"step": "soon"}),
}


@pytest.mark.parametrize("damage", NOT_BUNDLES)
def test_what_is_not_a_whole_run_is_refused_and_adds_nothing(exported, other_store, damage):
    with pytest.raises(InputError):
        bundle.import_run(other_store, NOT_BUNDLES[damage](exported), "you")
    assert other_store.runs() == []


def test_the_demo_is_unpacked_once_for_everyone(fresh_store):
    first = bundle.ensure_demo(fresh_store)
    assert bundle.ensure_demo(fresh_store) == first
    (demo,) = fresh_store.runs(EVERYONE)
    assert demo.id == first
    assert demo.state == "finished"
    assert len(fresh_store.snapshot_steps(first)) >= 6
    assert bundle.DEMO.stat().st_size <= 3_000_000


def test_a_run_on_a_world_keeps_its_right_answers_in_the_file(fresh_store, other_store):
    world = Copy()
    text = world.text(6_000)
    tokenizer = CharTokenizer.train(text)
    text_id = fresh_store.add_text("me", "copy", text, world.to_json())
    run_id = launch(
        fresh_store, Limits(), "me", "copying", text_id, tokenizer,
        GPTConfig(tokenizer.vocab_size, block_size=16, n_layer=1, n_head=2, n_embd=8),
        TrainConfig(max_steps=4, batch_size=2, eval_interval=2),
    )  # fmt: skip
    trainer = worker.Worker(fresh_store)
    while trainer.turn():
        pass
    before = fresh_store.curves(run_id).accuracy
    assert np.isnan(before).tolist() == [False, False, True, False]
    data = bundle.export_run(fresh_store, fresh_store.run(run_id))
    after = other_store.curves(bundle.import_run(other_store, data, "you")).accuracy
    np.testing.assert_array_equal(after, before)
    bent = changed(data, tensors={"accuracy": np.array([0.5, 2.0, np.nan, 0.1])})
    with pytest.raises(InputError, match="accuracy is not a share"):
        bundle.import_run(other_store, bent, "you")


def test_a_bpe_run_travels_with_its_merges_and_its_measure(fresh_store, simple_text, other_store):
    tokenizer = BPETokenizer.train(simple_text, 280)
    text_id = fresh_store.add_text("me", "simple", simple_text)
    run_id = launch(
        fresh_store, Limits(), "me", "bpe", text_id, tokenizer,
        GPTConfig(tokenizer.vocab_size, block_size=8, n_layer=1, n_head=2, n_embd=8),
        TrainConfig(max_steps=3, batch_size=2),
    )  # fmt: skip
    assert fresh_store.run(run_id).characters_per_token > 2
    trainer = worker.Worker(fresh_store)
    while trainer.turn():
        pass
    data = bundle.export_run(fresh_store, fresh_store.run(run_id))
    after = other_store.run(bundle.import_run(other_store, data, "you"))
    assert tokenizers.load(after.tokenizer).merges == tokenizer.merges
    assert after.characters_per_token == fresh_store.run(run_id).characters_per_token
    for measure in (0.0, -1.0, "2", float("inf")):
        with pytest.raises(InputError, match="how many characters"):
            bundle.import_run(other_store, changed(data, {"characters_per_token": measure}), "you")
