"""The Python interface that others rely on to build a network: `mqn.models.mqn.build(arch) -> torch.nn.Module`."""

from __future__ import annotations

from mqn.families.contract import build_network as build

__all__ = ["build"]
