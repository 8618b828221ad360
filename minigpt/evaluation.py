"""How well a model guesses: its loss and its right answers, as it is or with a tap inside."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from minigpt.config import NotFinite
from minigpt.corpus import Exam
from minigpt.model import GPT, Tap

EXAM_BATCH = 16  # lines that are read at once


def nats(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The cross-entropy of every target (B, T) given its logits (B, T, V): (B, T)."""
    loss = F.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), reduction="none")
    return loss.view_as(targets)


@torch.inference_mode()
def mean_loss(
    model: GPT, x: np.ndarray, y: np.ndarray, batch_size: int, tap: Tap | None = None
) -> float:
    """Cross-entropy of targets y given inputs x, both int64 (n, T), in nats per token; with a tap,
    of the model as that changes it. Raises NotFinite where it is no number."""
    model.eval()
    total = 0.0
    for i in range(0, len(x), batch_size):
        logits = model(torch.from_numpy(x[i : i + batch_size]).to(model.device), tap=tap)
        targets = torch.from_numpy(y[i : i + batch_size]).to(model.device)
        total += nats(logits, targets).sum().item()
    if not math.isfinite(total):
        raise NotFinite
    return total / y.size


@torch.inference_mode()
def accuracy(model: GPT, exam: Exam, tap: Tap | None = None) -> float:
    """The share of the asked targets that the model holds for the likeliest, 0 to 1."""
    model.eval()
    right = 0
    for i in range(0, len(exam.inputs), EXAM_BATCH):
        part = slice(i, i + EXAM_BATCH)
        logits = model(torch.from_numpy(exam.inputs[part]).to(model.device), tap=tap)
        answers = logits.argmax(dim=-1).cpu().numpy()  # (n, T)
        right += (answers == exam.targets[part])[exam.asked[part]].sum()
    return float(right / exam.asked.sum())
