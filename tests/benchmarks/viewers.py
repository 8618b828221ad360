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

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from minigpt.store import Store
from tests.benchmarks.classroom import memory_mb, new_run
from tests.servers import app_server

EARLY = ForwardMsg.ScriptFinishedStatus.Value("FINISHED_EARLY_FOR_RERUN")  # a rerun follows
WHOLE = ForwardMsg.ScriptFinishedStatus.Value("FINISHED_SUCCESSFULLY")  # of the page, not a part


@dataclass
class Viewer:
    """One session, and what it saw."""

    run_id: str
    page: str = "Train"
    seconds: list[float] = field(default_factory=list)
    failures: int = 0
    page_hash: str = ""
    periods: dict[str, float] = field(default_factory=dict)  # of the parts that move, by fragment
    due: dict[str, float] = field(default_factory=dict)

    async def watch(self, address: str, delay: float, until: float) -> None:
        await asyncio.sleep(delay)  # people do not come all at once
        async with websockets.connect(
            f"ws{address.removeprefix('http')}/_stcore/stream",
            subprotocols=["streamlit"],
            origin=address,
            max_size=None,
        ) as socket:
            self.socket = socket
            await self._ask()
            while self.due and (next_at := min(self.due.values())) < until:
                await asyncio.sleep(max(0.0, next_at - time.monotonic()))
                fragment = min(self.due, key=self.due.get)
                start = time.monotonic()
                await self._ask(fragment)
                self.seconds.append(time.monotonic() - start)
                if fragment in self.periods:
                    self.due[fragment] = time.monotonic() + self.periods[fragment]

    async def _ask(self, fragment: str = "") -> None:
        """Asks for the page, or for a part of it that moves, and waits for the end of the answer:
        of the whole page, where the part asks for that."""
        ask = BackMsg()
        ask.rerun_script.query_string = f"run={self.run_id}"
        ask.rerun_script.page_name = "" if self.page_hash else self.page
        ask.rerun_script.page_script_hash = self.page_hash
        ask.rerun_script.fragment_id = fragment
        ask.rerun_script.is_auto_rerun = bool(fragment)
        await self.socket.send(ask.SerializeToString())
        told: dict[str, float] = {}
        while True:
            answer = ForwardMsg()
            answer.ParseFromString(await asyncio.wait_for(self.socket.recv(), 30))
            kind = answer.WhichOneof("type")
            if kind == "new_session":
                told = {}
            elif kind == "navigation":
                self.page_hash = answer.navigation.page_script_hash
            elif kind == "auto_rerun":
                told[answer.auto_rerun.fragment_id] = answer.auto_rerun.interval
            elif kind == "delta" and answer.delta.new_element.WhichOneof("type") == "exception":
                self.failures += 1
            elif kind == "script_finished" and answer.script_finished != EARLY:
                if answer.script_finished == WHOLE:
                    self.periods, self.due = {}, {}
                self.periods |= told
                self.due |= {part: time.monotonic() + period for part, period in told.items()}
                return


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
