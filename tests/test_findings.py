"""What a curve says: on made curves, each thing where it is and where it nearly is."""

import re

import numpy as np
import pytest

from minigpt.config import GPTConfig, Restart, TrainConfig
from minigpt.findings import FLOOR, Levels, findings, levels
from minigpt.findings.trends import mean, median, slope_of, spread
from minigpt.store import Curves, Run
from minigpt.tokenizers import CharTokenizer

LINES = {"uniform": 4.2, "unigram": 3.3, "bigram": 2.5, "trigram": 2.0}
KNOWN = Levels(100_000, LINES)
SHAPE = GPTConfig(vocab_size=67, block_size=64)


def a_run(step: int, state: str = "finished", shape: GPTConfig = SHAPE, **train) -> Run:
    config = TrainConfig(**{"max_steps": step, "learning_rate": 0.003, **train})
    return Run(
        "id", "me", "a run", "text", "{}", shape, config, state, "stopped", step, "", 0.0, 0.0, 0.0,
        None, False, 1.0,
    )  # fmt: skip


def curves(train: np.ndarray, val: np.ndarray, every: int, noise: float = 0.04, seed: int = 0):
    """A curve of both losses, (n,); validation is read every so many steps, and with less noise,
    for it always reads the same text."""
    chance, n = np.random.default_rng(seed), len(train)
    steps, nan = np.arange(1.0, n + 1), np.full(n, np.nan)
    measured = (steps % every == 0) | (steps == 1)
    val = np.where(measured, val + noise / 4 * chance.normal(size=n), np.nan)
    train = train + noise * chance.normal(size=n)
    return Curves(steps, steps, train, val, nan, nan, steps, nan)


def falling(n: int, to: float, by: float = 30.0) -> np.ndarray:
    """From 4.2 down to a level where it stays."""
    return to + (4.2 - to) * np.exp(-np.arange(n) / by)


def kinds(run: Run, curve: Curves, known: Levels | None = KNOWN) -> list[str]:
    return [finding.kind for finding in findings(run, curve, known)]


@pytest.mark.parametrize("seed", range(20))
def test_of_a_healthy_curve_that_has_levelled_off_there_is_nothing_to_say(seed):
    curve = curves(falling(400, 1.7), falling(400, 1.85), 20, seed=seed)
    for state in ("finished", "running"):
        assert kinds(a_run(400, state), curve) == []


@pytest.mark.parametrize("seed", range(10))
def test_what_learns_by_heart_is_told_since_when(seed):
    val = falling(400, 1.6)
    val[200:] += 0.002 * np.arange(200)
    curve = curves(falling(400, 1.0, 120), val, 20, seed=seed)
    finding, *_ = findings(a_run(400), curve, KNOWN)
    since = int(finding.title.split()[-1])
    assert finding.kind == "heart" and 120 <= since <= 240
    best = np.nanmin(curve.val_loss)
    assert f"{best:.2f} nats" in finding.numbers
    assert since == curve.step[np.nanargmin(curve.val_loss)]
    assert kinds(a_run(400, "running"), curve)[0] == "heart", "known while it runs"


def test_what_reads_a_small_text_over_and_over_is_told_to_take_more_text():
    val = falling(400, 1.6)
    val[100:] += 0.007 * np.arange(300)
    curve = curves(falling(400, 0.15, 60), val, 20)
    short = Levels(2_700, LINES)
    (finding,) = findings(a_run(400, shape=SHAPE.replace(n_embd=128)), curve, short)
    assert finding.kind == "heart"
    assert "2,700 tokens it learns from were read 76 times over: bring more text" in finding.advice


@pytest.mark.parametrize("seed", range(20))
def test_a_validation_loss_that_only_wobbles_is_not_learning_by_heart(seed):
    val = falling(400, 1.6) + 0.03 * np.random.default_rng(seed).normal(size=400)
    assert "heart" not in kinds(a_run(400), curves(falling(400, 1.2, 90), val, 20, seed=seed))


def test_validation_that_rises_together_with_training_is_not_learning_by_heart():
    train, val = falling(400, 1.6), falling(400, 1.7)
    train[250:] += 0.2
    val[250:] += 0.2
    assert "heart" not in kinds(a_run(400), curves(train, val, 20))


@pytest.mark.parametrize("seed", range(10))
def test_what_still_falls_at_its_end_is_told_by_how_much(seed):
    line = np.linspace(4.0, 1.5, 500)
    curve = curves(line - 0.1, line, 25, seed=seed)
    (finding,) = findings(a_run(500), curve, KNOWN)
    assert finding.kind == "falling"
    assert re.search(r"by 0\.(4[89]|5[012]) nats over its last 100 steps", finding.numbers)
    assert kinds(a_run(500, "running"), curve) == [], "what runs is not at its end"
    assert kinds(a_run(500, "paused"), curve) == []


@pytest.mark.parametrize("seed", range(20))
def test_a_fall_within_the_spread_is_none(seed):
    line = falling(500, 1.8) - np.linspace(0, 0.03, 500)
    assert kinds(a_run(500), curves(line, line, 25, noise=0.12, seed=seed)) == []


def test_a_fall_that_is_told_as_nothing_is_none():
    """However sure it is: 0.008 nats in the last fifth of a loss of half a nat."""
    line = np.concatenate([np.linspace(4.0, 0.55, 200), np.linspace(0.55, 0.534, 300)])
    curve = curves(line, line, 25, noise=0.0001)
    assert kinds(a_run(500), curve) == []


def test_of_a_text_known_by_heart_nothing_is_still_falling():
    line = np.concatenate([np.linspace(4.0, 0.2, 200), np.linspace(0.2, 0.05, 300)])
    curve = curves(line, line, 25, noise=0.001)
    assert kinds(a_run(500), curve) == []


def test_a_fall_that_came_to_its_end_before_the_run_did_is_none():
    line = np.concatenate([np.linspace(4.0, 1.7, 380), np.full(120, 1.7)])
    assert kinds(a_run(500), curves(line, line, 20)) == []


def test_without_unseen_text_the_end_is_that_of_the_training_loss():
    line = np.linspace(4.0, 1.5, 500)
    curve = curves(line, np.full(500, np.nan), 25)
    (finding,) = findings(a_run(500), curve, None)
    assert finding.kind == "falling" and "on the text it learns from" in finding.numbers


@pytest.mark.parametrize(
    "level, said", [(2.7, ["bigram"]), (2.52, ["bigram"]), (2.3, ["trigram"]), (1.95, [])]
)
def test_counting_is_named_where_it_is_better(level, said):
    curve = curves(falling(400, level), falling(400, level), 20, noise=0.02)
    assert kinds(a_run(400), curve) == said
    assert kinds(a_run(400, "running"), curve) == []
    assert kinds(a_run(400), curve, None) == [], "without its text nobody knows"


@pytest.mark.parametrize("seed", range(10))
def test_spikes_are_counted_and_the_furthest_is_named(seed):
    train = falling(400, 1.8)
    train[[150, 151, 300]] += [1.0, 0.9, 1.7]
    found = findings(a_run(400), curves(train, falling(400, 1.9), 20, seed=seed), KNOWN)
    assert [finding.kind for finding in found] == ["spikes"]
    assert re.search(r"jumped 2 times, furthest at step 301, from 1\.[78]", found[0].numbers)


@pytest.mark.parametrize("seed", range(10))
def test_the_noise_of_small_batches_is_no_spike(seed):
    curve = curves(falling(400, 1.8), falling(400, 1.9), 20, noise=0.3, seed=seed)
    assert kinds(a_run(400), curve) == []


def test_the_bump_of_a_warm_restart_is_neither_spike_nor_fall_back_nor_learning_by_heart():
    train, val = falling(400, 1.5), falling(400, 1.7)
    bump = 0.25 * np.concatenate([np.linspace(0, 1, 20), np.linspace(1, -1, 130)])
    train[250:], val[250:] = 1.5 + bump, 1.7 + bump
    run = a_run(400, lr_decay_steps=250, restarts=(Restart(250, 400, 1.0),))
    assert kinds(run, curves(train, val, 20)) == ["falling"]
    halfway = curves(train[:300], val[:300], 20)
    assert kinds(a_run(300, "running", restarts=run.train.restarts, max_steps=400), halfway) == []


@pytest.mark.parametrize(
    "to, said", [(3.3, "how often each token occurs (3.30)"), (2.9, "by now.")]
)
def test_a_loss_that_went_up_and_stayed_was_thrown_back(to, said):
    train, val = falling(300, 2.1, 15), falling(300, 2.1, 15)
    train[150:], val[150:] = to, to
    for state in ("finished", "running"):
        (finding,) = findings(a_run(300, state), curves(train, val, 20), KNOWN)
        assert finding.kind == "back" and finding.title == "Thrown back"
        assert said in finding.numbers and "from 2." in finding.numbers
        assert "a lower learning rate: 0.001 instead of 0.003" in finding.advice


def test_what_ends_worse_than_blind_guessing_says_so():
    train = np.concatenate([falling(50, 3.0), np.full(250, 8e6)])
    run = a_run(300, optimizer="muon", muon_learning_rate=0.06)
    (finding,) = findings(run, curves(train, train, 20), KNOWN)
    assert "8,000,000 nats; blind guessing gives 4.20" in finding.numbers
    assert "0.001 and 0.02 instead of 0.003 and 0.06" in finding.advice


def test_a_start_far_above_guessing_is_told_when_it_has_come_back():
    train = falling(300, 2.6)
    train[5:60] += np.linspace(9, 0, 55)
    (finding, *more) = findings(a_run(300, learning_rate=0.5), curves(train, train, 20), KNOWN)
    assert finding.kind == "course" and more == []
    assert "blind guessing gives 4.20, and was below that again from step" in finding.numbers
    assert "a lower learning rate: 0.2 instead of 0.5" in finding.advice


def test_what_never_knew_more_than_frequencies_gets_another_learning_rate():
    creeping = np.linspace(4.2, 3.6, 300)
    (finding, *_) = findings(a_run(300), curves(creeping, creeping, 20), KNOWN)
    assert finding.kind == "stuck" and "higher learning rate: 0.009" in finding.advice
    flat = falling(300, 3.32, 5)
    (finding, *_) = findings(a_run(300, "running"), curves(flat, flat, 20), KNOWN)
    assert finding.kind == "stuck" and "lower learning rate: 0.001" in finding.advice
    creeping[[100, 150]] += 2  # it falls because it was thrown up before
    (finding, *_) = findings(a_run(300), curves(creeping, creeping, 20), KNOWN)
    assert finding.kind == "stuck" and "lower learning rate: 0.001" in finding.advice
    young = curves(flat[:60], flat[:60], 20)
    assert kinds(a_run(60, "running", max_steps=300), young) == [], "it may still come"


def test_weights_that_decay_takes_away_are_told_to_decay_less():
    """AdamW multiplies a weight by 1 − rate · decay in each step: with 1 and 10 by -9."""
    run = a_run(30, "diverged", learning_rate=0.3, weight_decay=10.0)
    flat = curves(np.full(30, 3.0), np.full(30, 3.0), 10)
    (finding,) = findings(run, flat, KNOWN)
    assert "Weight decay times learning rate is 3," in finding.advice
    assert "a weight decay of 0.1" in finding.advice and "lower" not in finding.advice
    (finding,) = findings(a_run(30, "diverged"), flat, KNOWN)
    assert "lower learning rate" in finding.advice


def test_a_diverged_run_says_where_and_nothing_else():
    curve = curves(falling(30, 3.0), falling(30, 3.0), 10)
    (finding,) = findings(a_run(30, "diverged"), curve, KNOWN)
    assert finding.kind == "diverged" and "at step 31" in finding.numbers
    first = curves(falling(0, 3.0), falling(0, 3.0), 10)
    (finding,) = findings(a_run(1, "diverged"), first, KNOWN)
    assert "no longer a number." in finding.numbers


@pytest.mark.parametrize("level, said", [(1.01, ["floor"]), (1.1, [])])
def test_a_world_learned_to_its_floor_is_done(level, said):
    world = Levels(100_000, {**LINES, FLOOR: 1.0})
    curve = curves(falling(400, level), falling(400, level), 20, noise=0.02)
    assert kinds(a_run(400), curve, world) == said
    assert kinds(a_run(400, "running"), curve, world) == said


def test_a_text_read_over_and_over_by_a_large_model_is_told_from_the_start():
    young, large = curves(falling(2, 2.0), falling(2, 2.0), 20), SHAPE.replace(n_embd=128)
    (finding,) = findings(a_run(2, "running", large, max_steps=1_000), young, Levels(2_700, LINES))
    assert finding.kind == "short"
    assert f"{large.num_parameters():,} parameters learn from 2,700 tokens" in finding.numbers
    assert "were read 0.4 times over by now, and 190 times over in the end" in finding.numbers
    stopped = a_run(2, "stopped", large, max_steps=1_000)
    assert kinds(stopped, young, Levels(2_700, LINES)) == [], "it was read less than once"
    few = a_run(2, "running", large, max_steps=200)
    assert kinds(few, young, Levels(2_700, LINES)) == [], "38 times"
    small = a_run(2, "running", SHAPE.replace(n_embd=4), max_steps=1_000)
    assert kinds(small, young, Levels(4_000, LINES)) == [], "a model smaller than the text"


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 11, 19])
@pytest.mark.parametrize("state", ["queued", "running", "paused", "finished", "stopped", "failed"])
def test_a_curve_of_a_few_steps_says_nothing(steps, state):
    assert kinds(a_run(max(steps, 1), state), curves(falling(steps, 3), falling(steps, 3), 5)) == []


def test_numbers_that_are_none_are_left_out():
    curve = curves(falling(400, 1.7), falling(400, 1.85), 20)
    curve.train_loss[200], curve.val_loss[199] = np.inf, np.inf
    assert kinds(a_run(400), curve) == []


def test_levels_are_those_of_counting():
    text = "hello world, hello moon, hello sun. " * 60
    tokenizer = CharTokenizer.train(text)
    known = levels(text, tokenizer.to_json(), 0.1, 16)
    assert known.tokens == len(text) - len(text) // 10
    assert known.lines["uniform"] == pytest.approx(np.log(tokenizer.vocab_size))
    assert known.lines["trigram"] < known.lines["bigram"] < known.lines["unigram"]
    assert levels(text, tokenizer.to_json(), 0.0, 16).lines == {}


def test_means_medians_and_slopes_are_those_of_a_plain_computation():
    values = np.random.default_rng(0).normal(size=40).cumsum()
    around = [values[max(0, i - 3) : i + 4] for i in range(40)]
    np.testing.assert_allclose(mean(values, 3), [part.mean() for part in around])
    inner = slice(3, -3)
    np.testing.assert_allclose(median(values, 3)[inner], [np.median(p) for p in around][inner])
    x = np.arange(40.0)
    (slope, _), covariance = np.polyfit(x, values, 1, cov=True)
    assert slope_of(x, values) == pytest.approx((slope, covariance[0, 0] ** 0.5))


def test_the_spread_is_that_of_the_noise_and_not_of_the_trend():
    noise = 0.1 * np.random.default_rng(0).normal(size=5_000)
    assert spread(noise + np.linspace(50, 0, 5_000)) == pytest.approx(0.1, rel=0.05)
