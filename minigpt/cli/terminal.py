"""What the command line writes, and how a command ends that is told to.

Names and texts may hold anything, also what would move a terminal's cursor, rename its window or
turn the direction of a line. So all that is written goes through here.
"""

import os
import signal
import sys
import threading
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

# Marks that change in which direction what follows is written.
TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
ACTING = ("Cc", "Cs", "Zl", "Zp")  # controls, halves of characters, ends of lines and paragraphs
AT_ONCE = 1.0  # seconds: `timeout` signals a process, and once more as one of its group
PIPE_CLOSED = 141  # what a shell says of a program whose reader has gone


def shown(text: str, kept: str = "") -> str:
    """`text` with every character that would act on a terminal as its escape, but for those `kept`.

    >>> shown("red \\x1b[31m\\n")
    'red \\\\x1b[31m\\\\n'
    """
    return "".join(
        character.encode("unicode_escape").decode()
        if character not in kept
        and (unicodedata.category(character) in ACTING or character in TURNING)
        else character
        for character in text
    )


def say(line: str) -> None:
    """A line of output."""
    print(shown(line))


def write(text: str) -> None:
    """What a person or a model wrote, as it is; on a terminal without what would act on it."""
    print(shown(text, kept="\n\t") if sys.stdout.isatty() else text, end="", flush=True)


def note(sentence: str) -> None:
    """A remark beside the output."""
    aside(f"note: {sentence}")


def aside(line: str) -> None:
    """A line that is no part of the output."""
    print(shown(line), file=sys.stderr)


def accept_any_text() -> None:
    """Lets both streams write what their encoding cannot as an escape; a closed one leads
    nowhere."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - open to the end
        else:
            stream.reconfigure(errors="backslashreplace")


def forget_reader() -> None:
    """After the reader of a pipe has gone: what is still in our buffers leads nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())


class Told:
    """Which signal told this process to end, and when; 0 before any does."""

    signal, at = 0, 0.0


@contextmanager
def told_to_end() -> Iterator[Told]:
    """Inside, SIGTERM and a terminal that is closed interrupt as Ctrl-C does."""
    told = Told()
    if threading.current_thread() is not threading.main_thread():
        yield told  # signals are for the main thread
        return

    def interrupt(number: int, frame: object) -> None:
        before_now, told.at = told.at, time.monotonic()
        if told.signal and told.at - before_now < AT_ONCE:
            return
        told.signal = number
        raise KeyboardInterrupt

    names = ("SIGINT", "SIGTERM", "SIGHUP")  # the last is not everywhere
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    # Whoever starts us may have switched one off, as nohup does.
    before = {number: signal.getsignal(number) for number in numbers}
    heard = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    for number in heard:
        signal.signal(number, interrupt)
    try:
        yield told
    finally:
        for number in heard:
            signal.signal(number, before[number])
