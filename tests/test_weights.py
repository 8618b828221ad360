"""Weights out of the store, without what else lies beside them there."""

import io
import tracemalloc

import numpy as np
import pytest
import safetensors.numpy
import torch

from minigpt import bundle
from minigpt.config import GPTConfig, InputError, TrainConfig
from minigpt.metrics import Results
from minigpt.model import new_model
from minigpt.store.tensors import tensors
from minigpt.tokenizers import CharTokenizer
from minigpt.trainer import Trainer
from minigpt.weights import load_model, snapshot_bytes, to_bytes


@pytest.fixture
def trained(fresh_store):
    """A run with two moments, whose trainer state is three times its weights, and its weights."""
    tokenizer = CharTokenizer.train("abcdefg")
    config = GPTConfig(vocab_size=tokenizer.vocab_size, block_size=8, n_head=1, n_embd=128)
    model, train = new_model(config, seed=1), TrainConfig(max_steps=2, batch_size=1)
    first = snapshot_bytes(model)
    trainer = Trainer(model, np.arange(90) % 9, np.arange(0), train)
    metrics = list(trainer)
    results = Results(metrics, [], [(0, first)], (2, to_bytes(trainer.state())), state="finished")
    run_id = fresh_store.create_run(
        "me", "it", None, tokenizer.to_json(), config, train, results=results
    )
    return fresh_store.run(run_id), {k: v.clone() for k, v in model.state_dict().items()}


def test_some_tensors_of_a_file_are_those_that_were_saved():
    saved = {"a.b": np.arange(6, dtype=np.float32).reshape(2, 3), "a.c": np.ones(2, np.float16)}
    file = io.BytesIO(safetensors.numpy.save({**saved, "z": np.zeros(9)}, {"about": "it"}))
    found = tensors(file, "a.")
    assert found.keys() == {"b", "c"}
    for name, tensor in found.items():
        assert tensor.dtype == saved[f"a.{name}"].dtype
        assert np.array_equal(tensor, saved[f"a.{name}"])


def test_a_model_is_the_one_that_was_trained_at_each_of_its_moments(fresh_store, trained):
    run, weights = trained
    for step in (None, 2):
        model = load_model(fresh_store, run, step)
        assert all(torch.equal(w, weights[name]) for name, w in model.state_dict().items())
    first = load_model(fresh_store, run, 0).state_dict()
    assert not torch.equal(first["lm_head.weight"], weights["lm_head.weight"])
    with pytest.raises(InputError, match="step 1 are not kept"):
        load_model(fresh_store, run, 1)


@pytest.mark.parametrize(
    ("what", "most"),  # bytes for each weight
    [
        (lambda store, run: load_model(store, run), 9),  # as it is read, and as it is handed on
        (lambda store, run: load_model(store, run, 0), 7),
        (lambda store, run: bundle.export_run(store, run), 13),  # the file's 6 come twice
    ],
)
def test_of_a_trainer_state_the_weights_alone_are_read(fresh_store, trained, what, most):
    run, _ = trained
    what(fresh_store, run)  # loads what it needs
    tracemalloc.start()
    what(fresh_store, run)
    _, highest = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert highest < most * run.model.num_parameters()
