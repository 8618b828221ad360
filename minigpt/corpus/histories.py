"""What mere counting could tell of a text's next tokens: by how long a history, or by how often
single tokens stand there."""

from dataclasses import dataclass, field

import numpy as np

LONGEST = 3  # tokens of history that are counted
ENOUGH = 0.5  # the probability from which on counting tells a token
ORDERS = ("no history", "1 token", "2 tokens", "3 tokens", "none of these")
NONE_OF_THESE = len(ORDERS) - 1
BLOCK = 1 << 18  # tokens of the text that are looked at at once, which takes some 20 MB


def known_from(windows: np.ndarray, train_ids: np.ndarray) -> np.ndarray:
    """From how many tokens of history on mere counting tells each token of `windows`, int64 (n, T),
    but the first of each: (n, T - 1) of 0 to 3, or 4 where none of these does.

    A history of k tokens tells the next one where it followed at least half of the times that this
    history stands in train_ids (m,). Only what stands in the window before it counts: more the
    model has not read either.
    """
    base = 1 + max(int(windows.max()), int(train_ids.max(initial=0)))
    sought = _sought(windows, base)
    for start in range(0, len(train_ids), BLOCK):
        before = min(start, LONGEST)  # what stands there is history only: it was counted before
        block = train_ids[start - before : start + BLOCK].astype(np.int64)
        _count(block, before, base, sought)
    found = np.full(windows.shape, NONE_OF_THESE)
    for k in reversed(range(len(sought))):  # the shortest history that tells is set last
        found[:, k:][sought[k].tells()] = k
    return found[:, 1:]


@dataclass
class _Histories:
    """The histories of k tokens that stand in the windows, each with its number, and how often each
    was found in the text, with each token that follows it in the windows."""

    known: np.ndarray  # sorted: the number of the history of k - 1 tokens × base + the one before
    number: np.ndarray  # (n, T - k): which of them stands before each token
    pairs: np.ndarray  # sorted: a history's number × base + the token that follows
    pair: np.ndarray  # (n, T - k): which of these each token is
    times: np.ndarray = field(init=False)
    followed: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.times = np.zeros(len(self.known), dtype=np.int64)
        self.followed = np.zeros(len(self.pairs), dtype=np.int64)

    def tells(self) -> np.ndarray:
        """Which tokens follow their history at least half of the times: bool (n, T - k)."""
        followed, times = self.followed[self.pair], self.times[self.number]
        return (followed > 0) & (followed >= ENOUGH * times)


def _sought(windows: np.ndarray, base: int) -> list[_Histories]:
    """What is looked for: the histories of 0, 1, … LONGEST tokens, as far as windows are long."""
    T, sought = windows.shape[1], []
    number = np.zeros_like(windows)
    for k in range(min(LONGEST, T - 1) + 1):
        # Each history grows by the token before it.
        grown = number[:, 1:] * base + windows[:, : T - k] if k else number
        known, number = _numbered(grown)
        sought.append(_Histories(known, number, *_numbered(number * base + windows[:, k:])))
    return sought


def _numbered(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different ones, sorted, and which of them stands where."""
    known, number = np.unique(values, return_inverse=True)
    return known, number.reshape(values.shape)


def _count(ids: np.ndarray, first: int, base: int, sought: list[_Histories]) -> None:
    """Counts in a part of the text what is sought, at its tokens from `first` on."""
    places = np.arange(first, len(ids))
    history = np.zeros(len(places), dtype=np.int64)  # the number of what stands before each
    for k, histories in enumerate(sought):
        if k:
            places, history = places[places >= k], history[places >= k]
            at, stands = _among(histories.known, history * base + ids[places - k])
            places, history = places[stands], at
        histories.times += np.bincount(history, minlength=len(histories.known))
        at, _ = _among(histories.pairs, history * base + ids[places])
        histories.followed += np.bincount(at, minlength=len(histories.pairs))


def _among(known: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which of the known ones, sorted, those of the values are that are known; and which are."""
    at = np.minimum(np.searchsorted(known, values), len(known) - 1)
    stands = known[at] == values
    return at[stands], stands


def frequency_losses(windows: np.ndarray, train_ids: np.ndarray, vocab_size: int) -> np.ndarray:
    """What the same tokens cost whoever knows only how often each stands in the text, each counted
    once more than it does: (n, T - 1) nats."""
    counts = np.ones(vocab_size, dtype=np.int64)
    for start in range(0, len(train_ids), BLOCK):  # each id becomes a number of eight bytes
        counts += np.bincount(train_ids[start : start + BLOCK], minlength=vocab_size)
    return -np.log(counts / counts.sum())[windows[:, 1:]]
