"""One measurement at a time for a whole server, and a short one need not wait for a long one's end.

A class that looks at thirty runs leaves room for everything else, and one visitor's model of
thousands of heads keeps nobody waiting.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import streamlit as st

from minigpt.config import InputError

LOOK_SECONDS = 0.5  # who waits looks so often whether his page was left
SLICE = 0.1  # seconds by which another has to have had less


class TakesTooLong(InputError):
    """A measurement that would take more than is allowed."""


@dataclass(eq=False)
class _Place:
    """Somebody who measures, or waits to."""

    thread: int = field(default_factory=threading.get_ident)
    used: float = 0.0  # seconds of processor time
    since: float = 0.0  # its thread's clock, when it was looked at last


class Turn:
    """The turn, of which `most_seconds` of processor time are the most that one may use."""

    def __init__(self, most_seconds: float) -> None:
        self.most_seconds = most_seconds
        self._asking: list[_Place] = []
        self._has: _Place | None = None
        self._moved = threading.Condition()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Has the turn for the block; whoever has it already goes on. Raises what ends a script
        whose page was left."""
        if self._mine():
            yield
            return
        place = _Place()
        with self._moved:
            self._asking.append(place)
        try:
            self._wait(place)
            yield
        finally:
            with self._moved:
                self._asking.remove(place)
                self._leave(place)

    def give_way(self) -> None:
        """Called now and then by whoever has the turn (of others it asks nothing): who has used
        less goes first. Raises TakesTooLong, or what ends a script whose page was left."""
        if (place := self._mine()) is None:
            return
        now = time.thread_time()
        place.used, place.since = place.used + now - place.since, now
        if place.used > self.most_seconds:
            raise TakesTooLong(
                f"measuring this took more than {self.most_seconds:.0f} s, which is the most here, "
                "and was stopped: look at a model with fewer layers and heads"
            )
        if min(other.used for other in [*self._asking]) < place.used - SLICE:
            with self._moved:
                self._leave(place)
            self._wait(place)

    def _mine(self) -> _Place | None:
        place = self._has
        return place if place is not None and place.thread == threading.get_ident() else None

    def _leave(self, place: _Place) -> None:
        if self._has is place:
            self._has = None
        self._moved.notify_all()

    def _wait(self, place: _Place) -> None:
        while not self._take(place):
            st.session_state.get("waits")  # here ends the script of a page that was left
        place.since = time.thread_time()

    def _take(self, place: _Place) -> bool:
        """Whether it has the turn, after a while at most."""

        def is_next() -> bool:
            first = min(self._asking, key=lambda other: other.used)
            return self._has is None and first is place

        with self._moved:
            if self._moved.wait_for(is_next, LOOK_SECONDS):
                self._has = place
        return self._has is place
