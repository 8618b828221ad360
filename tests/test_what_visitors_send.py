"""Messages that any browser may send a server, of their own making."""

import asyncio
import os
import signal
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.exceptions import ConnectionClosed

from tests.servers import Server, app_server
from tests.sessions import Session, said

CLEARINGS = 8


async def visit_and_clear(address: str, times: int) -> None:
    """Opens Train, and as often asks the server to clear its caches and opens it again."""
    async with Session(address, "Train") as session:
        await session.ask()
        for _ in range(times):
            await session.send(BackMsg(clear_cache=True))
            await session.ask()


async def send_much(address: str, megabytes: int) -> list[ForwardMsg]:
    """Sends a field's value of so many megabytes, as no browser does."""
    async with Session(address, "Generate") as session:
        await session.ask()
        session.choose("Prompt", "a" * megabytes * 1_000_000)
        return await session.ask()


def in_a_thread(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """What it returns; this thread may have an event loop already."""
    with ThreadPoolExecutor() as thread:
        return thread.submit(asyncio.run, coroutine).result()


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
        in_a_thread(visit_and_clear(server.address, 1))
        threads, files = owned(server)
        in_a_thread(visit_and_clear(server.address, CLEARINGS))
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


def test_what_is_too_long_for_any_field_is_not_even_read(tmp_path):
    """Fifty pastes of 20 MB took more than a gigabyte, for as long as their sessions."""
    with app_server(tmp_path) as server:
        (refused,) = said(in_a_thread(send_much(server.address, 1)))
        assert "The prompt has 200,000 characters" in refused
        with pytest.raises(ConnectionClosed):
            in_a_thread(send_much(server.address, 6))
        in_a_thread(visit_and_clear(server.address, 0))
