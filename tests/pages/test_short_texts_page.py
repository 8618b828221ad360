"""Texts that are too short, and runs that were stopped too soon: each is told what it is."""

import pytest

from minigpt.config import GPTConfig, TrainConfig
from minigpt.metrics import Results
from minigpt.tokenizers import CharTokenizer
from minigpt.ui import choosing
from tests.pages.visits import by_label, opened


def test_a_text_that_start_would_refuse_is_not_announced_as_read_so_often(home_page, store):
    home_page.session_state[choosing.NEXT] = store.add_text("class", "short", "a short text")
    opened(home_page, "pages/2_Train.py")
    (warned,) = [warning.value for warning in home_page.warning]
    assert "The text has 12 tokens" in warned and "choose a context of at most 11" in warned
    assert not any("times over" in caption.value for caption in home_page.caption)
    assert by_label(home_page.button, "Start training").disabled
    by_label(home_page.number_input, "Context").set_value(11).run()
    assert not home_page.warning
    assert any("the 12 that it learns from" in caption.value for caption in home_page.caption)


@pytest.mark.parametrize(
    "state, said",
    [("stopped", "stopped before its first step"), ("failed", "failed before its first step")],
)
def test_a_run_that_ended_before_its_first_step_asks_nobody_to_wait(home_page, store, state, said):
    tokenizer = CharTokenizer.train("abc")
    run_id = store.create_run(
        "class", "never began", None, tokenizer.to_json(),
        GPTConfig(tokenizer.vocab_size, 8, 1, 1, 4), TrainConfig(), results=Results(state=state),
    )  # fmt: skip
    opened(home_page, "pages/3_Attention.py", run_id)
    (error,) = [error.value for error in home_page.error]
    assert said in error and "wait" not in error
    store.delete_run(run_id)
