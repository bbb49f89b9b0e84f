"""What the head of a Ray cluster is asked, so that a head that does not answer is found out within seconds.

Ray's own functions will not do for that: `ray.nodes()` ends the process where the head has died, and others wait for a
minute before Ray ends the process. Through a Ray client (`ray://`) there are only Ray's own functions.
"""

from __future__ import annotations

from typing import Any

from mqn.errors import ClusterError

_PATIENCE_SECONDS = 2.0
_SPACE = b"mqn"
_ALIVE = 0  # GcsNodeInfo.ALIVE


def ask_nodes(patience_seconds: float) -> list[dict[str, Any]]:
    """The nodes that are there, as `ray.nodes()` tells of them: `NodeID`, `Resources`, `Labels`.

    Args:
        patience_seconds: how long an answer may take.

    Raises:
        ClusterError: the head does not answer.
    """
    client = _client()
    if client is None:
        import ray

        return [node for node in ray.nodes() if node["Alive"]]
    try:
        found = client.get_all_node_info(timeout=patience_seconds)
    except Exception as error:  # Ray raises an error of its own, and others while it connects.
        raise away(error) from error
    return [
        {"NodeID": key.hex(), "Resources": dict(node.resources_total), "Labels": dict(node.labels)}
        for key, node in found.items()
        if node.state == _ALIVE
    ]


def away(error: Exception) -> ClusterError:
    """What is raised where the head does not answer. It names Ray's error, which may be another than a time-out."""
    return ClusterError(f"Ray's head does not answer ({type(error).__name__})")


def keep(key: str, value: str) -> None:
    """Keep a word in the cluster's memory."""
    client = _client()
    if client is None:
        _words()._internal_kv_put(key, value, namespace=_SPACE)  # noqa: SLF001 - it has no public name
    else:
        client.internal_kv_put(key.encode(), value.encode(), True, _SPACE, timeout=_PATIENCE_SECONDS)


def recall(key: str) -> str | None:
    """A word that was kept; None where there is none. Raises what Ray raises where the head does not answer."""
    client = _client()
    if client is None:
        found = _words()._internal_kv_get(key, namespace=_SPACE)  # noqa: SLF001 - it has no public name
    else:
        found = client.internal_kv_get(key.encode(), _SPACE, timeout=_PATIENCE_SECONDS)
    return None if found is None else bytes(found).decode()


def drop(key: str) -> None:
    """Forget a word. Raises what Ray raises where the head does not answer."""
    client = _client()
    if client is None:
        _words()._internal_kv_del(key, namespace=_SPACE)  # noqa: SLF001 - it has no public name
    else:
        client.internal_kv_del(key.encode(), False, _SPACE, timeout=_PATIENCE_SECONDS)


def _client() -> Any:
    """This process's connection to the head; None through a Ray client."""
    return _words().internal_kv_get_gcs_client()


def _words() -> Any:
    from ray.experimental import internal_kv

    return internal_kv
