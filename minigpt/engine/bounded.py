"""Heavy work of pages: in one child process at a time, which may take so much memory and time.

What a visitor asks for may be large within all limits. A process of its own can be stopped whatever
it is doing, gives all its memory back, and takes nobody along when it dies. It stays for a while,
for what is asked next; it ends with the server, whose pipe it reads.

A work is a function that the child finds by name. What travels is bytes and JSON.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from minigpt.config import InputError, SettingError
from minigpt.counting import counted

WORKS = "minigpt.engine.works"  # the module whose functions the child runs
IDLE_SECONDS = 20.0  # a child that nobody has asked for so long leaves
TELL_SECONDS = 0.5  # who waits is told so often, and may give up his place
MOST_WAITING, MOST_EACH = 40, 2  # in line, where a class has room; of them for one session
GIVEN_UP: dict[str, Any] = {}  # the answer nobody waits for any more
HEAD = 8  # bytes that say how long a message's JSON is


class Work(NamedTuple):
    """A function of the child, and what is said of it where it is stopped."""

    name: str
    doing: str  # "learning the merges"
    instead: str  # what to do then: "choose a smaller vocabulary"
    seconds: float = 60.0  # the most it may take
    stays: bool = False  # also where who asked has left: it writes into the store


class Bounded:
    """The server's end: a line of those who wait, and at most one child.

    `memory_mb` bounds what the child allocates (on Linux; elsewhere only time is bounded).
    """

    def __init__(
        self, memory_mb: int, works: str = WORKS, idle_seconds: float = IDLE_SECONDS
    ) -> None:
        self.memory_mb, self._works, self._idle_seconds = memory_mb, works, idle_seconds
        self._child: subprocess.Popen | None = None
        self._line: list[tuple[Hashable, object]] = []  # the first has his turn
        self._moved = threading.Condition()

    @contextmanager
    def turn(
        self,
        who: Hashable,
        told: Callable[[int], None] = lambda before: None,
        left: Callable[[], bool] = lambda: False,
    ) -> Iterator[Callable[..., Any]]:
        """Waits in line, then gives what asks the child: a function of a Work and its arguments.

        `told` hears how many are before, twice a second; what it raises gives up the place. `left`
        is asked as often, by another thread, while the child works: once it is so, the work ends,
        `told` hears 0, and the line moves. Raises InputError where the line is full, `who` stands
        in it twice, or has left.
        """
        place = who, object()
        with self._moved:
            self._check_room(who)
            self._line.append(place)
        try:
            while before := self._before(place):
                told(before)
                with self._moved:
                    self._moved.wait_for(lambda: not self._before(place), TELL_SECONDS)
            yield partial(self._ask, told, left)
        finally:
            with self._moved:
                self._line.remove(place)
                self._moved.notify_all()

    def _before(self, place: tuple[Hashable, object]) -> int:
        with self._moved:
            return self._line.index(place)

    def _check_room(self, who: Hashable) -> None:
        if sum(other == who for other, _ in self._line) >= MOST_EACH:
            raise InputError(
                f"you have {counted(MOST_EACH, 'piece')} of heavy work under way, which is the "
                "most at a time: wait until one of them is done"
            )
        if len(self._line) > MOST_WAITING:
            raise InputError(
                f"{counted(MOST_WAITING, 'visitor')} wait for heavy work, and there is no room for "
                "more in line: try again in a minute, or take a shorter text"
            )

    def _ask(
        self,
        told: Callable[[int], None],
        left: Callable[[], bool],
        work: Work,
        *arguments: Any,
    ) -> Any:
        """What the work returns. Raises InputError where it refuses, takes too much, or dies."""
        watch = _Watch(work, left)
        while (answer := self._answered(work, arguments, watch)) is None:
            pass  # the child had just left, for want of work
        if answer is GIVEN_UP:
            told(0)
            raise InputError(f"{work.doing} was given up, for its page was left: open it again")
        if words := answer.get("refused"):
            raise SettingError(words) if answer["setting"] else InputError(words)
        if "failed" in answer:
            raise RuntimeError(f"{work.doing} failed in the child process:\n{answer['failed']}")
        if "memory" in answer:
            raise self._short_of_memory(work)
        return answer["done"]

    def _answered(
        self, work: Work, arguments: Sequence[Any], watch: "_Watch"
    ) -> dict[str, Any] | None:
        child = self._warm()
        watch.begin(child)
        try:
            _send(child.stdin, [work.name, arguments])
            return _receive(child.stdout)
        except (OSError, EOFError):
            self.close()
            if watch.left:
                return GIVEN_UP
            if watch.late:
                raise InputError(
                    f"{work.doing} took longer than {work.seconds:.0f} s, which is the most here, "
                    f"and was stopped: {work.instead}"
                ) from None
            if child.returncode:  # Rust aborts where memory is short, and the system kills
                raise self._short_of_memory(work) from None
            return None
        except BaseException:  # the answer was not awaited: it must not be taken for the next one's
            self.close()
            raise
        finally:
            if watch.end():  # perhaps only after the answer
                self.close()

    def _short_of_memory(self, work: Work) -> InputError:
        return InputError(
            f"{work.doing} ended for want of memory, of which there are {self.memory_mb:,} MB for "
            f"it here: {work.instead}"
        )

    def _warm(self) -> subprocess.Popen:
        """The child that is there, or a new one."""
        if self._child is None or self._child.poll() is not None:
            self.close()
            self._child = subprocess.Popen(
                [sys.executable, "-m", __name__,
                 self._works, str(self.memory_mb), str(self._idle_seconds)],
                # One thread's memory for numpy, few arenas for malloc: all of it counts.
                env={"OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"} | os.environ,
                cwd=Path(__file__).resolve().parents[2],  # so that -m finds the package
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )  # fmt: skip
        return self._child

    def close(self) -> None:
        """Ends the child, whatever it is doing; who asks next gets a new one."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                with suppress(OSError):  # what was not sent any more
                    pipe.close()


class _Watch:
    """Ends a child that works too long, or for a page that was left."""

    def __init__(self, work: Work, left: Callable[[], bool]) -> None:
        self._work, self._left = work, left
        self.late = self.left = False

    def begin(self, child: subprocess.Popen) -> None:
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, args=[child], daemon=True)
        self._thread.start()

    def _look(self, child: subprocess.Popen) -> None:
        until = time.monotonic() + self._work.seconds
        while not self._done.wait(min(TELL_SECONDS, max(0.0, until - time.monotonic()))):
            self.late = time.monotonic() >= until
            self.left = not self._work.stays and self._left()
            if self.late or self.left:
                child.kill()
                return

    def end(self) -> bool:
        """Whether it was ended."""
        self._done.set()
        self._thread.join()
        return self.late or self.left


def _send(pipe: BinaryIO, value: Any) -> None:
    """Writes JSON, in which bytes and arrays are numbered; they follow as they are."""
    parts: list[memoryview] = []

    def aside(thing: Any) -> dict[str, Any]:
        array = np.ascontiguousarray(
            np.frombuffer(thing, np.uint8) if isinstance(thing, bytes) else thing
        )
        parts.append(memoryview(array.reshape(-1).view(np.uint8)))
        kind = "bytes" if isinstance(thing, bytes) else array.dtype.str
        return {"part": len(parts) - 1, "kind": kind, "shape": array.shape}

    body = json.dumps(value, default=aside)
    head = json.dumps({"value": len(body), "parts": [part.nbytes for part in parts]})
    pipe.write(len(head).to_bytes(HEAD, "little") + head.encode() + body.encode())
    for part in parts:
        pipe.write(part)
    pipe.flush()


def _receive(pipe: BinaryIO) -> Any:
    """What `_send` wrote at the other end. Raises EOFError where that is no more."""

    def read(size: int) -> bytes:
        if len(found := pipe.read(size)) < size:
            raise EOFError
        return found

    head = json.loads(read(int.from_bytes(read(HEAD), "little")))
    body, parts = read(head["value"]), [read(size) for size in head["parts"]]

    def put_back(thing: dict[str, Any]) -> Any:
        if set(thing) != {"part", "kind", "shape"}:
            return thing
        part = parts[thing["part"]]
        if thing["kind"] == "bytes":
            return part
        return np.frombuffer(part, thing["kind"]).reshape(thing["shape"])

    return json.loads(body, object_hook=put_back)


# What follows is the child.


def main(works: str, memory_mb: str, idle_seconds: str) -> None:
    """Does one work after the other, until nobody asks for a while, or the server is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends the pipe
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints is no answer
    _limit(int(memory_mb) << 20)
    asked: queue.SimpleQueue = queue.SimpleQueue()
    threading.Thread(target=_listen, args=[asked], daemon=True).start()
    module = import_module(works)
    while True:
        try:
            name, arguments = asked.get(timeout=float(idle_seconds))
        except queue.Empty:
            os._exit(0)  # the listener still reads, which would hold up an orderly end
        answer = _done(getattr(module, name), arguments)
        try:
            _send(answers, answer)
        except MemoryError:
            _send(answers, {"memory": True})
        del name, arguments, answer
        if _held() > int(memory_mb) << 19:  # half of it: the next work gets a child of its own
            os._exit(0)


def _held() -> int:
    """Bytes that this process still holds, where the system tells."""
    with suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _done(work: Callable[..., Any], arguments: Sequence[Any]) -> dict[str, Any]:
    try:
        return {"done": work(*arguments)}
    except InputError as error:
        setting = isinstance(error, SettingError)
        return {"refused": error.words if setting else str(error), "setting": setting}
    except MemoryError:
        return {"memory": True}
    except Exception:  # noqa: BLE001 – told at the other end, where it is raised again
        return {"failed": traceback.format_exc()}


def _listen(asked: queue.SimpleQueue) -> None:
    """Hands on what is asked. When the server is gone the pipe ends, and so does this process, in
    the middle of whatever it is doing."""
    try:
        while True:
            asked.put(_receive(sys.stdin.buffer))
    except MemoryError:  # what is asked is too large to be read
        os._exit(1)
    except (EOFError, OSError):
        os._exit(0)


def _limit(memory: int) -> None:
    """What this process may allocate, in bytes; and if the machine has no memory left, it is the
    first that the system should end."""
    with suppress(ImportError):  # Windows has no such limits
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    with suppress(OSError):  # nor has any other system than Linux this file
        Path("/proc/self/oom_score_adj").write_text("1000")


if __name__ == "__main__":
    main(*sys.argv[1:])
