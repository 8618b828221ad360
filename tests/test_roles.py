"""What a head is said to do: of patterns built by hand, which say it of themselves."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from minigpt.config import GPTConfig
from minigpt.interpret import ROLES, UNCLEAR, head_scores, role_lifts
from minigpt.interpret.intervals import LEAST_WINDOWS, interval

SHARP = GPTConfig(vocab_size=30, block_size=64, n_layer=1, n_embd=64, qk_norm=True, position="rope")
FLAT = SHARP.replace(qk_norm=False, position="learned")  # untrained, its heads look evenly at all


def rows_of(where) -> np.ndarray:
    """A pattern whose rows look evenly at the columns that `where` marks, or at all they may see
    where it marks none: (T, T)."""
    where = np.tril(where).astype(float)
    evenly = np.tril(np.ones_like(where))
    rows = np.where(where.any(-1, keepdims=True), where, evenly)
    return rows / rows.sum(-1, keepdims=True)


def looks(rule):
    """A head that looks where rule(i, j, ids) says."""

    def pattern(ids):
        T = len(ids)
        return rows_of([[rule(i, j, ids) for j in range(T)] for i in range(T)])

    return pattern


RULES = {
    "previous token": lambda i, j, ids: j == i - 1,
    "first token": lambda i, j, ids: j == 0,
    "itself": lambda i, j, ids: j == i,
    "same token before": lambda i, j, ids: j < i and ids[j] == ids[i],
    "induction": lambda i, j, ids: 0 < j < i and ids[j - 1] == ids[i],
    "near": lambda i, j, ids: j in (i - 7, i - 6, i - 5, i - 4, i - 3, i - 2),
    "broad": lambda i, j, ids: True,
}
HEADS = {role: looks(rule) for role, rule in RULES.items()}


def mixed(*names):
    return lambda ids: sum(HEADS[name](ids) for name in names) / len(names)


def noise(sharpness, seed=0):
    """A head that looks about by chance."""
    rng = np.random.default_rng(seed)

    def pattern(ids):
        T = len(ids)
        weights = np.tril(np.exp(sharpness * rng.normal(size=(T, T))))
        return weights / weights.sum(-1, keepdims=True)

    return pattern


class BuiltByHand:
    """Has the patterns of its heads, and guesses blindly."""

    device, dtype = torch.device("cpu"), torch.float32

    def __init__(self, heads, config=SHARP):
        self.heads = heads
        self.config = config.replace(n_embd=16 * len(heads), n_head=len(heads))

    def eval(self):
        return self

    def __call__(self, ids, tap):
        patterns = np.array([[head(row) for head in self.heads] for row in ids.tolist()])
        tap("h.0.attn.pattern", torch.from_numpy(patterns).float())
        return torch.zeros(*ids.shape, self.config.vocab_size)


def texts(n=16, T=32, kinds=20, seed=1) -> np.ndarray:
    """Letters by chance, each often doubled."""
    rng = np.random.default_rng(seed)
    letters = rng.integers(3, 3 + kinds, (n, T))
    return np.where(rng.random((n, T)) < 0.3, np.roll(letters, 1, axis=1), letters)


def test_every_role_is_told_of_a_head_that_has_it():
    scores = head_scores(BuiltByHand(list(HEADS.values())), texts())
    assert list(ROLES) == list(HEADS)
    assert scores.roles == [list(HEADS)]
    for head, role in enumerate(HEADS):
        assert scores.lifts[role][0, head] > 0.99
        assert scores.low[role][0, head] > 0.99
        assert scores.likeliest[0][head][0] == role
        survives = scores.shuffled[role][0, head] > 0.4
        assert survives != ROLES[role].about_content, "it goes by content, and not by place"


@pytest.mark.parametrize("sharpness", [0, 0.5, 1, 2, 8])
def test_heads_that_look_about_by_chance_are_unclear(sharpness):
    model = BuiltByHand([noise(sharpness, seed) for seed in range(4)], FLAT)
    scores = head_scores(model, texts())
    assert scores.roles == [[UNCLEAR] * 4]
    for role in set(ROLES) - {"broad"}:
        assert np.abs(scores.lifts[role]).max() < 0.06, role


def test_looking_evenly_at_all_is_a_role_only_where_an_untrained_head_does_not():
    evenly = [HEADS["broad"]]
    flat, sharp = (head_scores(BuiltByHand(evenly, c), texts()) for c in (FLAT, SHARP))
    assert flat.roles == [[UNCLEAR]] and flat.chance["broad"] == 1
    assert np.isnan(flat.lifts["broad"]).all()
    assert sharp.roles == [["broad"]] and sharp.chance["broad"] < 0.1


def test_looking_at_the_token_before_is_no_induction_where_letters_are_doubled():
    ids = np.repeat(np.arange(3, 23), 2)[None]  # aabbcc…: the token before is a copy's next
    lifts = role_lifts(HEADS["previous token"](ids[0])[None, None, None], ids)
    assert lifts["previous token"] == pytest.approx(1)
    scores = head_scores(BuiltByHand([HEADS["previous token"]]), np.repeat(texts(), 2, axis=1))
    assert scores.roles == [["previous token"]]
    assert scores.lifts["induction"][0, 0] < 0.05


def test_a_head_that_looks_back_by_just_the_period_has_no_role_of_content():
    period = head_scores(BuiltByHand([noise(1)]), texts()).copies.period
    for back in (period, period - 1):
        ahead = looks(lambda i, j, ids, back=back: j == i - back)
        scores = head_scores(BuiltByHand([ahead]), texts())
        role = "induction" if back == period - 1 else "same token before"
        assert scores.lifts[role][0, 0] > 0.9 and scores.shuffled[role][0, 0] > 0.9
        assert scores.roles == [[UNCLEAR]]
        assert scores.likeliest[0][0][0] == role


def test_what_is_found_near_by_its_content_is_not_taken_for_being_near():
    """In a text that repeats itself after six tokens, what an induction head looks at is near."""
    rng = np.random.default_rng(0)
    ids = np.stack([np.tile(rng.permutation(np.arange(3, 20))[:6], 6) for _ in range(16)])
    newest = looks(lambda i, j, ids: j == i - 5 and ids[j - 1] == ids[i])
    scores = head_scores(BuiltByHand([newest, HEADS["near"]]), ids)
    assert scores.copies.period == 6
    assert scores.lifts["near"].min() > 0.9, "both look near"
    assert scores.roles == [["induction", "near"]]


def test_a_head_of_two_roles_is_unclear_and_both_are_told():
    scores = head_scores(BuiltByHand([mixed("previous token", "itself")]), texts())
    assert scores.roles == [[UNCLEAR]]
    assert set(scores.likeliest[0][0]) == {"previous token", "itself"}


def test_a_role_that_not_every_window_shows_is_unclear():
    def sometimes(ids):
        return HEADS["itself" if ids[0] == 3 else "broad"](ids)

    ids = texts(n=8)
    ids[:, 0] = [3, 3, 3, 3, 4, 4, 4, 4]
    scores = head_scores(BuiltByHand([sometimes]), ids)
    assert scores.lifts["itself"][0, 0] == pytest.approx(0.5)
    assert scores.low["itself"][0, 0] < 0.25 < 0.75 < scores.high["itself"][0, 0]
    assert scores.roles == [[UNCLEAR]]


def lift_in_plain_loops(windows, role, patterns, layer, head, by_chance):
    """(s − u) / (1 − u), as it is defined."""
    found, uniform = [], []
    for ids, pattern in zip(windows, patterns[:, layer, head].tolist(), strict=True):
        T = len(ids)
        for i in range(8, T):
            seen = pattern[i][: i + 1]
            if role == "broad":
                entropy = -sum(p * math.log(p) for p in seen if p > 0)
                found.append(entropy / math.log(i + 1) >= 0.95)
                uniform.append(by_chance)
                continue
            columns = [j for j in range(i + 1) if RULES[role](i, j, ids)]
            if columns:
                found.append(sum(seen[j] for j in columns))
                uniform.append(len(columns) / (i + 1))
    if not found:
        return math.nan
    s, u = sum(found) / len(found), sum(uniform) / len(uniform)
    return (s - u) / (1 - u) if u <= 0.5 else math.nan


@given(st.integers(9, 20), st.integers(1, 5), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_lifts_are_those_of_plain_loops(T, kinds, n, seed):
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, kinds, (n, T))
    sharpness = rng.choice([0, 0.3, 1, 5], size=(n, 2, 2, 1, 1))
    patterns = np.tril(np.exp(sharpness * rng.normal(size=(n, 2, 2, T, T))))
    patterns /= patterns.sum(-1, keepdims=True)
    lifts = role_lifts(patterns, ids, broad_by_chance=0.2)
    for role in ROLES:
        for layer, head in np.ndindex(2, 2):
            expected = lift_in_plain_loops(ids.tolist(), role, patterns, layer, head, 0.2)
            assert lifts[role][layer, head] == pytest.approx(expected, abs=2e-5, nan_ok=True), role


def test_one_window_may_be_given_by_itself():
    pattern, ids = noise(1)(range(20))[None, None], np.arange(20)
    assert role_lifts(pattern, ids)["itself"] == role_lifts(pattern[None], ids[None])["itself"]


def test_what_is_no_attention_over_these_ids_is_refused():
    pattern = noise(1)(range(20))[None, None]
    for bad, ids in (
        (2 * pattern, np.arange(20)),  # as weights times norms are
        (-pattern, np.arange(20)),
        (pattern, np.arange(19)),
        (pattern[0], np.arange(20)),
        (pattern[:, :, 4:], np.arange(20)),
    ):
        with pytest.raises(ValueError):
            role_lifts(bad, ids)


def test_an_interval_holds_the_truth_as_often_as_it_says():
    rng, held = np.random.default_rng(0), 0
    for seed in range(200):
        bottom = rng.integers(5, 15, 40)
        low, high = interval(bottom * 3 + rng.normal(size=40), bottom, seed)
        held += low < 3 < high
    assert 0.88 < held / 200 < 0.99


def test_of_few_windows_there_is_no_interval():
    few, enough = (interval(np.arange(n, dtype=float)) for n in (LEAST_WINDOWS - 1, LEAST_WINDOWS))
    assert np.isnan(few).all() and enough[0] < enough[1]
