"""What a model has learned, in groups of tokens: of which kind is the next one, and how much of the
text before it mere counting would have needed to tell it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from minigpt.config import InputError, NotFinite
from minigpt.corpus.histories import ORDERS, known_from
from minigpt.counting import counted
from minigpt.evaluation import nats
from minigpt.interpret.intervals import interval
from minigpt.interpret.windows import batches, checked
from minigpt.model import GPT


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


def grouped(losses: np.ndarray, group: np.ndarray, names: Sequence[str], seed: int = 0) -> Groups:
    """Losses (n, t) by their group, an index into `names`, of the same shape: means, with intervals
    over the n windows."""
    here = np.flatnonzero(np.bincount(group.ravel(), minlength=len(names)))
    member = group[:, :, None] == here  # (n, t, g)
    total, count = np.where(member, losses[:, :, None], 0).sum(1), member.sum(1)  # (n, g)
    low, high = interval(total, count, seed)
    loss = total.sum(0) / count.sum(0)
    return Groups([names[i] for i in here], loss, low, high, count.sum(0))
