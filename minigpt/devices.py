"""Which device trains, and in which numbers."""

from contextlib import AbstractContextManager, nullcontext

import torch


def best_device() -> torch.device:
    """The graphics card that torch sees (CUDA, MPS, …), or else the processor."""
    return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether matrix products in bfloat16 are faster there than in float32.

    Without instructions for it a processor imitates them, a hundred times slower.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        able = torch.cpu.get_capabilities()
        return any(able.get(name, False) for name in ("avx512_bf16", "amx_bf16"))
    return device.type == "mps"


def autocast(device: torch.device, precision: str) -> AbstractContextManager[None]:
    """Matrix products inside are made in `precision`, where the device is fast at it."""
    if precision == "bfloat16" and has_fast_bfloat16(device):
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()


def seed_device(device: torch.device, seed: int) -> None:
    """Seeds the generator that dropout draws from on a graphics card."""
    if device.type != "cpu":
        torch.get_device_module(device).manual_seed(seed)
