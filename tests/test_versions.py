"""What the version before this one wrote, opened by this one: a store, and a run as a file.

Both were made by commit 78ff98b: a run that had finished after 24 steps, with rope and Muon, cut by
BPE, and one that was paused at step 2 of 400.
"""

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from minigpt import bundle, tokenizers, weights
from minigpt.config import SampleConfig
from minigpt.engine import worker
from minigpt.generation import generate
from minigpt.store import Store

BEFORE = Path(__file__).parent / "data" / "version_1"


@pytest.fixture
def store_of_before(tmp_path) -> Store:
    stored = (BEFORE / "store.sqlite.gz").read_bytes()
    (tmp_path / "store.sqlite").write_bytes(gzip.decompress(stored))
    store = Store(tmp_path)
    yield store
    store.close()


def expect_whole(store: Store, run_id: str) -> None:
    """Its numbers, its texts and its weights at any moment are there, and it writes."""
    run = store.run(run_id)
    assert run.name == "heron, long ago" and run.state == "finished"
    assert (run.model.position, run.train.optimizer) == ("rope", "muon")
    assert run.train == replace(run.train, restarts=()), "it was never trained longer"
    curves = store.curves(run_id)
    assert curves.step.tolist() == list(range(1, 25))
    assert curves.val_loss[[0, 5, 23]].tolist() == pytest.approx([5.6365, 5.6100, 5.4352], abs=1e-4)
    assert store.samples(run_id)
    steps = store.snapshot_steps(run_id)
    assert steps == [0, 1, 2, 3, 4, 6, 8, 11, 16, 23, 24]
    early, late = (weights.load_model(store, run, step) for step in (steps[0], steps[-1]))
    assert not torch.equal(early.wte.weight, late.wte.weight)
    prompt = tokenizers.load(run.tokenizer).encode("A heron")
    assert len([*generate(late, prompt, SampleConfig(max_new_tokens=5))]) == 5


def test_a_store_of_the_version_before_opens(store_of_before):
    runs = {run.name: run.id for run in store_of_before.runs("me")}
    expect_whole(store_of_before, runs["heron, long ago"])
    half = runs["heron, half way"]
    assert store_of_before.run(half).state == "paused"
    store_of_before.step(half)
    trainer = worker.Worker(store_of_before)
    while trainer.turn():
        pass
    assert store_of_before.run(half).step == 3
    assert not np.isnan(store_of_before.curves(half).train_loss).any()


def test_a_file_of_the_version_before_comes_in(fresh_store):
    run_id = bundle.import_run(fresh_store, (BEFORE / "run.safetensors").read_bytes(), "me")
    expect_whole(fresh_store, run_id)
