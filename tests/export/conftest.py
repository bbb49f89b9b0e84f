from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.toy_network import toy_network, toy_pictures, write_toy

from mqn.export.flatbuffer import Network


@pytest.fixture(scope="session")
def toy() -> Network:
    return toy_network()


@pytest.fixture
def toy_file(toy: Network, tmp_path: Path) -> Path:
    return write_toy(toy, tmp_path)


@pytest.fixture(scope="session")
def pictures() -> np.ndarray:
    return toy_pictures()
