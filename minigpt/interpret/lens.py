"""What the model would answer if it stopped early: the logit lens (nostalgebraist 2020)."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from minigpt.config import NotFinite
from minigpt.interpret.intervals import interval
from minigpt.interpret.patterns import as_batch
from minigpt.interpret.taps import Recorder
from minigpt.interpret.windows import checked
from minigpt.memory import AT_ONCE
from minigpt.model import GPT

MEASURES = ("likeliest", "prob", "true_prob", "rank", "entropy", "kl")


@dataclass(frozen=True)
class Lens:
    """What can be read of the next token in the residual stream after each of R parts of a model,
    over T tokens: after the embedding, each attention and each MLP. The last row is the output.

    All arrays are (R, T). `likeliest` is a token's id, `prob` its probability. Of the token that
    does come next, `true_prob` is the probability and `rank` how many are likelier, of equals those
    of lower id, so that 0 is the likeliest; nan and -1 at the last place, which nothing follows.
    In bits: `entropy`, 0 where one token has all, and `kl`, how far a row is from the output,
    KL(output ‖ row).
    """

    rows: list[str]
    likeliest: np.ndarray
    prob: np.ndarray
    true_prob: np.ndarray
    rank: np.ndarray
    entropy: np.ndarray
    kl: np.ndarray


@torch.inference_mode()
def lens(model: GPT, ids: Iterable[int]) -> Lens:
    """What each part of a model leaves to be read of the next token, at every place of `ids` (T,).

    A row's logits are W_U · ln_f(x) + b of the residual stream x there: ln_f with its own gains and
    biases, its mean and its scale taken at that x (nostalgebraist 2020). Early layers need not
    write in the words of the last one, so a row tells what the head would read, not all that is
    known there (Belrose et al. 2023). With tied weights the first row mostly echoes its own token.
    Raises as `attention` does.
    """
    read = as_batch(model, ids)[0]
    stream = residuals(model, read)
    true = torch.cat([read[1:], read.new_tensor([-1])])
    found = []
    for places in torch.arange(len(read)).split(max(1, AT_ONCE // model.config.vocab_size)):
        output = log_probs(model, list(stream.values())[-1][places])
        rows = [
            _measures(log_probs(model, x[places]), output, true[places]) for x in stream.values()
        ]
        found.append(torch.stack(rows))
    parts = dict(zip(MEASURES, torch.cat(found, -1).cpu().numpy().swapaxes(0, 1), strict=True))
    for name in ("likeliest", "rank"):
        parts[name] = parts[name].astype(int)
    return Lens(list(stream), **parts)


def residuals(model: GPT, read: torch.Tensor) -> dict[str, torch.Tensor]:
    """The residual stream after each part, by its name in words, in order: each (T, C)."""
    names = {"embed": "embedding"}
    for layer in range(model.config.n_layer):
        names[f"h.{layer}.resid_mid"] = f"layer {layer}, attention"
        names[f"h.{layer}.resid_post"] = f"layer {layer}, MLP"
    names[f"h.{layer}.resid_post"] += " (output)"
    recorder = Recorder(names.__contains__)
    model.eval()
    model(read[None], tap=recorder)
    return {names[tapped]: x[0] for tapped, x in recorder.activations.items()}


def log_probs(model: GPT, x: torch.Tensor) -> torch.Tensor:
    """What the head reads in the residual stream x (T, C) as it is there: ln p (T, V). Raises
    NotFinite."""
    logits = model.unembed(model.ln_f(x)).float()
    if not logits.isfinite().all():
        raise NotFinite
    return logits.log_softmax(-1)


def _measures(row: torch.Tensor, output: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """All that is told of one row, of its ln p and the output's, both (T, V), and of the tokens
    that come next (T,), -1 for none: MEASURES, (6, T)."""
    best = row.argmax(-1, keepdim=True)
    own = row.gather(-1, true.clamp(min=0)[:, None])  # (T, 1)
    before = torch.arange(row.size(-1), device=row.device) < true[:, None]
    rank = (row > own).sum(-1) + ((row == own) & before).sum(-1)
    p, none = row.exp(), true < 0
    kl = (output.exp() * (output - row)).sum(-1).clamp(min=0)  # rounding may leave less than 0
    parts = (
        best[:, 0],
        row.gather(-1, best)[:, 0].exp(),
        own[:, 0].exp().masked_fill(none, math.nan),
        rank.masked_fill(none, -1),
        -(p * row).sum(-1) / math.log(2),
        kl / math.log(2),
    )
    return torch.stack([part.double() for part in parts])


def decision_depth(found: Lens) -> np.ndarray:
    """The first row from which on the output's likeliest token stays the likeliest: (T,), R - 1
    where only the output has it."""
    other = found.likeliest != found.likeliest[-1]  # (R, T)
    last_other = len(other) - 1 - other[::-1].argmax(0)
    return np.where(other.any(0), last_other + 1, 0)


@dataclass(frozen=True)
class Decisions:
    """How deep answers are decided, by their class: the mean `decision_depth` of each, with its
    95 % interval over windows, nan of fewer than 8, and how many answers there are. All (c,)."""

    names: list[str]
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    count: np.ndarray


def decisions(model: GPT, windows: np.ndarray, classes: Sequence[str], seed: int = 0) -> Decisions:
    """How deep the answers at all places of `windows`, int64 (n, T), are decided.

    classes: of each token of the vocabulary, such as `token_class` tells; an answer has that of the
    likeliest token of the output, be it right or wrong. Raises InputError and NotFinite.
    """
    found = [lens(model, ids) for ids in checked(model, windows)]
    depth = np.stack([decision_depth(each) for each in found])  # (n, T)
    kinds = np.array(classes)[np.stack([each.likeliest[-1] for each in found])]
    names = [name for name in dict.fromkeys(classes) if (kinds == name).any()]
    its = np.stack([kinds == name for name in names], axis=-1)  # (n, T, c)
    sums, counts = np.where(its, depth[..., None], 0.0).sum(1), its.sum(1)  # (n, c)
    low, high = interval(sums, counts, seed)
    return Decisions(names, sums.sum(0) / counts.sum(0), low, high, counts.sum(0))
