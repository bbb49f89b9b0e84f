"""The ten pairs of pictures that golden values are known of."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session")
def golden_pairs(shared: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The reference and the ten tests by name, (256, 256, 3) float32, cd/m2."""
    specification = importlib.util.spec_from_file_location("make_pairs", shared / "metrics" / "make_pairs.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    specification.loader.exec_module(module)
    sys.dont_write_bytecode = writes
    return module.pairs()
