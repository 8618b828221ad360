"""What was made once for all sessions of this server, bounded by its bytes, and by nobody's wish:
Streamlit's own caches any visitor's browser may ask the server to clear."""

import dataclasses
import sys
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Set
from typing import Any

import numpy as np

_all: "weakref.WeakSet[Kept]" = weakref.WeakSet()


def drop(ids: Iterable[str]) -> None:
    """Lets go of all that is kept about texts or runs of these ids, wherever it is."""
    gone = {*ids}
    for kept in _all:
        kept.drop(gone)


class Kept:
    """Results by what they are about; above so many bytes, those go that nobody asked for longest.

    What alone has more is handed on and not kept. About a text or a run is what has its id among
    the parts of its name, a tuple.
    """

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._results: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()
        _all.add(self)

    def known(self, about: Hashable) -> Any:
        """What is kept about this; None where nothing is."""
        with self._lock:
            if about not in self._results:
                return None
            self._results.move_to_end(about)
            return self._results[about][0]

    def keep(self, about: Hashable, result: Any) -> Any:
        """Keeps a result, and hands it on."""
        size = weight(result)
        with self._lock:
            self._results.pop(about, None)
            if size <= self.most_bytes:
                self._results[about] = result, size
            while self.bytes() > self.most_bytes:
                self._results.popitem(last=False)
        return result

    def once(self, about: Hashable, make: Callable[[], Any]) -> Any:
        """What is kept about this, made for the first who asks; the others wait for it."""
        if (result := self.known(about)) is not None:
            return result
        with self._lock:
            making = self._making.setdefault(about, threading.Lock())
        try:
            with making:
                if (result := self.known(about)) is None:
                    result = self.keep(about, make())
                return result
        finally:
            with self._lock:
                self._making.pop(about, None)

    def bytes(self) -> int:
        """How much is kept."""
        return sum(size for _, size in self._results.values())

    def drop(self, ids: Set[str]) -> None:
        """Lets go of what is about one of these ids."""
        with self._lock:
            for about in [*self._results]:
                if isinstance(about, tuple) and not ids.isdisjoint(about):
                    del self._results[about]

    def clear(self) -> None:
        with self._lock:
            self._results.clear()


def weight(thing: Any) -> int:
    """About how many bytes a result takes, with all that it holds; what several hold counts as
    often."""
    if isinstance(thing, np.ndarray):
        return thing.nbytes
    if hasattr(thing, "parameters"):  # a model
        return sum(weights.nbytes for weights in thing.parameters())
    size = sys.getsizeof(thing)
    if isinstance(thing, Mapping):
        return size + sum(weight(key) + weight(value) for key, value in thing.items())
    if isinstance(thing, list | tuple):
        return size + sum(map(weight, thing))
    if dataclasses.is_dataclass(thing):
        return size + sum(weight(getattr(thing, spec.name)) for spec in dataclasses.fields(thing))
    if type(thing).__module__.startswith("minigpt."):
        return size + weight(vars(thing))
    return size
