"""The pool of a profile's devices: which one does a job, which are away, when each is looked for again."""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

from mqn.device.client import Client
from mqn.device.pool.address import Address
from mqn.device.pool.member import AgentReach, Member, Reach, State
from mqn.device.pool.targets import match_target
from mqn.errors import DeviceAwayError, DeviceError, DeviceRefusedError, DeviceRestingError
from mqn.profile import DeviceProfile
from mqn.records import DeviceInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceReport:
    """The state of a device of the pool.

    Attributes:
        name: in the profile.
        kind: likewise.
        url: likewise.
        state: `unknown` before it was looked for, `idle`, `busy` with a job of ours, `away` and tried again soon,
            `quarantined` and looked for less and less often, `resting` until it is cool or charged, `refused` for good.
        since: UTC, ISO 8601.
        error: why it is not ready; empty where it is.
        info: who it is; None before it was reached.
    """

    name: str
    kind: str
    url: str
    state: State
    since: str
    error: str = ""
    info: DeviceInfo | None = None


def _in_thread(work: Callable[[], object]) -> None:
    threading.Thread(target=work, name="probe", daemon=True).start()


class Pool:
    """Devices for one study or command; agents' leases share each fairly with the others'.

    No call waits for a device but `reach` and `open`: one that is away is looked for in a thread of its own.
    """

    def __init__(
        self,
        devices: Mapping[str, DeviceProfile],
        *,
        objectives: bool = False,
        reach: Callable[[str, DeviceProfile], Reach] = AgentReach,
        clock: Callable[[], float] = time.monotonic,
        spawn: Callable[[Callable[[], object]], None] = _in_thread,
    ) -> None:
        """Remember the devices; nothing is reached yet.

        Args:
            devices: of the profile, by name.
            objectives: whether figures become objectives: then a device that imitates another is refused.
            reach: makes what reaches a device.
            clock: monotonic seconds.
            spawn: runs a probe beside everything else.
        """
        self._objectives, self._spawn = objectives, spawn
        self._members = {name: Member(name, device, reach(name, device), clock) for name, device in devices.items()}
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the devices, and stop agents of our own."""
        self._closed = True
        with ThreadPoolExecutor(len(self._members)) as threads:
            list(threads.map(Member.close, self._members.values()))

    def members(self, target: str) -> tuple[str, ...]:
        """Names of the devices that match a target. An `UnknownNameError` if there is none."""
        return match_target(target, {name: member.device for name, member in self._members.items()})

    def reach(self, targets: Sequence[str]) -> None:
        """Reach every device of some targets, all at once; of each target one must be there.

        Raises:
            DeviceAwayError: no device of a target can be reached.
            DeviceRefusedError: a device refuses.
            UnknownNameError: a target that no device meets.
        """
        names = list(dict.fromkeys(name for target in targets for name in self.members(target)))
        with ThreadPoolExecutor(len(names)) as threads:
            errors = dict(zip(names, threads.map(self._probe, names), strict=True))
        for error in errors.values():
            if error is not None and not isinstance(error, DeviceAwayError):
                raise error
        for target in targets:
            members = self.members(target)
            first = errors[members[0]]
            if first is not None and all(errors[name] is not None for name in members):
                more = f" (nor any other of {len(members)} for {target!r})" if len(members) > 1 else ""
                raise DeviceAwayError(f"device {members[0]!r}: {first}{more}")

    def choose(self, target: str) -> str | None:
        """The device for the next job: ready, not used by us now, and the longest unused.

        Returns:
            Its name; None while there is none. Devices whose pause is over are looked for meanwhile.

        Raises:
            DeviceRefusedError: every device of the target refuses.
        """
        names = self.members(target)
        for name in names:
            self._look_for(name)
        with self._lock:
            members = [self._members[name] for name in names]
            ready = [member for member in members if member.ready]
            if not ready and all(member.state == "refused" for member in members):
                raise DeviceRefusedError(members[0].error)
            return min(ready, key=lambda member: member.used).name if ready else None

    def begin(self, name: str) -> None:
        """A job begins on a device that was chosen."""
        with self._lock:
            self._members[name].begin()

    def end(self, name: str, error: DeviceError | None = None) -> None:
        """A job has ended; a `DeviceAwayError` sets the device aside."""
        with self._lock:
            self._members[name].end(error)

    def info(self, name: str) -> DeviceInfo | None:
        """Who a device is; None before it was reached."""
        contact = self._members[name].contact
        return None if contact is None else contact.info

    def address(self, name: str) -> Address:
        """How a device that was reached is reached."""
        contact = self._members[name].contact
        assert contact is not None, f"{name} was not reached"
        return contact.address

    def absent(self, target: str) -> str:
        """Why no device of a target is there; empty where one is, free or with a job of ours."""
        with self._lock:
            members = [self._members[name] for name in self.members(target)]
            if any(member.state in ("idle", "busy") for member in members):
                return ""
            return next((member.error for member in members if member.error), "it was not reached yet")

    @contextlib.contextmanager
    def open(self, target: str) -> Iterator[tuple[str, Client]]:
        """Reach a target for one command, now or not at all.

        Yields:
            The chosen device's name and a client of its agent.

        Raises:
            DeviceAwayError: no device of the target can be reached; `DeviceRestingError` where all rest.
            DeviceRefusedError: one refuses.
            UnknownNameError: a target that no device meets.
        """
        self.reach([target])
        name = self.choose(target)
        if name is None:
            raise DeviceRestingError(self.absent(target))
        self.begin(name)
        with self.address(name).connect() as client:
            try:
                yield name, client
            except DeviceAwayError as error:
                self.end(name, error)
                raise
        self.end(name)

    def report(self) -> tuple[DeviceReport, ...]:
        """The state of every device, in the profile's order."""
        with self._lock:
            return tuple(
                DeviceReport(
                    name=member.name,
                    kind=member.device.kind,
                    url=member.device.url,
                    state=member.state,
                    since=member.since,
                    error=member.error,
                    info=None if member.contact is None else member.contact.info,
                )
                for member in self._members.values()
            )

    def _look_for(self, name: str) -> None:
        member = self._members[name]
        with self._lock:
            if not member.due or self._closed:
                return
            member.probing = True
        self._spawn(functools.partial(self._probe, name))

    def _probe(self, name: str) -> DeviceError | None:
        member, failure = self._members[name], None
        try:
            contact = member.call()
            if self._objectives and contact.info.emulated:
                raise DeviceRefusedError(
                    f"device {name!r} imitates {contact.info.architecture} on another processor: its times say nothing "
                    "about a real one and cannot be an objective; measure it with `mqn measure`"
                )
        except DeviceError as error:
            failure = error
        except BaseException:
            with self._lock:
                member.probing = False  # A mistake in the program: raise it every time, rather than once.
            raise
        with self._lock:
            member.probing = False
            if failure is None:
                member.welcome(contact)
            else:
                member.fail(failure)
        if self._closed:  # Meanwhile; what the probe may have started goes too.
            member.close()
        return failure
