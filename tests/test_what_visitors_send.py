"""Messages that any browser may send a server, of their own making."""

import asyncio
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.servers import Server, app_server

CLEARINGS = 8


async def visit_and_clear(address: str, times: int) -> None:
    """Opens Home, and as often asks the server to clear its caches and opens it again."""
    async with websockets.connect(
        f"ws{address.removeprefix('http')}/_stcore/stream",
        subprotocols=["streamlit"],
        origin=address,
        max_size=None,
    ) as socket:
        for n in range(times + 1):
            if n:
                await socket.send(BackMsg(clear_cache=True).SerializeToString())
            ask = BackMsg()
            ask.rerun_script.page_name = "Train"
            await socket.send(ask.SerializeToString())
            kind = ""
            while kind != "script_finished":
                answer = ForwardMsg()
                answer.ParseFromString(await asyncio.wait_for(socket.recv(), 60))
                kind = answer.WhichOneof("type")


def clear(server: Server, times: int) -> None:
    """The same, in a thread of its own: this one may have an event loop."""
    with ThreadPoolExecutor() as thread:
        thread.submit(asyncio.run, visit_and_clear(server.address, times)).result()


def owned(server: Server) -> tuple[int, int]:
    """How many threads the server has, and how many files of its store are open."""
    process = Path(f"/proc/{server.process.pid}")
    files = []
    for link in (process / "fd").iterdir():
        try:
            files.append(os.readlink(link))
        except FileNotFoundError:
            continue  # closed in between
    threads = len(list((process / "task").iterdir()))
    return threads, sum("store.sqlite" in file for file in files)


def test_clearing_the_caches_unmakes_neither_the_store_nor_the_supervisor(tmp_path):
    with app_server(tmp_path) as server:
        clear(server, 1)
        threads, files = owned(server)
        clear(server, CLEARINGS)
        threads_then, files_then = owned(server)
        assert files_then == files
        assert threads_then < threads + CLEARINGS / 2
        deadline = time.monotonic() + 60
        while not (workers := set(server.workers())):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        (first,) = workers
        os.kill(first, signal.SIGKILL)
        seen: set[int] = set()
        until = time.monotonic() + 4
        while time.monotonic() < until:
            seen |= set(server.workers()) - {first}
            time.sleep(0.05)
        assert len(seen) == 1
