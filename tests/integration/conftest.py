"""What integration tests share, and their order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from tests.support.scheduling import place_of

if TYPE_CHECKING:
    from mqn.export.process import ExportProcess


@pytest.fixture(scope="session")
def exporter() -> Iterator[ExportProcess]:
    """One export process for all: it takes long to import TensorFlow."""
    from mqn.export.process import ExportProcess

    with ExportProcess() as exporter:
        yield exporter


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: place_of(item.nodeid))
