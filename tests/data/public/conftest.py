from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.data.public.site import Site

from mqn.data.public import catalogue, fetch
from mqn.data.public.catalogue import PublicDataset
from mqn.data.public.transfer import Patience, Transfer, client


@pytest.fixture
def site() -> Iterator[Site]:
    running = Site()
    yield running
    running.close()


@pytest.fixture
def patience() -> Patience:
    return Patience(tries=3, first_wait_s=0.001)


@pytest.fixture
def transfer(patience: Patience) -> Iterator[Transfer]:
    with client() as http:
        yield Transfer(http=http, patience=patience, on_bytes=lambda count: None, stop=threading.Event())


@pytest.fixture
def body() -> bytes:
    """100 000 bytes, each stretch unlike the others: a hole or a repetition shows."""
    return b"".join(hashlib.sha256(str(number).encode()).digest() for number in range(3125))


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> Callable[[PublicDataset], str]:
    """Put a dataset into the catalogue that fetch looks into."""

    def put(entry: PublicDataset) -> str:
        monkeypatch.setattr(catalogue, "load", lambda: {"thing": entry})
        assert fetch.dataset("thing") is entry
        return "thing"

    return put


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "fetched"
