"""Many people watching: how long the server takes to answer a Train page that asks for news.

    python -m tests.benchmarks.viewers --viewers 30 --runs 4 --seconds 60

Each viewer is a session of its own over a websocket, speaking Streamlit's protocol as a browser
does, and asks for every part of the page that moves as often as the page wants while the worker
trains. Browsers themselves would need more cores than the server.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from minigpt.store import Store
from tests.benchmarks.classroom import memory_mb, new_run
from tests.servers import app_server
from tests.sessions import Session, said

WHOLE = ForwardMsg.ScriptFinishedStatus.Value("FINISHED_SUCCESSFULLY")  # of the page, not a part


@dataclass
class Viewer:
    """One session, and what it saw."""

    run_id: str
    page: str = "Train"
    seconds: list[float] = field(default_factory=list)
    failures: int = 0
    periods: dict[str, float] = field(default_factory=dict)  # of the parts that move, by fragment
    due: dict[str, float] = field(default_factory=dict)

    async def watch(self, address: str, delay: float, until: float) -> None:
        await asyncio.sleep(delay)  # people do not come all at once
        async with Session(address, self.page, f"run={self.run_id}", seconds=30) as session:
            self._note(await session.ask())
            while self.due and (next_at := min(self.due.values())) < until:
                await asyncio.sleep(max(0.0, next_at - time.monotonic()))
                fragment = min(self.due, key=self.due.get)
                start = time.monotonic()
                self._note(await session.ask(fragment))
                self.seconds.append(time.monotonic() - start)
                if fragment in self.periods:
                    self.due[fragment] = time.monotonic() + self.periods[fragment]

    def _note(self, answers: list[ForwardMsg]) -> None:
        """When which part of the page is to be asked for again: of the whole page, where the part
        that was asked for had that drawn anew."""
        self.failures += any(words.startswith("exception") for words in said(answers))
        if answers[-1].script_finished == WHOLE:
            self.periods, self.due = {}, {}
        told = {
            message.auto_rerun.fragment_id: message.auto_rerun.interval
            for message in answers
            if message.WhichOneof("type") == "auto_rerun"
        }
        self.periods |= told
        self.due |= {part: time.monotonic() + period for part, period in told.items()}


async def visit(address: str, runs: list[str], viewers: int, seconds: float) -> list[Viewer]:
    everybody = [Viewer(runs[i % len(runs)]) for i in range(viewers)]
    until = time.monotonic() + 5 + seconds
    ended = await asyncio.gather(
        *(viewer.watch(address, i * 5 / viewers, until) for i, viewer in enumerate(everybody)),
        return_exceptions=True,
    )
    for viewer, end in zip(everybody, ended, strict=True):
        if isinstance(end, BaseException):
            print(f"a session failed: {end!r}")
            viewer.failures += 1
    return everybody


def measure(viewers: int, runs: int, seconds: float) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder, app_server(Path(folder)) as server:
        for page in ("", "Attention", "Generate"):  # the worker starts, and torch is loaded
            asyncio.run(Viewer("demo", page).watch(server.address, 0, 0))
        store = Store(Path(folder))
        ids = [new_run(store, seed) for seed in range(runs)]
        while not all(store.run(run_id).step for run_id in ids):
            time.sleep(0.2)
        everybody = asyncio.run(visit(server.address, ids, viewers, seconds))
        times = sorted(second for viewer in everybody for second in viewer.seconds)
        result = {
            "polls": len(times),
            "median, ms": 1e3 * statistics.median(times),
            "p95, ms": 1e3 * times[int(0.95 * len(times))],
            "failed sessions": sum(bool(viewer.failures) for viewer in everybody),
            "server's memory, MB": memory_mb(server.process.pid),
            "worker's memory, MB": sum(memory_mb(child) for child in server.workers()),
        }
        for run_id in ids:
            store.wish(run_id, "deleted")
        return result


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--viewers", type=int, default=30)
    arguments.add_argument("--runs", type=int, default=4)
    arguments.add_argument("--seconds", type=float, default=60)
    args = arguments.parse_args()
    os.environ["MINIGPT_MAX_RUNNING"] = str(max(args.runs, 32))
    for name, value in measure(args.viewers, args.runs, args.seconds).items():
        print(f"{name}: {value:,.1f}")


if __name__ == "__main__":
    main()
