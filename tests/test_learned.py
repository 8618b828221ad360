"""What was learned: the loss in groups of tokens, counted once more by plain loops."""

import math

import numpy as np
import pytest
import torch

from minigpt.config import InputError, NotFinite
from minigpt.corpus.histories import ORDERS, known_from
from minigpt.interpret import losses_by_class, losses_by_order
from minigpt.interpret.learned import grouped, token_losses


@pytest.fixture
def windows() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 11, (16, 12))


def slow_losses(model, windows):
    """One token after another."""
    found = np.empty((len(windows), windows.shape[1] - 1))
    with torch.inference_mode():
        for row, ids in enumerate(windows.tolist()):
            for t in range(1, len(ids)):
                logits = model(torch.tensor([ids[:t]]))[0, -1].double()
                found[row, t - 1] = -logits.log_softmax(-1)[ids[t]]
    return found


def test_what_each_token_costs_is_its_surprise(tiny_model, windows):
    few = windows[:3]
    np.testing.assert_allclose(
        token_losses(tiny_model, few), slow_losses(tiny_model, few), atol=1e-5
    )


def test_the_loss_of_a_class_is_the_mean_over_its_tokens(tiny_model, windows):
    classes = ["a", "b", "a", "c", "b", "a", "a", "a", "b", "c", "never"]
    windows = windows % 10
    found, losses = losses_by_class(tiny_model, windows, classes), token_losses(tiny_model, windows)
    assert found.names == ["a", "b", "c"] and found.count.sum() == losses.size
    for i, name in enumerate(found.names):
        its = [
            losses[row, t - 1]
            for row in range(16)
            for t in range(1, 12)
            if classes[windows[row, t]] == name
        ]
        assert found.count[i] == len(its)
        assert math.isclose(found.loss[i], sum(its) / len(its), rel_tol=1e-12)
        assert found.low[i] < found.loss[i] < found.high[i]
    assert math.isclose((found.loss * found.count).sum() / found.count.sum(), losses.mean())


def test_losses_by_order_are_grouped_by_the_history_that_tells(tiny_model, windows):
    text = np.tile(windows[0], 20)
    found, order = losses_by_order(tiny_model, windows, text), known_from(windows, text)
    losses = token_losses(tiny_model, windows)
    here = [i for i in range(len(ORDERS)) if (order == i).any()]
    assert found.names == [ORDERS[i] for i in here] and len(here) > 2
    for i, loss, count in zip(here, found.loss, found.count, strict=True):
        assert math.isclose(loss, losses[order == i].mean()) and count == (order == i).sum()


def test_a_group_that_few_windows_have_gets_no_interval():
    losses, group = np.ones((9, 4)), np.zeros((9, 4), dtype=int)
    losses[3, 2], group[3, 2] = 7, 1
    found = grouped(losses, group, ["many", "one", "none"])
    assert found.names == ["many", "one"] and found.count.tolist() == [35, 1]
    assert found.loss.tolist() == [1, 7]
    assert np.isfinite(found.low[0]) and np.isnan([found.low[1], found.high[1]]).all()
    few = grouped(losses[:4], group[:4], ["many", "one"])
    assert np.isnan(few.low).all()


def test_what_cannot_be_grouped_is_refused(tiny_model, windows):
    with pytest.raises(InputError, match="2 classes for 11 tokens"):
        losses_by_class(tiny_model, windows, ["a", "b"])
    with torch.no_grad():
        tiny_model.wte.weight.fill_(float("nan"))
    with pytest.raises(NotFinite):
        token_losses(tiny_model, windows)
