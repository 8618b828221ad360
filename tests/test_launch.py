import re

import pytest

from minigpt import tokenizers
from minigpt.bundle import export_run
from minigpt.config import GPTConfig, InputError, TrainConfig
from minigpt.engine.launch import check, launch
from minigpt.limits import Limits
from minigpt.metrics import Results
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
