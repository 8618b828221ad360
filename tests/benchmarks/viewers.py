"""Many people watching: how long the server takes to answer a Train page that asks for news.

    python -m tests.benchmarks.viewers --viewers 30 --runs 4 --seconds 60

Each viewer is a session of its own over a websocket, speaking Streamlit's protocol as a browser
does, and asks for the moving part of the page once a second while the worker trains. Browsers
themselves would need more cores than the server.
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

PERIOD = 1.0  # seconds between two questions of a viewer


@dataclass
class Viewer:
    """One session, and what it saw."""

    run_id: str
    page: str = "Train"
    seconds: list[float] = field(default_factory=list)
    failures: int = 0

    async def watch(self, address: str, delay: float, until: float) -> None:
        await asyncio.sleep(delay)  # people do not come all at once
        async with websockets.connect(
            f"ws{address.removeprefix('http')}/_stcore/stream",
            subprotocols=["streamlit"],
            origin=address,
            max_size=None,
        ) as socket:
            self.socket = socket
            fragment = await self._ask(fragment_id="")
            while time.monotonic() < until:
                start = time.monotonic()
                fragment = await self._ask(fragment) or fragment
                self.seconds.append(time.monotonic() - start)
                await asyncio.sleep(max(0.0, PERIOD - self.seconds[-1]))

    async def _ask(self, fragment_id: str) -> str:
        """Sends one rerun and waits for its end; returns the fragment that ticks, when told."""
        ask = BackMsg()
        ask.rerun_script.query_string = f"run={self.run_id}"
        ask.rerun_script.page_name = self.page
        if fragment_id:
            ask.rerun_script.fragment_id = fragment_id
            ask.rerun_script.is_auto_rerun = True
        await self.socket.send(ask.SerializeToString())
        ticking = ""
        while True:
            answer = ForwardMsg()
            answer.ParseFromString(await asyncio.wait_for(self.socket.recv(), 30))
            kind = answer.WhichOneof("type")
            if kind == "auto_rerun":
                ticking = answer.auto_rerun.fragment_id
            elif kind == "delta" and answer.delta.new_element.WhichOneof("type") == "exception":
                self.failures += 1
            elif kind == "script_finished":
                return ticking


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
            "worker's memory, MB": sum(memory_mb(child) for child in server.children()),
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
