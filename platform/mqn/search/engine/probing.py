"""Whether every node of a cluster sees the artifacts and the pictures: asked before trial 0."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import Any

from mqn import cluster
from mqn.errors import StudyError
from mqn.faults import failure_of
from mqn.search.artifacts import ArtifactStore
from mqn.search.engine.endings import raised
from mqn.search.engine.nodes import Node, read_nodes
from mqn.search.work.data_place import DataPlace
from mqn.text.redaction import redact

PATIENCE_SECONDS = 120.0
"""A node that has not answered by then is asked no longer: pictures behind a URL may take longer to fetch."""


def probe(store: ArtifactStore, data: DataPlace) -> str:
    """Write and read a small object of the store, and open the pictures; runs on the node that is asked.

    Returns:
        What is wrong, in a line that names the node; empty if nothing is.
    """
    try:
        store.check_writing()
        data.open()
    except Exception as error:
        failure = failure_of(error)
        if failure is None:
            raise
        name, line = f"node {socket.gethostname()}", redact(str(failure))
        return line if line.startswith(name) else f"{name}: {line}"
    return ""


def asked_nodes(nodes: Iterable[Node], own_id: str) -> list[Node]:
    """The nodes that may run jobs: those with processors or GPUs, and the driver's own, which may measure."""
    return [node for node in nodes if node.cpus > 0 or node.amounts.get("GPU", 0.0) > 0 or node.id == own_id]


def probe_nodes(store: ArtifactStore, data: DataPlace, own_id: str) -> None:
    """Ask every node that may run jobs. Nodes that come later are asked where their first job begins.

    `own_id` is the driver's node.

    Raises:
        StudyError: one does not see what it must; names node and place, and how many there are.
        ClusterError: Ray is gone.
    """
    import ray

    strategy: Any = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
    with cluster.named_faults():
        task = ray.remote(probe)
        asked = [
            task.options(num_cpus=0, max_retries=1, scheduling_strategy=strategy(node_id=node.id, soft=False)).remote(
                store, data
            )
            for node in asked_nodes(read_nodes(), own_id)
        ]
        answered, _ = ray.wait(asked, num_returns=len(asked), timeout=PATIENCE_SECONDS) if asked else ([], [])
        lines: list[str] = []
        for answer in answered:
            try:
                lines.append(ray.get(answer))
            except ray.exceptions.RayTaskError as error:
                raise raised(error) from None
            except ray.exceptions.RayError:  # It has left meanwhile.
                continue
    wrong = sorted(filter(None, lines))
    if wrong:
        more = f" (and {len(wrong) - 1} more nodes like it)" if len(wrong) > 1 else ""
        raise StudyError(f"{wrong[0]}{more}")
