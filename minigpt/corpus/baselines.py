"""How well simple counting predicts a text: the lines a trained model has to get under."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Baselines:
    """Validation loss of models that only count, in nats per token."""

    uniform: float
    unigram: float
    bigram: float


def fit_baselines(train_ids: np.ndarray, val_ids: np.ndarray, vocab_size: int) -> Baselines:
    """Counts `train_ids`, shape (n,), and scores the next tokens of `val_ids`, shape (m,), m ≥ 2.

    Probabilities are add-one smoothed (Jurafsky & Martin, Speech and Language Processing, ch. 3):
    p(b | a) = (count(a, b) + 1) / (count(a) + V).
    """
    V = vocab_size
    unigram = np.bincount(train_ids, minlength=V) + 1
    # Pairs are numbered a · V + b and counted sparsely: V² cells would not fit for large V.
    seen, counts = np.unique(train_ids[:-1] * V + train_ids[1:], return_counts=True)
    firsts = np.bincount(train_ids[:-1], minlength=V)
    pairs = val_ids[:-1] * V + val_ids[1:]
    at = np.minimum(np.searchsorted(seen, pairs), len(seen) - 1)
    pair_counts = np.where(seen[at] == pairs, counts[at], 0)
    return Baselines(
        uniform=float(np.log(V)),
        unigram=float(-np.log(unigram[val_ids[1:]] / unigram.sum()).mean()),
        bigram=float(-np.log((pair_counts + 1) / (firsts[val_ids[:-1]] + V)).mean()),
    )
