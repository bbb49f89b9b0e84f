"""What the agent refuses, each with its HTTP status and its line."""

from __future__ import annotations

from typing import ClassVar


class RefusedError(Exception):
    """A refusal, with its reason in one line.

    Attributes:
        status: HTTP status.
        retry_after: seconds until another try may succeed; None where it would not, or it is not known.
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
