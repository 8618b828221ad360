import re

import pytest

from minigpt import memory, tokenizers
from minigpt.bundle import export_run
from minigpt.config import GPTConfig, InputError, SettingError, TrainConfig
from minigpt.engine.launch import check, check_cost, launch
from minigpt.engine.speed import Speed
from minigpt.limits import Limits
from minigpt.metrics import Results
from minigpt.recipes import PRESETS
from minigpt.store import Store
from minigpt.weights import load_model

BODY = "the cat sat on the mat, and the rat sat on the cat. " * 4
LIMITS = Limits(max_runs_per_workspace=100_000)


def refusal(store: Store, tokenizer: tokenizers.Tokenizer, text_id: str, model, train) -> str:
    """What is said against such a run before and after pressing Start, which is the same."""
    tokens, before = len(tokenizer.encode(store.text(text_id))), ""
    try:
        check(store, LIMITS, "me", tokens, model, train)
    except InputError as error:
        before = str(error)
    try:
        launch(store, LIMITS, "me", "short", text_id, tokenizer, model, train)
    except InputError as error:
        assert str(error) == before
    else:
        assert before == ""
    return before


@pytest.mark.parametrize("kind", tokenizers.KINDS)
@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.5])
def test_what_is_announced_starts_and_what_a_refusal_recommends_does_too(
    fresh_store, kind, fraction
):
    train = TrainConfig(max_steps=1, val_fraction=fraction)
    for length in range(1, 201, 9):
        text_id = fresh_store.add_text("me", "short", BODY[:length])
        tokenizer = tokenizers.train(BODY[:length], kind, 300)
        shape = GPTConfig(tokenizer.vocab_size, 64, 1, 1, 4)
        for context in (1, 2, 5, 17, 64):
            model = shape.replace(block_size=context)
            said = refusal(fresh_store, tokenizer, text_id, model, train)
            if found := re.search(r"a context of at most (\d+)$", said):
                fitting = shape.replace(block_size=int(found[1]))
                assert refusal(fresh_store, tokenizer, text_id, fitting, train) == ""
                longer = shape.replace(block_size=int(found[1]) + 1)
                assert refusal(fresh_store, tokenizer, text_id, longer, train) != ""


def test_a_run_without_weights_says_what_its_state_means(fresh_store, small_run):
    sayings = {}
    for state in ("queued", "running", "paused", "stopped"):
        if state != "queued":
            fresh_store.wish(small_run, state)
            fresh_store.record(small_run, Results(state=state))
        run = fresh_store.run(small_run)
        assert run.state == state
        with pytest.raises(InputError) as refused:
            load_model(fresh_store, run)
        sayings[state] = str(refused.value)
        if state != "running":
            with pytest.raises(InputError, match=re.escape(sayings[state])):
                export_run(fresh_store, run)
    assert len(set(sayings.values())) == 4
    assert [state for state, said in sayings.items() if "wait until" in said] == ["running"]


GREEDY = TrainConfig(max_steps=10, batch_size=1_024)
SHAPE = GPTConfig(vocab_size=50, block_size=1_024, n_layer=2, n_head=4, n_embd=64)


def said_against(store: Store, limits: Limits, model: GPTConfig, train: TrainConfig) -> str:
    with pytest.raises(SettingError) as refused:
        check(store, limits, "me", 40_000, model, train)
    return str(refused.value)


@pytest.mark.parametrize("memory_mb", [1_000, 8_000, 16_000])
def test_a_run_that_needs_more_memory_than_there_is_is_told_what_would_fit(fresh_store, memory_mb):
    limits = Limits.of_host(memory_mb)
    said = said_against(fresh_store, limits, SHAPE, GREEDY)
    takes = memory.of_run(SHAPE, GREEDY, 40_000).total / 1e6
    assert f"takes about {takes:,.0f} MB of memory" in said
    assert f"this installation has {limits.max_running_mb:,} MB for runs" in said
    parts, batch = (
        int(re.search(rf"{name} to at \w+ ([\d,]+)", said)[1].replace(",", ""))
        for name in ("accumulation_steps", "batch_size")
    )
    for fits, too_much in (
        ({"accumulation_steps": parts}, {"accumulation_steps": parts - 1}),
        ({"batch_size": batch}, {"batch_size": batch + 1}),
    ):
        limits.check_memory(SHAPE, GREEDY.replace(**fits), 40_000)
        with pytest.raises(InputError):
            limits.check_memory(SHAPE, GREEDY.replace(**too_much), 40_000)


def test_a_model_too_large_in_any_batch_is_told_so():
    model = SHAPE.replace(n_layer=6, n_embd=512)
    with pytest.raises(InputError, match="make the model narrower, shallower, or shorten"):
        Limits(max_running_mb=100).check_memory(model, TrainConfig())


def test_a_step_for_which_the_others_would_wait_too_long_is_told_what_would_not(fresh_store):
    limits = Limits(max_running_mb=10**6)
    said = said_against(fresh_store, limits, SHAPE, GREEDY)
    assert re.search(r"a step of this model takes about \d+ s on this machine", said)
    assert "lets the others wait for at most 30 s" in said
    batch = int(re.search(r"batch_size to at most (\d+)$", said)[1])
    check_cost(fresh_store, limits, SHAPE, GREEDY.replace(batch_size=batch), 40_000)
    with pytest.raises(InputError):
        check_cost(fresh_store, limits, SHAPE, GREEDY.replace(batch_size=batch + 1), 40_000)


def test_a_measurement_for_which_the_others_would_wait_too_long_is_told_too(fresh_store):
    train = TrainConfig(batch_size=64, eval_batches=1_000, val_fraction=0.5)
    tokens = 20_000_000
    with pytest.raises(SettingError) as refused:
        check_cost(fresh_store, Limits(), SHAPE, train, tokens)
    most = int(re.search(r"eval_batches to at most (\d+)$", str(refused.value))[1])
    check_cost(fresh_store, Limits(), SHAPE, train.replace(eval_batches=most), tokens)


def test_how_long_a_step_takes_is_told_by_this_machine(fresh_store):
    train = TrainConfig(batch_size=64)
    check_cost(fresh_store, Limits(), SHAPE, train, 40_000)
    slow = {name: 100 * seconds for name, seconds in Speed.supposed().seconds.items()}
    fresh_store.keep_speed("this one", Speed(slow).to_json())
    with pytest.raises(SettingError, match="on this machine"):
        check_cost(fresh_store, Limits(), SHAPE, train, 40_000)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_may_be_trained_on_a_usual_machine(fresh_store, name):
    preset = PRESETS[name]
    check_cost(fresh_store, Limits(), preset.model(100), preset.train, 20_000_000)
