"""One source of arithmetic for numpy arrays and torch tensors, without importing torch."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np


def namespace(values: Any) -> Any:
    """The module whose functions (`log1p`, `clip`, `where`, ...) work on these values: torch for a tensor, else numpy.

    A tensor can only exist where torch is already imported, so looking it up costs nothing and needs no dependency.
    """
    torch = sys.modules.get("torch")
    # Another thread may be importing torch right now; then these values are no tensor.
    tensor = getattr(torch, "Tensor", None)
    return torch if tensor is not None and isinstance(values, tensor) else np
