"""What is left of a model without one of its parts."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch

from minigpt.config import InputError, NotFinite
from minigpt.evaluation import nats
from minigpt.interpret.heads import check_head
from minigpt.interpret.taps import Recorder
from minigpt.interpret.windows import batches, checked
from minigpt.model import GPT, Tap

KINDS = ("zero", "mean", "resample")
REPLACED = (".attn.z", ".attn.out", ".mlp.out")  # the activations that a part is removed at
Activations = Mapping[str, torch.Tensor]


class Part(NamedTuple):
    """What can be taken out of a model: a head of a layer, its MLP, or the whole layer."""

    layer: int
    head: int | None  # None but of a head
    kind: Literal["head", "mlp", "layer"]

    @property
    def name(self) -> str:
        """In words: "layer 0, head 1", "layer 0, MLP", "all of layer 0"."""
        if self.kind == "layer":
            return f"all of layer {self.layer}"
        return f"layer {self.layer}, " + ("MLP" if self.head is None else f"head {self.head}")


def parts_of(model: GPT) -> list[Part]:
    """All parts of a model, layer after layer: its heads, its MLP, all of it."""
    heads = range(model.config.n_head)
    return [
        part
        for layer in range(model.config.n_layer)
        for part in (
            *(Part(layer, head, "head") for head in heads),
            Part(layer, None, "mlp"),
            Part(layer, None, "layer"),
        )
    ]


def without(layer: int, head: int, instead: torch.Tensor | float = 0.0) -> Tap:
    """A tap that switches one head off: what it found, z before c_proj, is `instead` at every
    place: 0, or what broadcasts to (B, T, D) (ablation)."""

    def switched_off(name: str, tensor: torch.Tensor) -> torch.Tensor:
        if name != f"h.{layer}.attn.z":
            return tensor
        left = tensor.clone()  # (B, H, T, D)
        left[:, head] = instead
        return left

    return switched_off


def removed(part: Part, instead: Activations | None = None) -> Tap:
    """A tap that takes a part out of a model: a head as `without` does, an MLP at what it writes, a
    layer at what its attention and its MLP write. There stands 0, or what `instead` has by the
    activation's name, in its shape or one that broadcasts to it."""
    if part.kind == "head":
        found = instead[f"h.{part.layer}.attn.z"][:, part.head] if instead else 0.0
        return without(part.layer, part.head, found)
    outputs = {f"h.{part.layer}.mlp.out"}
    if part.kind == "layer":
        outputs.add(f"h.{part.layer}.attn.out")

    def taken_out(name: str, tensor: torch.Tensor) -> torch.Tensor:
        if name not in outputs:
            return tensor
        return instead[name].expand_as(tensor) if instead else torch.zeros_like(tensor)

    return taken_out


@torch.inference_mode()
def averages(model: GPT, windows: np.ndarray) -> dict[str, torch.Tensor]:
    """The mean of every activation that a part is removed at, over windows (n, T): z as
    (1, H, T, D), outputs as (1, T, C). Where positions are learned each place has its own, for
    there an activation tells the place as well; else it is over all places, with 1 for T."""
    total: dict[str, torch.Tensor] = {}
    over = (0,) if model.config.position == "learned" else (0, -2)
    model.eval()
    for ids in batches(model, windows):
        for name, found in recorded(model, ids).items():
            # In 64 bits the sum of many equal numbers is exact, so that their mean is the number.
            added = found.cpu().double().sum(over, keepdim=True)
            total[name] = total.get(name, 0.0) + added
    counted = len(windows) if len(over) == 1 else windows.size
    return {name: (added / counted).to(model.device, model.dtype) for name, added in total.items()}


@torch.inference_mode()
def losses_without(
    model: GPT,
    windows: np.ndarray,
    parts: Sequence[Part],
    kind: str,
    seed: int = 0,
    progress: Callable[[float], object] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The mean loss over the tokens but the first of each window (n, T), of the whole model, (n,),
    and without each part, (n, parts): in nats.

    Up to the layer of a part all is as it was, so each pass goes on from there. `progress` is told
    the share that is done. Raises InputError and NotFinite.
    """
    windows = checked(model, windows)
    check_parts(model, windows, parts, kind)
    others = _shuffled(windows, seed)
    instead = averages(model, windows) if kind == "mean" else None
    whole, left, done = [], [], 0
    model.eval()
    for ids, other in zip(batches(model, windows), batches(model, others), strict=True):
        seen = Recorder(lambda name: name.endswith("resid_pre"))
        whole.append(_loss(model(ids, tap=seen), ids))
        if kind == "resample":
            instead = recorded(model, other)
        for part in parts:
            before = seen.activations[f"h.{part.layer}.resid_pre"]
            left.append(_loss(model.onward(before, part.layer, tap=removed(part, instead)), ids))
            done += len(ids)
            if progress is not None:
                progress(done / (len(windows) * len(parts)))
    without_each = [torch.cat(left[i :: len(parts)]) for i in range(len(parts))]
    found = torch.stack([torch.cat(whole), *without_each], dim=1).cpu().double().numpy()
    if not np.isfinite(found).all():
        raise NotFinite
    return found[:, 0], found[:, 1:]


def _loss(logits: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    return nats(logits[:, :-1], ids[:, 1:]).mean(1)


def recorded(model: GPT, ids: torch.Tensor) -> Activations:
    """Every activation that a part is removed at, of ids (B, T)."""
    recorder = Recorder(lambda name: name.endswith(REPLACED))
    model(ids, tap=recorder)
    return recorder.activations


def _shuffled(windows: np.ndarray, seed: int) -> np.ndarray:
    """The windows in another order, none at its own place: a cycle through all, drawn at random."""
    order, others = np.random.default_rng(seed).permutation(len(windows)), np.empty_like(windows)
    others[order] = windows[np.roll(order, 1)]
    return others


def check_parts(model: GPT, windows: np.ndarray, parts: Iterable[Part], kind: str) -> None:
    """Raises InputError where there is no such part, no such kind, or nothing to resample from."""
    if kind not in KINDS:
        raise InputError(f"there is no way {kind!r} to remove a part: choose of {', '.join(KINDS)}")
    if kind == "resample" and len(windows) < 2:
        raise InputError(
            "to put there what the part does in another window takes at least 2 windows of text, "
            "and there is 1"
        )
    for part in parts:
        check_head(model, part.layer, part.head or 0)
