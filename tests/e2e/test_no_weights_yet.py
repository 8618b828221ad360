"""A run that has not made a step: its pages wait with it."""

import os
import signal

import pytest
from playwright.sync_api import expect

from minigpt import tokenizers
from minigpt.config import GPTConfig, TrainConfig
from minigpt.store import EVERYONE, Store
from tests.e2e.browser import HEAD, RIVER, TOKENS, settled, visit, wait_until


@pytest.mark.parametrize("title", ["Attention", "Generate"])
def test_a_page_is_drawn_by_itself_once_a_run_has_weights(page, server, running_app, title):
    visit(page, f"{server}/Train", "Train")  # the worker is there
    wait_until(page, running_app.children)
    (worker,) = running_app.workers()
    os.kill(worker, signal.SIGSTOP)
    store, tokenizer = Store(running_app.home), tokenizers.train(RIVER)
    run_id = store.create_run(
        EVERYONE, "river", store.add_text(EVERYONE, "river", RIVER), tokenizer.to_json(),
        GPTConfig(tokenizer.vocab_size, 16, 1, 1, 8), TrainConfig(max_steps=5, batch_size=4),
    )  # fmt: skip
    visit(page, f"{server}/{title}?run={run_id}", title)
    expect(page.get_by_text("This run waits in line and has no weights yet")).to_be_visible()
    os.kill(worker, signal.SIGCONT)
    drawn = page.locator(f"{HEAD}, {TOKENS}").first
    expect(drawn).to_be_visible(timeout=60_000)
    settled(page)
    expect(page.get_by_text("no weights yet")).to_have_count(0)
    store.delete_run(run_id)  # other tests count what everybody sees
    store.close()
