"""Where a training computes and in which precision, and that the same seed gives the same weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mqn.records import Precision

# Arm processors have some too, but nobody has measured here whether torch trains faster with them.
_BFLOAT16_INSTRUCTIONS = ("avx512_bf16", "amx_bf16")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arithmetic:
    """Where, and how exactly.

    Attributes:
        device: `cuda` where there is a GPU, else `cpu`.
        precision: of the forward pass; weights, losses and the optimizer are float32 always.
    """

    device: torch.device
    precision: Precision

    def autocast(self) -> torch.autocast:
        """The context of a training step's forward pass."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16")

    def place(self, pictures: Tensor) -> Tensor:
        """Move (N, 3, H, W) pictures there, channels last: convolutions are faster so, on CPU and GPU alike."""
        return pictures.to(self.device, memory_format=torch.channels_last)

    def place_module(self, module: nn.Module) -> None:
        """Move a module there, its kernels channels last."""
        module.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def choose_arithmetic(precision: Precision) -> Arithmetic:
    """Choose for this machine.

    bfloat16 is granted where it is faster: on a GPU that has it, and on a processor with instructions for it
    (AVX512_BF16 or AMX); elsewhere float32 is taken. What was taken is recorded with every epoch.
    """
    if torch.cuda.is_available():
        has_bfloat16 = torch.cuda.is_bf16_supported(including_emulation=False)
        device = torch.device("cuda")
    else:
        capabilities = torch.cpu.get_capabilities()
        has_bfloat16 = any(capabilities.get(name, False) for name in _BFLOAT16_INSTRUCTIONS)
        device = torch.device("cpu")
    return Arithmetic(device=device, precision=precision if has_bfloat16 else "float32")


@contextmanager
def reproducible(arithmetic: Arithmetic, seed: int) -> Iterator[None]:
    """Seed torch, and have it take deterministic algorithms inside this context.

    On the CPU all that is used here is deterministic for a given number of threads. On a GPU the backward passes of
    bilinear upsampling and of look-ups in tables have no deterministic form; torch warns of it.
    """
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    torch.manual_seed(seed)
    if arithmetic.device.type == "cuda":
        torch.use_deterministic_algorithms(mode=True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(mode=before[0], warn_only=before[1])
