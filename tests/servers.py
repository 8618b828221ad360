"""The app as a process of its own, for whoever looks at it from outside."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 60


@dataclass(frozen=True)
class Server:
    """A server of the app that answers."""

    address: str
    home: Path
    process: subprocess.Popen

    def children(self) -> list[int]:
        """Its child processes: the worker, once a page was opened, and for a while that of heavy
        work."""
        threads = Path(f"/proc/{self.process.pid}/task").iterdir()
        return [int(pid) for thread in threads for pid in (thread / "children").read_text().split()]

    def workers(self) -> list[int]:
        """The one of them that trains, and while it is replaced none, or two."""
        return [pid for pid in self.children() if is_worker(pid)]


def is_worker(pid: int) -> bool:
    try:
        return b"minigpt.engine.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


@contextmanager
def app_server(
    home: Path, script: Path = ROOT / "app.py", before: str = "pass"
) -> Iterator[Server]:
    """A server on a free port and a store of its own, until the end of the block.

    `before` is Python that its process runs first: a test sets there what else takes long.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-c", f"{before}\nfrom streamlit.web.cli import main\nmain()",
         "run", str(script), f"--server.port={port}",
         "--server.headless=true", "--server.fileWatcherType=none", "--server.address=127.0.0.1"],
        cwd=ROOT, env={**os.environ, "MINIGPT_HOME": str(home)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                urllib.request.urlopen(f"{address}/_stcore/health", timeout=2)
                break
            except (urllib.error.URLError, OSError):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        yield Server(address, home, process)
    finally:
        process.terminate()
        process.wait(timeout=30)
