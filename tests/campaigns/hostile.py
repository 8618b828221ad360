"""Many sessions that do their worst on one server, and an honest visitor among them.

    python -m tests.campaigns.hostile --sessions 50 --seconds 300 --memory 1000

A fifth of them clears the caches, a fifth pastes 20 MB, a fifth learns 16,384 merges of ever new
texts, a fifth has 2,000 tokens written again and again, a fifth uploads files, leaves them and
comes back. The honest visitor goes from page to page, watches a run of theirs that trains, and
finds all that was theirs at the end. Memory is that of the server and all its children, shared
pages in proportion, while a control group of `--memory` MB is what they are told of.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self
from unittest.mock import patch

import numpy as np
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.exceptions import ConnectionClosed

from minigpt import tokenizers
from minigpt.recipes import PRESETS
from minigpt.store import Store
from tests.benchmarks.classroom import memory_mb
from tests.servers import Server, app_server
from tests.sessions import Session, said

MB = 1_000_000
LARGEST = 20  # millions of characters of a paste, twice the MB of a file
HONEST = "0123456789abcdef" * 2  # a browser's workspace
PAGES = ["", "Data", "Train", "Attention", "Generate", "Inside"]
FIELDS = [("Data", "Your text"), ("Generate", "Prompt"), ("Attention", "Text to look at")]
MEASURED = "Attention with all that it measures"
AFTERWARDS = 200.0  # seconds: a session that left is forgotten after 120
ENDED = 5  # runs of the honest visitor's that do not train any more
STORY = "The ferry left at dawn, and the harbour sang of salt and rope.\n" * 400


def ever_new(seed: int, n: int) -> str:
    """Letters without spaces, so that every piece is a new one."""
    return np.random.default_rng(seed).integers(97, 123, n, dtype=np.uint8).tobytes().decode()


async def clears(address: str, seed: int, _largest: int) -> None:
    """Asks the server to clear its caches, and for a page that then has to count anew."""
    async with Session(address, PAGES[seed % len(PAGES)]) as session:
        for _ in range(20):
            await session.send(BackMsg(clear_cache=True))
            await session.ask()


async def pastes(address: str, seed: int, largest: int) -> None:
    """Puts 20 MB into a field, as no browser lets one, and has something done with it."""
    page, label = FIELDS[seed % len(FIELDS)]
    async with Session(address, page) as session:
        await session.ask()
        if page == "Data":
            session.choose("tabs", "Paste")
            await session.ask()
        session.choose(label, ever_new(seed, largest))
        await session.ask()
        if page == "Data":
            await session.press("Keep this text")
        await asyncio.sleep(5)  # while the server holds it


async def merges(address: str, seed: int, largest: int) -> None:
    """Takes a text as large as may be, and asks for its merges, each time for other ones."""
    async with Session(address, "Data") as session:
        await session.ask()
        file = await session.upload("new.txt", ever_new(seed, largest // 2).encode())
        session.choose("Text files", file)
        await session.ask()
        session.choose("Tokenizer", "BPE")
        await session.ask()
        for n in range(4):
            session.choose("Vocabulary", 16_384.0 - n)
            await session.ask()


async def writes(address: str, seed: int, _largest: int) -> None:
    async with Session(address, "Generate") as session:
        await session.ask()
        session.choose("Length", 2_000.0)
        for n in range(10):
            session.choose("Seed", float(1_000 * seed + n))
            await session.press("Write")


async def leaves(address: str, seed: int, largest: int) -> None:
    """Uploads what no page is ever told of, as large as a host of 1 GB takes it, and goes."""
    async with Session(address, "Data") as session:
        await session.ask()
        for n in range(3):
            await session.upload(f"{n}.txt", ever_new(seed, largest // 2).encode())


Worst = Callable[[str, int, int], Coroutine[Any, Any, None]]
WORST: dict[str, Worst] = {
    worst.__name__: worst for worst in (clears, pastes, merges, writes, leaves)
}


async def attack(
    address: str, sessions: int, until: float, largest: int, kinds: list[str]
) -> Counter[str]:
    """So many sessions at once, each comes back as another when it has done or was thrown out."""
    seeds, did = count(), Counter[str]()

    async def one(worst: Worst) -> None:
        while time.time() < until:
            outcome = "done"
            try:
                async with asyncio.timeout(until - time.time()):
                    await worst(address, next(seeds), largest * MB)
            except (ConnectionClosed, OSError, TimeoutError, KeyError) as error:
                outcome = type(error).__name__
                await asyncio.sleep(0.2)
            did[f"{worst.__name__}: {outcome}"] += 1

    await asyncio.gather(*(one(WORST[kinds[i % len(kinds)]]) for i in range(sessions)))
    return did


def attackers(
    address: str, sessions: int, until: float, largest: int, kinds: list[str], tell: Connection
) -> None:
    """The same in a process of its own, which leaves the cores to those it attacks, and which ends
    with what it has under way."""
    os.nice(10)
    loop = asyncio.new_event_loop()
    tell.send(dict(loop.run_until_complete(attack(address, sessions, until, largest, kinds))))
    os._exit(0)


@dataclass
class Memory:
    """What the server and all its children take, looked at until the end of the block."""

    server: Server
    highest: float = 0.0  # MB
    of: dict[str, float] = field(default_factory=dict)

    def now(self) -> dict[str, float]:
        """MB of the server, its worker and its child."""
        taken = {"server": memory_mb(self.server.process.pid), "worker": 0.0, "child": 0.0}
        workers = set(self.server.workers())
        for pid in self.server.children():
            with suppress(OSError, ValueError):  # it has ended in between
                taken["worker" if pid in workers else "child"] += memory_mb(pid)
        return taken

    def __enter__(self) -> Self:
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def _look(self) -> None:
        while not self._ends.wait(0.5):
            with suppress(OSError, ValueError):
                taken = self.now()
                if sum(taken.values()) > self.highest:
                    self.highest, self.of = sum(taken.values()), taken

    def __exit__(self, *exception: object) -> None:
        self._ends.set()
        self._thread.join()


async def visit(address: str, run_id: str) -> dict[str, float]:
    """Seconds until each page stands before the honest visitor, opened anew; Attention, where what
    follows is measured, also until its large head does."""
    seconds = {}
    for page in PAGES:
        started, head = time.monotonic(), b"minigpt_head_view" if page == "Attention" else b""
        asked = Session(address, page, f"run={run_id}", workspace=HONEST, awaits=head)
        async with asked as session:
            answers = await session.arrive()
        seconds[page or "Home"] = time.monotonic() - started
        if head:
            seconds[MEASURED] = seconds.pop(page)
            seconds[page] = session.came - started
        if told := [words for words in said(answers) if "exception" in words]:
            raise AssertionError(f"{page}: {told}")
    return seconds


async def go_about(address: str, run_id: str, until: float) -> list[dict[str, float]]:
    """From page to page, with a second to look at each."""
    rounds = []
    while time.time() < until:
        rounds.append(await visit(address, run_id))
        await asyncio.sleep(1.0)
    return rounds


def bring(store: Store) -> tuple[str, dict[str, Any]]:
    """The honest visitor's texts and runs; returns the run that trains, and all as it is now."""
    text_id = store.add_text(HONEST, "ferry", STORY)
    tokenizer, preset = tokenizers.CharTokenizer.train(STORY), PRESETS["classic"]
    model = preset.model(tokenizer.vocab_size)
    about = (text_id, tokenizer.to_json(), model)
    for seed in range(ENDED):
        store.create_run(
            HONEST, f"run {seed}", *about, preset.train.replace(max_steps=5, seed=seed)
        )
    trains = store.create_run(HONEST, "trains", *about, preset.train.replace(max_steps=100_000))
    while sum(run.state == "finished" for run in store.runs(HONEST)) < ENDED:
        time.sleep(0.2)
    return trains, belongings(store)


def belongings(store: Store) -> dict[str, Any]:
    """What the honest visitor has: texts word for word, weights byte for byte."""
    return {
        text.id: store.text(text.id) for text in store.texts(HONEST)
    } | {
        run.id: store.checkpoint(run.id)
        for run in store.runs(HONEST)
        if run.state == "finished" and not run.bundled
    }  # fmt: skip


def spread(rounds: list[dict[str, float]]) -> dict[str, float]:
    """Of the pages, and the median of each; Attention counts once its large head stands."""
    seconds = sorted(value for one in rounds for page, value in one.items() if page != MEASURED)
    return {
        "pages": len(seconds),
        "median": statistics.median(seconds),
        "p95": seconds[int(0.95 * len(seconds))],
        "most": seconds[-1],
    } | {page: statistics.median(one[page] for one in rounds) for page in rounds[0]}


def campaign(
    sessions: int,
    seconds: float,
    memory: int = 1_000,
    afterwards: float = AFTERWARDS,
    kinds: Sequence[str] = (*WORST,),
    looks: int = 3,
    largest: int = LARGEST,
) -> dict[str, Any]:
    """What it did to the server, to the honest visitor and to the memory. Raises AssertionError
    when the server has ended or a page showed an exception."""
    with (
        patch.dict(os.environ, MINIGPT_MEMORY_MB=str(memory)),
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        app_server(Path(folder)) as server,
    ):
        store = Store(Path(folder))
        asyncio.run(visit(server.address, "demo"))  # the worker starts, and torch is loaded
        trains, had = bring(store)
        alone = [asyncio.run(visit(server.address, trains)) for _ in range(looks)]
        watch = Memory(server)
        before, workers = watch.now(), server.workers()
        step, until = store.run(trains).step, time.time() + seconds
        here, there = Pipe()
        attacker = get_context("spawn").Process(
            target=attackers, args=[server.address, sessions, until, largest, [*kinds], there]
        )
        attacker.start()
        with watch:
            rounds = asyncio.run(go_about(server.address, trains, until))
        did = here.recv()
        attacker.join()
        assert server.process.poll() is None, "the server has ended"
        steps = store.run(trains).step - step
        time.sleep(afterwards)
        then = [asyncio.run(visit(server.address, trains)) for _ in range(looks)]
        time.sleep(min(afterwards, 40.0))  # what expires is noticed and collected in between
        after = watch.now()
        result = {
            "what they did": did,
            "the worker lives on": server.workers() == workers,
            "texts and runs are whole": belongings(store) == had,
            "steps trained meanwhile": steps,
            "a page alone, s": spread(alone),
            "among them, s": spread(rounds),
            "afterwards, s": spread(then),
            "MB before": before,
            "MB at most": watch.of,
            "in all": watch.highest,
            "MB afterwards": after,
            "afterwards / before": sum(after.values()) / sum(before.values()),
        }
        store.wish(trains, "deleted")
        return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--memory", type=int, default=1_000)
    parser.add_argument("--afterwards", type=float, default=AFTERWARDS)
    parser.add_argument("--kinds", nargs="+", choices=[*WORST], default=[*WORST])
    for name, value in campaign(**vars(parser.parse_args())).items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
