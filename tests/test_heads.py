"""What the heads of models do, measured."""

import itertools

import numpy as np
import pytest
import torch

from minigpt.config import GPTConfig, InputError, NotFinite, SampleConfig
from minigpt.corpus import WORLDS
from minigpt.generation import generate
from minigpt.interpret import (
    ROLES,
    UNCLEAR,
    attention,
    head_effects,
    head_scores,
    held_out_windows,
    repeated_sequences,
    role_lifts,
    written_windows,
)
from minigpt.interpret.roles import masks
from minigpt.interpret.windows import recurrence
from minigpt.model import new_model
from minigpt.recipes import PRESETS
from minigpt.tokenizers import CharTokenizer
from minigpt.trainer import Trainer

FAMILIES = [
    dict(zip(("norm", "position", "qk_norm", "bigram"), values, strict=True))
    for values in itertools.product(
        ("layernorm", "rmsnorm"), ("learned", "rope"), (False, True), (False, True)
    )
]


@pytest.fixture
def windows() -> np.ndarray:
    return np.random.default_rng(0).integers(3, 11, (16, 16))


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: "-".join(map(str, f.values())))
def test_the_heads_of_an_untrained_model_are_unclear(family):
    config = GPTConfig(vocab_size=30, block_size=64, n_layer=2, n_head=2, n_embd=32, **family)
    ids = np.random.default_rng(0).integers(3, 30, (16, 64))
    for seed in (1, 2):
        scores = head_scores(new_model(config, seed), ids)
        assert scores.roles == [[UNCLEAR] * 2] * 2


def test_a_model_that_learned_to_repeat_has_an_induction_head_which_it_needs():
    """Two layers of one head, as in Olsson et al. 2022: the first looks at the token before, the
    second finds with it what came after the last copy."""
    text = WORLDS["induction"](seed=0).text(200_000)
    tokenizer = CharTokenizer.train(text)
    ids = tokenizer.encode_array(text)
    config = PRESETS["modern"].model(
        tokenizer.vocab_size, n_layer=2, n_head=1, n_embd=32, block_size=32, bigram=False
    )
    model, windows = new_model(config, seed=2), held_out_windows(ids[-20_000:], 32)
    before = head_scores(model, windows)
    assert before.roles == [[UNCLEAR], [UNCLEAR]]
    assert before.copies.later == pytest.approx(before.copies.first, abs=0.01)

    train = PRESETS["modern"].train.replace(max_steps=200, batch_size=32, seed=2)
    for _ in Trainer(model, ids[:-20_000], ids[-20_000:], train):
        pass
    after, effects = head_scores(model, windows), head_effects(model, windows)
    assert after.roles[1] == ["induction"]
    assert after.likeliest[0][0][0] == "previous token"
    assert after.shuffled["induction"][1, 0] < 0.2 < 0.4 < after.lifts["induction"][1, 0]
    assert after.copies.later < 0.5 * after.copies.first
    assert effects.low.min() > 0.3, "each of the two is needed, in nats per token"


def test_scores_are_those_of_the_patterns_that_attention_shows(tiny_model, windows):
    scores = head_scores(tiny_model, windows)
    patterns = np.stack([attention(tiny_model, ids).numpy() for ids in windows])
    lifts = role_lifts(patterns, windows, scores.chance["broad"])
    sequences, _ = repeated_sequences(windows, 16)
    patterns = np.stack([attention(tiny_model, ids).numpy() for ids in sequences])
    again = role_lifts(patterns, sequences)
    for role, about in ROLES.items():
        expected = (again if about.about_content else lifts)[role]
        np.testing.assert_allclose(scores.lifts[role], expected, atol=1e-5)
        assert expected.shape == scores.lifts[role].shape == (2, 2)
        low, high = scores.low[role], scores.high[role]
        if role == "broad":  # which this model was before it was trained
            assert np.isnan([expected, low, high]).all()
        else:
            assert ((low <= expected) & (expected <= high)).all()
    assert scores.rows["itself"] == 16 * 8 and scores.windows["itself"] == 16


def test_scores_come_from_their_seed_alone(tiny_model, windows):
    one, same, other = (head_scores(tiny_model, windows, seed) for seed in (1, 1, 2))
    for part in ("lifts", "low", "high", "shuffled"):
        for role in ROLES:
            np.testing.assert_array_equal(getattr(one, part)[role], getattr(same, part)[role])
    assert (one.shuffled["itself"] != other.shuffled["itself"]).any()
    assert (one.lifts["itself"] == other.lifts["itself"]).all()


def test_what_is_computed_at_once_changes_nothing(tiny_model, windows, monkeypatch):
    whole = head_scores(tiny_model, windows)
    monkeypatch.setattr("minigpt.interpret.windows.AT_ONCE", 1)
    for role, lift in head_scores(tiny_model, windows).lifts.items():
        np.testing.assert_allclose(lift, whole.lifts[role], atol=1e-6)


def test_repeated_sequences_are_different_tokens_repeated(windows):
    for kinds, context, period, copies in (
        (40, 128, 25, 4), (40, 64, 25, 2), (40, 75, 25, 3), (17, 128, 17, 4), (40, 16, 8, 2),
        (6, 512, 6, 4), (40, 12, 6, 2),
    ):  # fmt: skip
        ids = (np.arange(40 * 90) % kinds).reshape(40, 90)
        sequences, found = repeated_sequences(ids, context, seed=1)
        assert (found, sequences.shape[1]) == (period, period * copies)
        for sequence in sequences:
            once, *again = sequence.reshape(copies, period)
            assert len(set(once)) == period and all((once == copy).all() for copy in again)
        rows = masks(sequences)[:, list(ROLES).index("induction")].any(-1).sum()
        assert len(sequences) >= 16 and rows >= 2_000


def test_sequences_are_repeated_no_later_than_what_the_text_repeats():
    rng = np.random.default_rng(0)
    ids = np.stack([np.tile(rng.permutation(40)[:9], 6) for _ in range(16)])
    assert recurrence(ids) == 9 and recurrence(np.arange(40)[None]) is None
    assert repeated_sequences(ids, 128)[1] == 9
    assert repeated_sequences(np.arange(40)[None], 128)[1] == 25
    assert repeated_sequences(np.arange(40)[None] // 2 % 10, 128)[1] == 10, "different tokens"
    often = np.tile(np.arange(40), (16, 2))
    often[:, 40:] = np.tile(np.arange(4), 10)
    assert recurrence(often) == 4 and repeated_sequences(often, 128)[1] == 6


def test_tokens_are_drawn_as_often_as_they_stand_in_the_text():
    ids = np.repeat(np.arange(20), [200] * 4 + [2] * 16).reshape(8, -1)
    sequences, _ = repeated_sequences(ids, 12)
    counts = np.bincount(sequences[:, :6].ravel(), minlength=20) / len(sequences)
    assert (counts[:4] > 0.95).all() and counts[4:].max() < 0.5


def test_losses_on_copies_are_those_of_the_tokens_that_can_be_foreseen(tiny_model, windows):
    copies = head_scores(tiny_model, windows, seed=3).copies
    sequences, period = repeated_sequences(windows, 16, seed=3)
    assert (copies.period, copies.copies) == (period, 16 // period)
    first, later = [], []
    for ids in torch.from_numpy(sequences):
        chances = tiny_model(ids[None])[0].log_softmax(-1)
        for at in range(1, len(ids)):
            if at != period:
                (first if at < period else later).append(-chances[at - 1, ids[at]].item())
    assert copies.first == pytest.approx(np.mean(first), abs=1e-5)
    assert copies.later == pytest.approx(np.mean(later), abs=1e-5)


def test_without_sequences_to_repeat_the_roles_of_content_are_not_measured(tiny_config):
    model = new_model(tiny_config, seed=1)
    short = new_model(tiny_config.replace(block_size=11), seed=1)
    rng = np.random.default_rng(0)
    for asked, ids, why in (
        (model, np.full((16, 16), 5), "this text is one token over and over"),
        (model, rng.integers(3, 8, (16, 16)), "this text has 5"),
        (short, rng.integers(3, 11, (16, 11)), "context holds 11 tokens"),
    ):
        scores = head_scores(asked, ids)
        assert scores.copies is None and why in scores.notes[0]
        for role in ("induction", "same token before"):
            assert np.isnan(scores.lifts[role]).all() and scores.rows[role] == 0
        assert scores.roles == [[UNCLEAR] * 2] * 2
        assert np.isfinite(scores.lifts["itself"]).all()


def test_of_too_few_windows_every_head_is_unclear_and_it_is_told(tiny_model, windows):
    scores = head_scores(tiny_model, windows[:7])
    assert "7 windows" in scores.notes[0]
    assert np.isnan(scores.low["itself"]).all() and np.isfinite(scores.lifts["itself"]).all()
    assert scores.roles == [[UNCLEAR] * 2] * 2


@pytest.mark.parametrize(
    "bad, why",
    [
        (np.zeros((16, 17), int), "17 tokens"),
        (np.zeros((16, 8), int), "8 tokens"),
        (np.zeros((0, 16), int), "rows of token ids"),
        (np.zeros(16, int), "rows of token ids"),
        (np.full((16, 16), 11), "from 0 to 10"),
        (np.zeros((16, 16)), "whole numbers"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_windows_that_cannot_be_measured_are_a_sentence(tiny_model, bad, why):
    with pytest.raises(InputError, match=why):
        head_scores(tiny_model, bad)


def test_a_model_without_numbers_is_told(tiny_model, windows):
    with torch.no_grad():
        tiny_model.wte.weight.fill_(float("nan"))
    with pytest.raises(NotFinite):
        head_scores(tiny_model, windows)


@pytest.mark.parametrize(
    "tokens, context, shape",
    [
        (100_000, 512, (17, 128)),
        (100_000, 64, (36, 64)),
        (100_000, 16, (250, 16)),
        (1_000, 512, (16, 62)),
        (1_000, 16, (62, 16)),
        (200, 512, (12, 16)),
        (129, 512, (8, 16)),
        (90, 11, (8, 11)),
    ],
)
def test_held_out_windows_are_enough_and_do_not_overlap(tokens, context, shape):
    ids = np.arange(tokens)
    found = held_out_windows(ids, context)
    assert found.shape == shape
    assert (np.diff(found, axis=1) == 1).all() and len(np.unique(found)) == found.size
    assert found.max() > tokens * 0.85, "they are of the whole text"


def test_too_short_a_text_or_a_context_is_a_sentence():
    with pytest.raises(InputError, match=r"128 tokens to measure heads on, .* at least 129"):
        held_out_windows(np.arange(128), 512)
    with pytest.raises(InputError, match="context holds 8 tokens"):
        held_out_windows(np.arange(1_000), 8)


def test_a_run_can_be_measured_on_what_it_writes_itself(tiny_model, monkeypatch):
    monkeypatch.setattr("minigpt.interpret.windows.ROWS", 8 * 20)
    windows = written_windows(tiny_model, [3], seed=1)
    assert windows.shape == (20, 16)
    assert (windows == written_windows(tiny_model, [3], seed=1)).all()
    assert (windows != written_windows(tiny_model, [3], seed=2)).any()
    config = SampleConfig(max_new_tokens=16, temperature=1.0, seed=20)
    assert windows[0].tolist() == [step.id for step in generate(tiny_model, [3], config)]


def test_a_run_of_a_short_context_is_measured_on_as_much_as_may_be_written(
    tiny_config, monkeypatch
):
    """A context of 9 asked for 18,001 tokens, and was told of a length that nobody had chosen."""
    monkeypatch.setattr("minigpt.interpret.windows.MOST_WRITTEN", 201)
    windows = written_windows(new_model(tiny_config.replace(block_size=9), 1), [3])
    assert windows.shape == (22, 9)
    with pytest.raises(InputError, match="context holds 8 tokens"):
        written_windows(new_model(tiny_config.replace(block_size=8), 1), [3])
