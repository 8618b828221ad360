"""Models of odd shapes, on every page: what they take of the server's memory, and how long.

    python -m tests.campaigns.shapes --memory 1000

A file of a run may hold any model with few enough parameters, also such as nobody could train here:
deep, wide, of a long context, of a large vocabulary. Each is opened on every page and in every tab,
reads 20,000 characters, and writes; memory is what server and child have more than before.
"""

import argparse
import asyncio
import os
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self
from unittest.mock import patch

import numpy as np
import safetensors.numpy

from minigpt.config import GPTConfig, TrainConfig
from minigpt.metrics import Metrics, Results
from minigpt.store import Store
from minigpt.tokenizers import CharTokenizer
from minigpt.ui.generate.page import SIDES
from minigpt.ui.inside.page import INSTRUMENTS
from tests.benchmarks.classroom import memory_mb
from tests.servers import Server, app_server
from tests.sessions import Session, said

HONEST = "0123456789abcdef" * 2
LETTERS = 20_000  # of a text that is read
FIRST = 0x10000  # of the characters: behind it there are enough in a row
SHAPES = {
    "deep": {"n_layer": 48, "n_head": 64, "n_embd": 128, "block_size": 1_024},
    "long": {"n_layer": 24, "n_head": 4, "n_embd": 128, "block_size": 4_096},
    "wide": {"n_layer": 1, "n_head": 1, "n_embd": 1_024, "block_size": 4_096},
    "wordy": {"n_layer": 2, "n_head": 2, "n_embd": 64, "block_size": 4_096, "vocab_size": 60_000},
    "heads": {"n_layer": 2, "n_head": 64, "n_embd": 256, "block_size": 4_096},
}
VISITS = [
    ("", "", ""),
    ("Train", "", ""),
    ("Attention", "", "Text to look at"),
    *(("Generate", f"side={side}", "Prompt") for side in SIDES),
    *(("Inside", f"instrument={name}", "Text to look at") for name in INSTRUMENTS),
]


def bring(store: Store, name: str, shape: dict[str, int]) -> str:
    """A run that has ended with such a model, whose weights are noise; returns its id."""
    size = shape.get("vocab_size", 100)
    tokenizer = CharTokenizer("".join(map(chr, range(FIRST, FIRST + size - 3))))
    config = GPTConfig(
        **{"vocab_size": tokenizer.vocab_size, "position": "rope", "tie_weights": True} | shape
    )
    chance = np.random.default_rng(0)
    weights = {
        name: 0.1 * chance.standard_normal(of, np.float32)
        for name, of in config.weight_shapes().items()
    }
    halves = {name: weight.astype(np.float16) for name, weight in weights.items()}
    results = Results(
        [Metrics(1, config.block_size, 5.0, 5.0, 0.1, 1.0, 1.0)],
        [(1, chr(FIRST) * 9)],
        [(step, safetensors.numpy.save(halves)) for step in (0, 1)],
        (1, safetensors.numpy.save({f"model.{name}": w for name, w in weights.items()})),
        state="finished",
    )
    train = TrainConfig(max_steps=1, batch_size=1)
    return store.create_run(HONEST, name, None, tokenizer.to_json(), config, train, results=results)


class Seen(NamedTuple):
    """What a visit took."""

    shape: str
    page: str
    query: str
    seconds: float
    before: float  # MB of the server and its child
    more: float  # MB that they took at most besides
    told: list[str]  # what alerts said


class Highest:
    """The most that the server and its child take until the end of the block, in MB."""

    def __init__(self, server: Server) -> None:
        self._server, self._ends, self.most = server, threading.Event(), 0.0

    def now(self) -> float:
        workers, total = {*self._server.workers()}, memory_mb(self._server.process.pid)
        for pid in {*self._server.children()} - workers:
            with suppress(OSError, ValueError):
                total += memory_mb(pid)
        return total

    def __enter__(self) -> Self:
        self.before = self.now()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def _look(self) -> None:
        while not self._ends.wait(0.05):
            with suppress(OSError, ValueError):
                self.most = max(self.most, self.now())

    def __exit__(self, *exception: object) -> None:
        self._ends.set()
        self._thread.join()


async def visit(address: str, run_id: str, page: str, query: str, field: str) -> list[str]:
    """Opens a page and a tab, gives it much to read; returns what its alerts say."""
    asked = Session(address, page, f"run={run_id}&{query}", workspace=HONEST, seconds=900)
    async with asked as session:
        answers = await session.arrive()
        if field:
            session.choose(field, "".join(chr(FIRST + i % 90) for i in range(LETTERS)))
            answers = await session.ask()
        if page == "Generate":
            answers += await session.press("Write")
    return said(answers)


def campaign(
    shapes: Sequence[str], memory: int = 1_000, visits: Sequence[tuple[str, str, str]] = VISITS
) -> Iterator[Seen]:
    """What each visit took. Raises AssertionError when the server has ended or a page showed an
    exception."""
    for name in shapes:
        with (
            patch.dict(os.environ, MINIGPT_MEMORY_MB=str(memory)),
            tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
            app_server(Path(folder)) as server,
        ):
            store = Store(Path(folder))
            asyncio.run(visit(server.address, "demo", "", "", ""))  # torch is loaded
            run_id = bring(store, name, SHAPES[name])
            for page, query, field in visits:
                started = time.monotonic()
                with Highest(server) as highest:
                    told = asyncio.run(visit(server.address, run_id, page, query, field))
                assert server.process.poll() is None, "the server has ended"
                assert not [words for words in told if "exception" in words], told
                took, more = time.monotonic() - started, highest.most - highest.before
                yield Seen(name, page, query, took, highest.before, more, told)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--memory", type=int, default=1_000)
    parser.add_argument("--shapes", nargs="+", choices=[*SHAPES], default=[*SHAPES])
    asked = parser.parse_args()
    for seen in campaign(asked.shapes, asked.memory):
        told = "; ".join(dict.fromkeys(words[:70] for words in seen.told))
        print(
            f"{seen.shape:10} {seen.page:9} {seen.query:32} {seen.seconds:6.1f} s "
            f"{seen.before:5.0f} MB + {seen.more:5.0f}  {told}",
            flush=True,
        )


if __name__ == "__main__":
    main()
