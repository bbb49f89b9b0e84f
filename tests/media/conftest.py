"""A model that one can compute by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mqn.hdr.transfer import srgb_decode


@pytest.fixture
def model() -> dict[str, str]:
    return {"model": "halves"}


@pytest.fixture
def halves() -> Callable[[np.ndarray], np.ndarray]:
    """Half of the linearised input."""
    return lambda ldr: np.asarray(0.5 * srgb_decode(ldr), np.float32)
