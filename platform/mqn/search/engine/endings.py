"""How a Ray task ended, by our names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mqn.errors import ClusterError, DiskError, MissingLibraryError, NodeLostError, NotBegunError, ProcessLostError
from mqn.search.work.jobs import Outcome

_GONE = ("NodeDiedError", "LocalRayletDiedError", "TaskUnschedulableError", "TaskCancelledError", "ObjectLostError")
"""How Ray says that a task's node is gone. We cancel tasks ourselves that may have been on their way to it."""
_SHOWN = 300


def node_lost(*, begun: bool = True) -> Outcome:
    """That of a task whose node is gone, or that had not begun when a node went."""
    if not begun:
        return Outcome.failed(NotBegunError("it may have been on its way to a machine that has left the cluster"))
    return Outcome.failed(NodeLostError("the machine that it ran on has left the cluster"))


def outcome_of(get: Callable[[], Outcome], check_alive: Callable[[], object]) -> Outcome:
    """What a task came to.

    Args:
        get: takes its result, or raises what Ray raises in its place.
        check_alive: raises a `ClusterError` if Ray itself is gone.

    Raises:
        ClusterError: Ray itself is gone.
        Exception: what the task raised that is no failure by name.
    """
    import ray

    exceptions = ray.exceptions
    try:
        return get()
    except exceptions.RayTaskError as error:
        raise raised(error) from None
    except exceptions.OutOfMemoryError:
        return Outcome.failed(ProcessLostError("its worker process was killed: the machine ran out of memory"))
    except exceptions.OutOfDiskError as error:
        return Outcome.failed(DiskError(f"Ray's disk is full: {str(error).splitlines()[0]}"))
    except exceptions.RuntimeEnvSetupError as error:
        said = " ".join(str(error.error_message).split())[:_SHOWN]
        return Outcome.failed(ProcessLostError(f"its worker process could not be set up: {said}"))
    except exceptions.RayError as error:
        check_alive()
        if any(isinstance(error, getattr(exceptions, name)) for name in _GONE):
            return node_lost()
        return Outcome.failed(ProcessLostError(f"its worker process was lost ({type(error).__name__})"))
    except ConnectionError as error:
        raise ClusterError(f"Ray failed: {error}") from error


def raised(error: Any) -> BaseException:
    """What a task raised, of a `RayTaskError`; by name where its node lacks what the driver has."""
    cause = error.cause
    if isinstance(cause, ModuleNotFoundError):
        return MissingLibraryError(
            f"a node lacks the Python module {cause.name!r}: install what mqn-platform[search] needs on every node; "
            "ray.modules in the profile brings packages of yours"
        )
    found: BaseException = error.as_instanceof_cause()
    return found
