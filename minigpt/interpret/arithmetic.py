"""The arithmetic of one prediction: every number on the way from the ids to the next token, at the
last position, and what becomes of it when one row of attention is set by hand."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from minigpt.config import InputError, NotFinite
from minigpt.counting import counted, percent
from minigpt.interpret.heads import check_head
from minigpt.interpret.patterns import as_batch
from minigpt.interpret.taps import Recorder, chain
from minigpt.model import GPT, Tap

SUMS_TO_1 = 1e-5  # as far from 1 as a row of 32-bit numbers may be by rounding


@dataclass(frozen=True)
class Walk:
    """What a model computes at the last position of T tokens, step by step, with one head of one
    layer looked at closely; the other heads and layers stand in `resid_pre` and `resid_post`.

    All are numpy arrays of 32-bit numbers; the dimension letters are those of model.py, M is the
    MLP's n_hidden.
    """

    ids: np.ndarray  # (T,)
    token: np.ndarray  # (C,), the token's embedding
    position: np.ndarray | None  # (C,), that of its place, where it is learned
    bigram: np.ndarray | None  # (C,), that of it and the token before, where there is one
    embed: np.ndarray  # (C,), their sum
    resid_pre: np.ndarray  # (C,), what the layer reads
    normed: np.ndarray  # (C,), the same after ln_1
    q: np.ndarray  # (D,), the last token's, normed and rotated where the model does that
    k: np.ndarray  # (T, D), every token's, likewise
    scale: float  # of q·k
    scores: np.ndarray  # (T,), scale × q·k
    weights: np.ndarray  # (T,), their softmax: where the head looks
    v: np.ndarray  # (T, D)
    z: np.ndarray  # (D,), the weighted mean of v: what the head found
    written: np.ndarray  # (C,), z W_O, what it adds to the residual stream
    resid_mid: np.ndarray  # (C,), resid_pre and what all heads of the layer added
    mlp_normed: np.ndarray  # (C,), the same after ln_2
    hidden: np.ndarray  # (M,), the MLP's, after its bend
    mlp: np.ndarray  # (C,), what it adds
    resid_post: np.ndarray  # (C,), what leaves the layer
    last: np.ndarray  # (C,), what leaves the last layer
    ln_f: np.ndarray  # (C,), the same after the last norm
    logits: np.ndarray  # (V,)
    probs: np.ndarray  # (V,), their softmax


@torch.inference_mode()
def walk(
    model: GPT, ids: Iterable[int], layer: int = 0, head: int = 0, tap: Tap | None = None
) -> Walk:
    """One prediction, of the token after `ids` (T,), with all its numbers; with a tap, as that
    changes it. Raises InputError where the ids do not fit or there is no such head, and NotFinite
    where a number is none."""
    check_head(model, layer, head)
    read, block = as_batch(model, ids), model.h[layer]
    end = f"h.{model.config.n_layer - 1}.resid_post"
    # Of no other layer more: with each, the scores of all its heads would stay in memory.
    needed = f"h.{layer}.", end, "embed", "ln_f", "logits"
    recorder = Recorder(lambda name: name.startswith(needed))
    model.eval()
    model(read, tap=chain(tap, recorder) if tap else recorder)
    seen = recorder.activations
    if not seen["logits"][0, -1].isfinite().all():
        raise NotFinite

    def last(name: str) -> torch.Tensor:
        return seen[name][0, -1]

    def of_head(name: str) -> torch.Tensor:
        return seen[f"h.{layer}.attn.{name}"][0, head]

    at = f"h.{layer}"
    pre, mid = last(f"{at}.resid_pre"), last(f"{at}.resid_mid")
    q, k, z = of_head("q")[-1], of_head("k"), of_head("z")[-1]
    D, scale = len(q), model.config.attention_scale
    columns = block.attn.c_proj.weight[:, head * D : (head + 1) * D]  # (C, D)
    position, bigram = seen.get("embed.position"), seen.get("embed.bigram")
    tensors = {
        "token": last("embed.token"),
        "position": None if position is None else position[-1],
        "bigram": None if bigram is None else bigram[0, -1],
        "embed": last("embed"),
        "resid_pre": pre,
        "normed": block.ln_1(pre),
        "q": q,
        "k": k,
        "scores": k @ q * scale,
        "weights": of_head("pattern")[-1],
        "v": of_head("v"),
        "z": z,
        "written": columns @ z,
        "resid_mid": mid,
        "mlp_normed": block.ln_2(mid),
        "hidden": last(f"{at}.mlp.hidden"),
        "mlp": last(f"{at}.mlp.out"),
        "resid_post": last(f"{at}.resid_post"),
        "last": last(end),
        "ln_f": last("ln_f"),
        "logits": last("logits"),
        "probs": last("logits").float().softmax(-1),
    }
    arrays = {n: None if t is None else t.float().cpu().numpy() for n, t in tensors.items()}
    return Walk(ids=read[0].cpu().numpy(), scale=scale, **arrays)


def edited(layer: int, head: int, weights: Iterable[float]) -> Tap:
    """A tap that sets one row of attention by hand: where the last token looks, in one head.

    weights: one for each of the T tokens that are read, none negative; their sum is brought to 1.
    Raises InputError where they cannot be a row, and, when the model is run, where they are not as
    many as its tokens.
    """
    row = np.array(list(weights), dtype=np.float64)
    if row.ndim != 1 or not np.isfinite(row).all() or (row < 0).any() or row.sum() <= 0:
        raise InputError(
            "a row of attention is numbers of 0 or more, one for each token, and one of them at "
            "least is more than 0: change the weights"
        )
    if abs(row.sum() - 1) > SUMS_TO_1:  # else it stays as it is, to the last bit
        row = row / row.sum()

    def by_hand(name: str, tensor: torch.Tensor) -> torch.Tensor:
        if name != f"h.{layer}.attn.pattern":
            return tensor
        if tensor.size(-1) != len(row):
            raise InputError(
                f"the row has {counted(len(row), 'weight')} and the text "
                f"{counted(tensor.size(-1), 'token')}: give one for each"
            )
        left = tensor.clone()  # (B, H, T, T)
        left[:, head, -1] = torch.from_numpy(row).to(tensor)
        return left

    return by_hand


def set_by_hand(weights: np.ndarray, changes: Mapping[int, float]) -> np.ndarray:
    """A row of attention (T,) in which some tokens have the shares given, by place, and the others
    share the rest as they did before: (T,), which sums to 1.

    Others that had nothing share it evenly. Raises InputError where a place is none or a share is
    not 0 to 1, where together they are more than 1, and where nobody is left to take the rest.
    """
    row, T = np.array(weights, dtype=np.float64), len(weights)
    shares = np.array(list(changes.values()), dtype=np.float64)
    if not all(0 <= place < T for place in changes):
        raise InputError(f"the text has {counted(T, 'token')}: set a share of one of them")
    if not ((shares >= 0) & (shares <= 1)).all():
        raise InputError("a share of attention lies between 0 % and 100 %: set it there")
    total, rest = math.fsum(shares), np.setdiff1d(np.arange(T), list(changes))
    if total > 1 + SUMS_TO_1:
        raise InputError(
            f"a row of attention has 100 % to give, and these are {percent(total, 0)} together: "
            "lower one of them"
        )
    if not len(rest) and total < 1 - SUMS_TO_1:
        raise InputError(
            f"every token has a share set, and these are {percent(total, 0)} together: a row gives "
            "100 %, so raise one of them, or leave one free to take the rest"
        )
    row[list(changes)] = shares
    had = row[rest].sum()
    row[rest] = (row[rest] / had if had > 0 else 1 / max(1, len(rest))) * max(0.0, 1 - total)
    return row
