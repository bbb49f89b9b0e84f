"""The head of a Ray cluster, before it is joined: where it is, whether it answers, whether it lets us in."""

from __future__ import annotations

import socket

from mqn.errors import ConfigError

_PATIENCE_SECONDS = 5.0


def check(address: str) -> None:
    """Make sure that a cluster answers and takes our token, where that can be found out sooner than Ray does.

    Args:
        address: `auto`, `host:port`, or `ray://host:port` for a client.

    Raises:
        ConfigError: it does not.
    """
    head = _find_head(address)
    _knock(address, head)
    if head and not address.startswith("ray://"):
        _check_token(address, head)


def _find_head(address: str) -> str:
    """`HOST:PORT` of an address; empty where there is none, of which Ray tells.

    Args:
        address: as `check` takes it. `auto` is what `RAY_ADDRESS` says, or else the cluster of this machine.
    """
    if address != "auto":
        return address.rpartition("://")[2]
    from ray._private import services

    try:
        return str(services.canonicalize_bootstrap_address_or_die(address))
    except ConnectionError:
        return ""


def _knock(address: str, head: str) -> None:
    """Try the address of a cluster first: Ray would wait many minutes for one that is not there.

    Raises:
        ConfigError: nothing answers there.
    """
    host, _, port = head.rpartition(":")
    if not host or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise ConfigError(f"cannot join Ray at {address!r}: nobody answers there ({error})") from error


def _check_token(address: str, head: str) -> None:
    """Ask the head for its name: with a wrong token Ray would ask for half a minute, and print every refusal.

    Raises:
        ConfigError: it refuses our token, or that we have none.
    """
    import grpc
    from ray._private.grpc_utils import init_grpc_channel
    from ray.core.generated.gcs_service_pb2 import GetClusterIdRequest
    from ray.core.generated.gcs_service_pb2_grpc import NodeInfoGcsServiceStub

    channel = init_grpc_channel(head)
    try:
        NodeInfoGcsServiceStub(channel).GetClusterId(GetClusterIdRequest(), timeout=_PATIENCE_SECONDS)
    except grpc.RpcError as error:
        if error.code() is grpc.StatusCode.UNAUTHENTICATED:
            raise ConfigError(
                f"cannot join Ray at {address!r}: it wants another token; set RAY_AUTH_MODE=token and "
                "RAY_AUTH_TOKEN to the cluster's"
            ) from error
        # Whatever else is wrong, Ray says it.
    finally:
        channel.close()
