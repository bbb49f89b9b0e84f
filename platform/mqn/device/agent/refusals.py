"""What the agent says no to, each with its HTTP status and its one line.

RefusedError
├── SlowError          408: a body that does not come
├── NotHeldError       409: a job under a lease that is not held
├── FullQueueError     409: as many wait as may; says when to come back
├── DrainingError      409: the agent is on its way down; says when to come back
├── TooLargeError      413: more bytes than allowed
├── WrongHashError     422: bytes that are not those of their name
├── KeyReusedError     422: an idempotency key of another request
├── MissingModelError  404: a job names a model that is not here
├── CrowdedError       429: too much at once; says when to come back
├── DeviceGoneError    503: the agent cannot reach its device; says when to come back
└── FullDiskError      507: no room on the agent's disk
"""

from __future__ import annotations

from typing import ClassVar


class RefusedError(Exception):
    """A no, with its reason in one line.

    Attributes:
        status: HTTP status.
        retry_after: seconds until another try may do; None where it would be of no use, or nobody knows.
    """

    status: ClassVar[int] = 400
    retry_after: ClassVar[int | None] = None

    @property
    def line(self) -> str:
        """Why."""
        return str(self)


class SlowError(RefusedError):
    """A body comes too slowly, or not at all."""

    status = 408


class NotHeldError(RefusedError):
    """A job is posted under a lease that is not held."""

    status = 409


class FullQueueError(RefusedError):
    """As many wait as may."""

    status = 409
    retry_after = 2


class DrainingError(RefusedError):
    """The agent takes nothing more: it finishes what runs, and ends."""

    status = 409
    retry_after = 10


class TooLargeError(RefusedError):
    """More bytes were sent than allowed."""

    status = 413


class WrongHashError(RefusedError):
    """The bytes are not those that their name says."""

    status = 422


class KeyReusedError(RefusedError):
    """An idempotency key came again with another request."""

    status = 422


class MissingModelError(RefusedError):
    """A job names a model that is not in the store."""

    status = 404


class CrowdedError(RefusedError):
    """Too many do the same at once."""

    status = 429
    retry_after = 2


class DeviceGoneError(RefusedError):
    """The agent cannot reach the device that it drives."""

    status = 503
    retry_after = 10


class FullDiskError(RefusedError):
    """The disk has no room."""

    status = 507
