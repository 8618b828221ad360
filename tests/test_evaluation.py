import math

import numpy as np
import pytest
import torch

from minigpt import tokenizers
from minigpt.config import GPTConfig
from minigpt.corpus import Exam, bits_per_character, characters_per_token, windows
from minigpt.evaluation import accuracy, mean_loss
from minigpt.model import new_model


def scored(token_stream) -> tuple[np.ndarray, np.ndarray]:
    return token_stream[:80].reshape(5, 16), token_stream[1:81].reshape(5, 16)


def silenced(name: str, tensor: torch.Tensor) -> torch.Tensor:
    return tensor * 0 if name == "logits" else tensor


def test_mean_loss_is_the_mean_of_the_targets_surprises(tiny_model, token_stream):
    x, y = scored(token_stream)
    with torch.no_grad():
        chances = tiny_model(torch.from_numpy(x)).softmax(dim=-1).numpy()
    surprises = [-math.log(chances[i, t, y[i, t]]) for i in range(5) for t in range(16)]
    expected = pytest.approx(sum(surprises) / 80, rel=1e-5)
    assert mean_loss(tiny_model, x, y, 2) == expected
    assert mean_loss(tiny_model, x, y, 5) == expected, "whatever the size of a batch"


def test_a_tap_changes_what_is_measured(tiny_model, token_stream):
    x, y = scored(token_stream)
    assert mean_loss(tiny_model, x, y, 5, silenced) == pytest.approx(math.log(11), rel=1e-6)
    exam = Exam(x, np.zeros_like(y), np.ones_like(y, dtype=bool))
    assert accuracy(tiny_model, exam) < 0.9
    assert accuracy(tiny_model, exam, silenced) == 1.0, "of equals the first is the likeliest"


def test_bits_per_character_compare_a_char_and_a_bpe_run_on_the_same_text():
    """Blind models: both cost ln V a token; per character the longer tokens cost less."""
    text = "the cat sat on the mat and the hat " * 100
    bits = {}
    for kind in ("char", "bpe"):
        tokenizer = tokenizers.train(text, kind, 300)
        ids = np.array(tokenizer.encode(text))
        model = new_model(GPTConfig(tokenizer.vocab_size, 8, 1, 2, 8), seed=1)
        loss = mean_loss(model, *windows(ids, 8), batch_size=16)
        bits[kind] = bits_per_character(loss, characters_per_token(tokenizer, ids))
        uniform = math.log2(tokenizer.vocab_size) * len(ids) / len(text)
        assert bits[kind] == pytest.approx(uniform, rel=0.02)
    assert bits["bpe"] < bits["char"]
