"""What a model has learned, in groups of tokens: of which kind is the next one, and how much of the
text before it mere counting would have needed to tell it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from minigpt.config import InputError, NotFinite
from minigpt.counting import counted
from minigpt.evaluation import nats
from minigpt.interpret.intervals import interval
from minigpt.interpret.windows import batches, checked
from minigpt.model import GPT

LONGEST = 3  # tokens of history that are counted
ENOUGH = 0.5  # the probability from which on counting tells a token
ORDERS = ("no history", "1 token", "2 tokens", "3 tokens", "none of these")
NONE_OF_THESE = len(ORDERS) - 1


@dataclass(frozen=True)
class Groups:
    """The loss in each of g groups of tokens, in nats per token; those without a token are left
    out."""

    names: list[str]
    loss: np.ndarray  # (g,)
    low: np.ndarray  # (g,), its 95 % interval over windows; nan where too few of them have one
    high: np.ndarray
    count: np.ndarray  # (g,), how many tokens


def losses_by_class(
    model: GPT, windows: np.ndarray, classes: Sequence[str], seed: int = 0
) -> Groups:
    """The loss on `windows`, int64 (n, T) of held-out ids, by what kind of token the next one is.

    classes: a name for each token of the vocabulary, such as `token_class` gives. The first token
    of a window is not guessed. Raises InputError where windows or classes do not fit the model.
    """
    windows = checked(model, windows)
    if len(classes) != model.config.vocab_size:
        raise InputError(
            f"there are {len(classes):,} classes for "
            f"{counted(model.config.vocab_size, 'token')}: it takes one for each"
        )
    names = list(dict.fromkeys(classes))
    group = np.array([names.index(name) for name in classes])
    return grouped(token_losses(model, windows), group[windows[:, 1:]], names, seed)


def losses_by_order(
    model: GPT, windows: np.ndarray, train_ids: np.ndarray, seed: int = 0
) -> Groups:
    """The same by how long a history would have been enough to count the next token: see
    `known_from`. train_ids: (m,), the text that was trained on."""
    windows = checked(model, windows)
    return grouped(token_losses(model, windows), known_from(windows, train_ids), ORDERS, seed)


@torch.inference_mode()
def token_losses(model: GPT, windows: np.ndarray) -> np.ndarray:
    """What each token of `windows`, int64 (n, T), but the first of each costs, in nats: (n, T - 1).
    Raises NotFinite where a loss is no number."""
    model.eval()
    losses = [nats(model(ids)[:, :-1], ids[:, 1:]) for ids in batches(model, windows)]
    found = torch.cat(losses).double().cpu().numpy()
    if not np.isfinite(found).all():
        raise NotFinite
    return found


def frequency_losses(windows: np.ndarray, train_ids: np.ndarray, vocab_size: int) -> np.ndarray:
    """What the same tokens cost whoever knows only how often each stands in the text, each counted
    once more than it does: (n, T - 1) nats."""
    counts = np.bincount(train_ids, minlength=vocab_size) + 1
    return -np.log(counts / counts.sum())[windows[:, 1:]]


def grouped(losses: np.ndarray, group: np.ndarray, names: Sequence[str], seed: int = 0) -> Groups:
    """Losses (n, t) by their group, an index into `names`, of the same shape: means, with intervals
    over the n windows."""
    here = np.flatnonzero(np.bincount(group.ravel(), minlength=len(names)))
    member = group[:, :, None] == here  # (n, t, g)
    total, count = np.where(member, losses[:, :, None], 0).sum(1), member.sum(1)  # (n, g)
    low, high = interval(total, count, seed)
    loss = total.sum(0) / count.sum(0)
    return Groups([names[i] for i in here], loss, low, high, count.sum(0))


def known_from(windows: np.ndarray, train_ids: np.ndarray) -> np.ndarray:
    """From how many tokens of history on mere counting tells each token of `windows`, int64 (n, T),
    but the first of each: (n, T - 1) of 0 to 3, or 4 where none of these does.

    A history of k tokens tells the next one where it followed at least half of the times that this
    history stands in train_ids (m,). Only what stands in the window before it counts: more the
    model has not read either.
    """
    n, T = windows.shape
    ids = np.asarray(train_ids, dtype=np.int64)
    base = max(int(windows.max()), int(ids.max(initial=0))) + 1
    found = np.full((n, T), NONE_OF_THESE)
    # The history that stands before each place: a number for each that occurs in the windows,
    # and the places of the text at which one of them stands.
    wanted, history = np.zeros((n, T), dtype=np.int64), np.zeros(len(ids), dtype=np.int64)
    places = np.arange(len(ids))
    for k in range(min(LONGEST, T - 1) + 1):
        if k:  # each history grows by the token before it
            wanted[:, k:] = wanted[:, k:] * base + windows[:, :-k]
            places, history = places[places >= k], history[places >= k]
            known, numbers = np.unique(wanted[:, k:], return_inverse=True)
            wanted[:, k:] = numbers.reshape(n, T - k)
            grown = history * base + ids[places - k]
            at = np.minimum(np.searchsorted(known, grown), len(known) - 1)
            stands = known[at] == grown
            places, history = places[stands], at[stands]
        times = np.bincount(history, minlength=int(wanted.max()) + 1)
        pairs, asked = history * base + ids[places], wanted[:, k:] * base + windows[:, k:]
        followed = _times(asked, pairs)
        tells = (followed > 0) & (followed >= ENOUGH * times[wanted[:, k:]])
        found[:, k:] = np.where(tells & (found[:, k:] == NONE_OF_THESE), k, found[:, k:])
    return found[:, 1:]


def _times(asked: np.ndarray, among: np.ndarray) -> np.ndarray:
    """How often each number that is asked for, of any shape, stands among others (m,)."""
    known, place = np.unique(asked, return_inverse=True)
    at = np.minimum(np.searchsorted(known, among), len(known) - 1)
    return np.bincount(at[known[at] == among], minlength=len(known))[place].reshape(asked.shape)
