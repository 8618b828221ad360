"""The smallest things the tests stand on, named as nouns."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from minigpt import bundle
from minigpt.config import GPTConfig, TrainConfig
from minigpt.engine import worker
from minigpt.model import GPT, new_model
from minigpt.store import Store
from minigpt.tokenizers import CharTokenizer

# How long an example takes tells of the machine, not of the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# Tiny models are fastest on one thread, and a busy machine waits for the slowest of several.
os.environ["MINIGPT_THREADS"] = "1"
torch.set_num_threads(1)


@pytest.fixture
def tiny_config() -> GPTConfig:
    return GPTConfig(vocab_size=11, block_size=16, n_layer=2, n_head=2, n_embd=8)


@pytest.fixture
def tiny_model(tiny_config: GPTConfig) -> GPT:
    model, noise = new_model(tiny_config, seed=1), torch.Generator().manual_seed(1)
    with torch.no_grad():  # far from zero, so that attention and logits are far from uniform
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.mul_(8)
            else:
                weight.add_(0.1 * torch.randn(weight.shape, generator=noise))
    return model.eval()


@pytest.fixture
def ids() -> torch.Tensor:
    return torch.randint(0, 11, (2, 16), generator=torch.Generator().manual_seed(3))


@pytest.fixture
def simple_text() -> str:
    return "hello world, hello moon, hello sun. " * 60


@pytest.fixture
def fresh_store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "home")
    yield store
    store.close()


@pytest.fixture
def small_run(fresh_store: Store, simple_text: str) -> str:
    """A queued run that trains in less than a second."""
    tokenizer = CharTokenizer.train(simple_text)
    text_id = fresh_store.add_text("me", "simple", simple_text)
    return fresh_store.create_run(
        "me",
        "small",
        text_id,
        tokenizer.to_json(),
        GPTConfig(tokenizer.vocab_size, block_size=16, n_layer=1, n_head=2, n_embd=8),
        TrainConfig(max_steps=20, batch_size=4, eval_interval=5, warmup_steps=2),
    )


@pytest.fixture
def token_stream() -> np.ndarray:
    return np.random.default_rng(0).integers(3, 11, 400)


@pytest.fixture
def other_store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "other")
    yield store
    store.close()


@pytest.fixture
def exported(fresh_store: Store, small_run: str) -> bytes:
    """The small run, trained, as the bytes of a file."""
    trainer = worker.Worker(fresh_store)
    while trainer.turn():
        pass
    return bundle.export_run(fresh_store, fresh_store.run(small_run))


class OneBrowser(LoadScopeScheduling):
    """Of several processes, one has the browser and its server, and the others the rest."""

    def _split_scope(self, nodeid: str) -> str:
        return "browser" if nodeid.startswith("tests/e2e/") else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> OneBrowser:
    return OneBrowser(config, log)
