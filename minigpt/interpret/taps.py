"""What can be given to a model as `tap`; their names and shapes are `model.TAPS`."""

from collections.abc import Callable

import torch

from minigpt.model import Tap


class Recorder:
    """A tap that keeps the activations whose name `wanted` accepts, and changes nothing.

    >>> recorder = Recorder(lambda name: name.endswith("attn.pattern"))
    >>> model(ids, tap=recorder)
    >>> recorder.activations["h.0.attn.pattern"].shape  # (B, H, T, S)
    """

    def __init__(self, wanted: Callable[[str], bool] = lambda name: True) -> None:
        self.wanted = wanted
        self.activations: dict[str, torch.Tensor] = {}

    def __call__(self, name: str, tensor: torch.Tensor) -> torch.Tensor:
        if self.wanted(name):
            self.activations[name] = tensor
        return tensor


def chain(*taps: Tap) -> Tap:
    """One tap of several: each is given what the one before it returned.

    >>> model(ids, tap=chain(switch_off, recorder))  # records what was left
    """

    def passed_on(name: str, tensor: torch.Tensor) -> torch.Tensor:
        for tap in taps:
            tensor = tap(name, tensor)
        return tensor

    return passed_on
