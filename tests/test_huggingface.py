"""A run exported for Hugging Face's transformers, loaded by transformers itself."""

import numpy as np
import pytest
import safetensors.numpy
import torch
import transformers

from minigpt import tokenizers, weights
from minigpt.config import GPTConfig, InputError
from minigpt.engine import worker
from minigpt.huggingface import check_expressible, export_huggingface
from minigpt.store import Store

EXPRESSIBLE = {
    "tied, no biases, as gpt2 is": {"bias": False, "tie_weights": True},
    "tied, with biases": {"bias": True, "tie_weights": True},
    "untied, no biases": {"bias": False, "tie_weights": False},
}


def trained(store: Store, small_run: str, **shape: bool) -> str:
    """The small run again, with another shape, trained."""
    run = store.run(small_run)
    run_id = store.create_run(
        "me", "other", run.text_id, run.tokenizer, run.model.replace(**shape), run.train
    )
    trainer = worker.Worker(store)
    while trainer.turn():
        pass
    return run_id


@pytest.mark.parametrize("shape", EXPRESSIBLE)
def test_transformers_computes_the_same_logits(fresh_store, small_run, tmp_path, shape):
    run = fresh_store.run(trained(fresh_store, small_run, **EXPRESSIBLE[shape]))
    export_huggingface(fresh_store, run, tmp_path / "out")
    theirs, loading = transformers.GPT2LMHeadModel.from_pretrained(
        tmp_path / "out", output_loading_info=True
    )
    assert not loading["missing_keys"] and not loading["unexpected_keys"]
    ids = torch.randint(3, run.model.vocab_size, (3, run.model.block_size))
    ours = weights.load_model(fresh_store, run)
    with torch.no_grad():
        torch.testing.assert_close(theirs.eval()(ids).logits, ours(ids), atol=1e-4, rtol=0)


def test_transformers_cuts_text_the_same_way(fresh_store, small_run, tmp_path):
    run = fresh_store.run(trained(fresh_store, small_run, bias=False, tie_weights=True))
    export_huggingface(fresh_store, run, tmp_path / "out")
    theirs = transformers.PreTrainedTokenizerFast.from_pretrained(tmp_path / "out")
    ours = tokenizers.load(run.tokenizer)
    for text in (
        "hello world, hello moon.",
        "hello\n  world\t?!",
        "ünknown 👩‍👩‍👧",
        "a <pad><eos> b",
    ):
        ids = theirs(text)["input_ids"]
        assert ids == ours.encode(text)
        assert theirs.decode(ids) == ours.decode(ids)


def test_transformers_cuts_bpe_the_same_way(fresh_store, small_run, tmp_path, simple_text):
    run = fresh_store.run(small_run)
    bpe = tokenizers.BPETokenizer.train(simple_text, 300)
    model = run.model.replace(vocab_size=bpe.vocab_size, bias=False, tie_weights=True)
    run_id = fresh_store.create_run("me", "bpe", run.text_id, bpe.to_json(), model, run.train)
    trainer = worker.Worker(fresh_store)
    while trainer.turn():
        pass
    export_huggingface(fresh_store, fresh_store.run(run_id), tmp_path / "out")
    theirs = transformers.PreTrainedTokenizerFast.from_pretrained(tmp_path / "out")
    for text in (
        "hello world, hello moon.",
        "hello\n  world\t?!",
        "ünknown 👩‍👩‍👧",
        "a <pad><eos> b",
    ):
        ids = theirs(text)["input_ids"]
        assert ids == bpe.encode(text)
        assert theirs.decode(ids) == text


@pytest.mark.parametrize("kind", ["char", "bpe"])
def test_texts_of_different_lengths_make_a_batch(
    fresh_store, small_run, tmp_path, simple_text, kind
):
    run = fresh_store.run(small_run)
    tokenizer = tokenizers.train(simple_text, kind, 270)
    model = run.model.replace(vocab_size=tokenizer.vocab_size, bias=False, tie_weights=True)
    run_id = fresh_store.create_run(
        "me", kind, run.text_id, tokenizer.to_json(), model, run.train.replace(max_steps=3)
    )
    trainer = worker.Worker(fresh_store)
    while trainer.turn():
        pass
    export_huggingface(fresh_store, fresh_store.run(run_id), tmp_path / "out")
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    names = theirs.pad_token, theirs.unk_token, theirs.bos_token, theirs.eos_token
    assert names == ("<pad>", "<unk>", "<eos>", "<eos>")
    assert theirs.pad_token_id == tokenizer.pad_id and theirs.eos_token_id == tokenizer.eos_id
    texts = ["hello", "hello moon <pad>"]
    batch = theirs(texts, padding=True, return_tensors="pt")
    gpt2 = transformers.GPT2LMHeadModel.from_pretrained(tmp_path / "out").eval()
    ours = weights.load_model(fresh_store, fresh_store.run(run_id))
    with torch.no_grad():
        padded = gpt2(**batch).logits
        for text, logits, real in zip(texts, padded, batch["attention_mask"], strict=True):
            ids = torch.tensor([tokenizer.encode(text)])
            assert real.sum() == ids.shape[1] and not real[ids.shape[1] :].any()
            torch.testing.assert_close(logits[: ids.shape[1]], ours(ids)[0], atol=1e-4, rtol=0)


def test_what_gpt2_cannot_be_is_refused_by_its_setting(fresh_store, small_run, tmp_path):
    run = fresh_store.run(trained(fresh_store, small_run))
    assert run.model == GPTConfig(run.model.vocab_size, 16, 1, 2, 8)
    with pytest.raises(InputError, match="bias on and tie_weights off"):
        export_huggingface(fresh_store, run, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "setting, value",
    [
        ("norm", "rmsnorm"), ("position", "rope"), ("activation", "relu2"), ("qk_norm", True),
        ("bigram", True),
    ],
)  # fmt: skip
def test_each_switch_that_gpt2_does_not_know_is_refused_by_its_name(setting, value):
    config = GPTConfig(bias=False)
    check_expressible(config)
    check_expressible(config.replace(zero_init=True))  # only where training begins
    with pytest.raises(InputError, match=f"{setting}={value}"):
        check_expressible(config.replace(**{setting: value}))


def test_biases_that_were_not_trained_are_zero(fresh_store, small_run, tmp_path):
    run = fresh_store.run(trained(fresh_store, small_run, bias=False, tie_weights=True))
    export_huggingface(fresh_store, run, tmp_path / "out")
    tensors = safetensors.numpy.load_file(tmp_path / "out" / "model.safetensors")
    biases = [tensor for name, tensor in tensors.items() if name.endswith(".bias")]
    assert len(biases) == 7 and not np.concatenate(biases).any()
