"""One device of the pool: reached, used, set aside while it is away, and taken back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Protocol

from mqn.device.client import Client
from mqn.device.pool.address import Address, read_address
from mqn.device.pool.own_agent import OwnAgent
from mqn.device.pool.state_bounds import StateBounds, bounds_of
from mqn.errors import DeviceAwayError, DeviceError, DeviceRefusedError, DeviceRestingError
from mqn.profile import DeviceProfile
from mqn.records import DeviceInfo

State = Literal["unknown", "idle", "busy", "away", "quarantined", "resting", "refused"]

# A short failure is over soon; a device that stays away is looked for less and less often.
RETRY_SECONDS = (1.0, 2.0, 5.0)
QUARANTINE_SECONDS = (10.0, 20.0, 40.0, 80.0, 160.0, 300.0)
# Temperatures and batteries change slowly.
REST_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A device that was reached: its address and identity, and why it cannot measure now, if so."""

    address: Address
    info: DeviceInfo
    resting: DeviceRestingError | None = None


class Reach(Protocol):
    """Reaches a device, as often as asked."""

    def __call__(self) -> Contact:
        """Reach it.

        Raises:
            DeviceAwayError: it cannot be reached.
            DeviceRefusedError: it refuses.
        """

    def close(self) -> None:
        """Let go of it."""


class AgentReach:
    """Reaches a device through its agent, or through one of our own, which is started again when it has died."""

    def __init__(self, name: str, device: DeviceProfile) -> None:
        """Remember the device; nothing is reached yet."""
        self._name, self._device = name, device
        self._bounds: StateBounds = bounds_of(name, device)
        self._agent: OwnAgent | None = None

    def __call__(self) -> Contact:
        """See `Reach`."""
        if self._device.backend is not None and (self._agent is None or not self._agent.alive):
            self.close()
            self._agent = OwnAgent(self._name, self._device)
        address = read_address(self._name, self._device) if self._agent is None else self._agent.address
        with address.connect() as client:
            info = client.info()
            return Contact(address=address, info=info, resting=self._resting(client))

    def close(self) -> None:
        """Stop an agent of our own."""
        if self._agent is not None:
            self._agent.close()
            self._agent = None

    def _resting(self, client: Client) -> DeviceRestingError | None:
        if self._bounds.any:
            try:
                self._bounds.check(client.state())
            except DeviceRestingError as error:
                return error
        return None


class Member:
    """A device's standing. Times are monotonic seconds; not safe for threads by itself."""

    def __init__(self, name: str, device: DeviceProfile, reach: Reach, clock: Callable[[], float]) -> None:
        """Begin without having reached it."""
        self.name, self.device = name, device
        self.contact: Contact | None = None
        self.state: State = "unknown"
        self.since = _now()
        self.error = ""
        self.used = 0.0
        self.probing = False
        self.not_before = 0.0
        self._reach, self._clock = reach, clock
        self._failures = 0

    @property
    def ready(self) -> bool:
        """Whether a job may begin on it now."""
        return self.state == "idle"

    @property
    def due(self) -> bool:
        """Whether it is time to look for it again."""
        waits = self.state in ("unknown", "away", "quarantined", "resting")
        return waits and not self.probing and self._clock() >= self.not_before

    def begin(self) -> None:
        """A job begins on it."""
        self._become("busy")
        self.used = self._clock()

    def end(self, error: DeviceError | None) -> None:
        """A job has ended on it; `error` says that the device was away or rests."""
        if isinstance(error, DeviceAwayError):
            self.fail(error)
        else:
            self._failures = 0
            self._become("idle")

    def call(self) -> Contact:
        """Reach it, however long that takes; `welcome` or `fail` is to follow.

        Raises:
            DeviceAwayError: it cannot be reached.
            DeviceRefusedError: it refuses, or is another device than before.
        """
        found = self._reach()
        if self.contact is not None and self.contact.info.id != found.info.id:
            raise DeviceRefusedError(
                f"device {self.name!r} was {self.contact.info.id}, and {found.info.id} answers at its address now; "
                "give that device a name of its own in the profile"
            )
        return found

    def welcome(self, contact: Contact) -> None:
        """It was reached."""
        self.contact = contact
        if contact.resting is not None:
            self.fail(contact.resting)
        else:
            self._become("idle")

    def fail(self, error: DeviceError) -> None:
        """It is away, rests, or refuses."""
        if isinstance(error, DeviceRestingError):
            self.not_before = self._clock() + REST_SECONDS
            self._become("resting", str(error))
        elif isinstance(error, DeviceAwayError):
            pauses = (*RETRY_SECONDS, *QUARANTINE_SECONDS)
            self.not_before = self._clock() + pauses[min(self._failures, len(pauses) - 1)]
            self._become("away" if self._failures < len(RETRY_SECONDS) else "quarantined", str(error))
            self._failures += 1
        else:
            self._become("refused", str(error))

    def close(self) -> None:
        """Let go of it."""
        self._reach.close()

    def _become(self, state: State, error: str = "") -> None:
        if state != self.state:
            self.state, self.since = state, _now()
        self.error = error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
