"""One model at a time is asked on a whole server, and who asks little need not wait for the end of
what takes long.

A class that looks at thirty runs leaves room for everything else, and neither one visitor's model
of thousands of heads nor ten long texts under way keep anybody waiting. What those hold that are
under way, models and the keys and values of what they write, is bounded for all together.
"""

import threading
import time
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import streamlit as st

from minigpt.config import InputError
from minigpt.limits import Limits

LOOK_SECONDS = 0.5  # who waits looks so often whether his page was left
SLICE = 0.1  # seconds by which another has to have had less
ROOM_SECONDS = 20.0  # how long somebody waits for others to let go of their models


class TakesTooLong(InputError):
    """A measurement that would take more than is allowed."""


@dataclass(eq=False)
class _Place:
    """Somebody who asks a model, or waits to."""

    most_seconds: float
    thread: int = field(default_factory=threading.get_ident)
    used: float = 0.0  # seconds of processor time
    things: dict[Hashable, int] = field(default_factory=dict)  # that it holds, and their bytes
    own: int = 0  # bytes that it holds besides
    since: float = 0.0  # its thread's clock, when it was looked at last


class Turn:
    """The turn, and all who ask for it."""

    def __init__(self, most_bytes: int = 1_000_000 * Limits.max_look_mb) -> None:
        self.most_bytes = most_bytes
        self._asking: list[_Place] = []
        self._has: _Place | None = None
        self._moved = threading.Condition()

    @contextmanager
    def taken(self, most_seconds: float = float("inf")) -> Iterator[None]:
        """Has the turn for the block, of which it may use so much processor time; whoever has it
        already goes on. Raises what ends a script whose page was left."""
        if self._mine():
            yield
            return
        place = _Place(most_seconds)
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
        if place.used > place.most_seconds:
            raise TakesTooLong(
                f"measuring this took more than {place.most_seconds:.0f} s, which is the most "
                "here, and was stopped: look at a model with fewer layers and heads"
            )
        if min(other.used for other in [*self._asking]) < place.used - SLICE:
            with self._moved:
                self._leave(place)
            self._wait(place)

    def check_free(self) -> None:
        """Raises RuntimeError where whoever calls it has the turn: all others would wait while he
        stands in another line."""
        if self._mine() is not None:
            raise RuntimeError("heavy work is asked for before the turn is taken")

    def hold(self, thing: Hashable, size: int, own: int = 0) -> None:
        """Called by whoever has the turn, before it takes a thing of so many bytes, which is there
        once for all who hold it, and so many of its own, until its end: waits while others hold
        too much for that. Raises InputError where it is more than there is for all, or they do not
        let go of theirs."""
        if (place := self._mine()) is None:
            raise RuntimeError("a model is asked in turn: take the turn, and then the model")
        if (needs := size + own) > self.most_bytes:
            raise InputError(
                f"this takes about {needs / 1e6:,.0f} MB of memory, and this installation has "
                f"{self.most_bytes / 1e6:,.0f} MB for models that are looked at: choose a run with "
                "fewer parameters or a shorter context"
            )
        until = time.monotonic() + ROOM_SECONDS
        while self._held(place, {thing: size}, own) > self.most_bytes:
            if time.monotonic() > until:
                raise InputError(
                    "others are looking at large models, and there is no room beside them: try "
                    "again in a minute"
                )
            with self._moved:
                self._leave(place)
                self._moved.wait(LOOK_SECONDS)
            self._wait(place)
        place.things[thing], place.own = size, max(own, place.own)

    def _held(self, place: _Place, things: dict[Hashable, int], own: int) -> int:
        """Bytes that all hold, were these added to those of one of them."""
        held, owns = {**place.things, **things}, max(own, place.own)
        for other in [*self._asking]:
            if other is not place:
                held.update(other.things)
                owns += other.own
        return sum(held.values()) + owns

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
