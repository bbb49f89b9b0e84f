from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from mqn.errors import DataError, NetworkError
from mqn.search.artifacts import ArtifactStore
from mqn.search.engine.nodes import Node
from mqn.search.engine.probing import asked_nodes, probe


class Pictures:
    """Pictures that open, or fail to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def open(self) -> None:
        if self.error is not None:
            raise self.error


def pictures(error: Exception | None = None) -> Any:
    return Pictures(error)


def test_a_node_that_sees_all_says_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    assert probe(ArtifactStore(tmp_path / "a"), pictures()) == ""
    assert list((tmp_path / "a").iterdir()) == []


def test_what_a_node_does_not_see_is_one_line_that_names_it_once(tmp_path: Path) -> None:
    node = socket.gethostname()
    store = ArtifactStore(tmp_path / "a")
    assert probe(store, pictures(DataError("no pictures"))) == f"node {node}: no pictures"
    assert probe(store, pictures(NetworkError(f"node {node}: no pictures"))) == f"node {node}: no pictures"
    (tmp_path / "file").touch()
    assert probe(ArtifactStore(tmp_path / "file" / "a"), pictures()).startswith(f"node {node}: ")


def test_a_mistake_in_the_program_is_no_line(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        probe(ArtifactStore(tmp_path / "a"), pictures(ZeroDivisionError()))


def test_nodes_that_may_run_jobs_are_asked_and_the_drivers_own_that_measures() -> None:
    nodes = [Node(id="head"), Node(id="own"), Node(id="worker", amounts={"CPU": 2}), Node(id="gpu", amounts={"GPU": 1})]
    assert [node.id for node in asked_nodes(nodes, "own")] == ["own", "worker", "gpu"]
