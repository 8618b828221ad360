"""How much each part of a model moved one logit: direct logit attribution (Elhage et al. 2021)."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn

from minigpt.config import InputError, NotFinite
from minigpt.corpus import as_ids
from minigpt.interpret.patterns import as_batch
from minigpt.interpret.taps import Recorder
from minigpt.model import GPT

EMBEDDINGS = {
    "embed.token": "token embedding",
    "embed.bigram": "bigram embedding",
    "embed.position": "position embedding",
}


@dataclass(frozen=True)
class Attribution:
    """What each of n parts of a model adds to one logit: `amounts` (n,), of `names`, in the order
    of the forward pass. They sum to `logit`, taken from the model's own output: a token's logit
    less the mean of all V, or less that of another token.
    """

    names: list[str]
    amounts: np.ndarray
    logit: float


@torch.inference_mode()
def attribute(
    model: GPT, ids: Iterable[int], target: int, against: int | None = None
) -> Attribution:
    """What each part writes towards the logit of token `target` after `ids` (T,), against that of
    token `against`, or against the mean of all.

    Exact: ln_f, its scale s held as it is, is linear, so with P the centring of LayerNorm (nothing
    of RMSNorm), γ and β its gains and biases, u the rows of the head and b its biases, a part that
    writes c gives ⟨(P c / s) ⊙ γ, u_t − ū⟩, and ⟨β, u_t − ū⟩ and b_t − b̄ are what is left. Parts
    are the embeddings, each head's z W_O, the biases of c_proj and each MLP. What they write is
    what stands in the stream, not what they caused: later parts may erase it, or build on it.
    Raises as `attention` does, and InputError where there is no such token or both are one.
    """
    read = as_batch(model, ids)
    asked = [target] if against is None else [target, against]
    as_ids(asked, model.config.vocab_size)
    if target == against:
        raise InputError("a token is no more likely than itself: choose another to compare it with")
    last = f"h.{model.config.n_layer - 1}.resid_post"
    wanted = (*EMBEDDINGS, "attn.z", "mlp.out", last, "logits")
    recorder = Recorder(lambda name: name.endswith(wanted))
    model.eval()
    model(read, tap=recorder)
    found = {
        name: (x if name == "embed.position" else x[0])[..., -1, :].double()  # of the last place
        for name, x in recorder.activations.items()
    }
    head = model.wte if model.lm_head is None else model.lm_head
    towards = _against(head.weight, target, against)  # (C,): u_t − ū
    direction = _through_norm(model.ln_f, found[last], towards)
    amounts = {name: found[tap] @ direction for tap, name in EMBEDDINGS.items() if tap in found}
    for layer, block in enumerate(model.h):
        attn, z = block.attn.c_proj, found[f"h.{layer}.attn.z"]  # (H, D)
        heads = (z * (attn.weight.double().T @ direction).view_as(z)).sum(-1)
        amounts |= {f"layer {layer}, head {head}": each for head, each in enumerate(heads)}
        if attn.bias is not None:
            amounts[f"layer {layer}, attention bias"] = attn.bias.double() @ direction
        amounts[f"layer {layer}, MLP"] = found[f"h.{layer}.mlp.out"] @ direction
    if getattr(model.ln_f, "bias", None) is not None:
        amounts["final norm's bias"] = model.ln_f.bias.double() @ towards
    if getattr(head, "bias", None) is not None:
        amounts["output's bias"] = _against(head.bias, target, against)
    logit = _against(found["logits"], target, against).item()
    values = torch.stack(list(amounts.values())).cpu().numpy()
    if not np.isfinite([logit, *values]).all():
        raise NotFinite
    return Attribution(list(amounts), values, logit)


def _against(rows: torch.Tensor, target: int, against: int | None) -> torch.Tensor:
    """Row `target` of (V, …) less row `against`, or less the mean of all."""
    other = rows.mean(0, dtype=torch.double) if against is None else rows[against].double()
    return rows[target].double() - other


def _through_norm(norm: nn.Module, x: torch.Tensor, towards: torch.Tensor) -> torch.Tensor:
    """The direction in the residual stream whose product with a part is what it gives towards
    `towards` behind the norm, its scale that of x: all (C,)."""
    direction = towards if norm.weight is None else towards * norm.weight.double()
    if isinstance(norm, nn.LayerNorm):
        return (direction - direction.mean()) / (x.var(correction=0) + norm.eps).sqrt()
    return direction / (x.square().mean() + norm.eps).sqrt()
