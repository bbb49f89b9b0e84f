from __future__ import annotations

import numpy as np
import pytest
from tests.support.toy_network import toy_pictures


@pytest.fixture(scope="session")
def pictures() -> np.ndarray:
    return toy_pictures()
