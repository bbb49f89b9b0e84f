from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.rigs.s3 import S3

from mqn.profile import StorageProfile
from mqn.search.artifacts import ArtifactStore

MakeStore = Callable[..., ArtifactStore]


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with S3() as server, server.in_environment():
        yield server


@pytest.fixture(params=["folder", "memory", "local", pytest.param("s3", marks=pytest.mark.integration)])
def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> MakeStore:
    """Views of one store, each from a machine of its own: `make_store("here")`, `make_store("there")`."""
    kinds = {
        "folder": lambda: str(tmp_path / "artifacts"),
        "local": lambda: f"local://{tmp_path}/bucket/prefix",
        "memory": lambda: f"memory://{secrets.token_hex(4)}/prefix",
        "s3": lambda: f"{request.getfixturevalue('s3').url}/{secrets.token_hex(4)}",
    }
    place = kinds[request.param]()

    def make(machine: str = "here", **changes: float) -> ArtifactStore:
        return ArtifactStore(place, StorageProfile(cache=str(tmp_path / machine / "cache"), **changes))  # type: ignore[arg-type]

    return make


@pytest.fixture
def store(make_store: MakeStore) -> ArtifactStore:
    return make_store()
