"""How devices are just now: asked of their agents in threads, while somebody looks; nobody waits for an answer.

Only devices with an agent of their own are asked. Of a phone behind adb, a board behind SSH or this machine a study's
driver has an agent for as long as it runs; the dashboard starts none beside it. Of those, and of all that do not
answer, there is what their last measurement noted.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from mqn.device import wire
from mqn.device.connection import Connection
from mqn.device.pool.address import read_address
from mqn.errors import DeviceRefusedError, MqnError
from mqn.parsing import from_mapping
from mqn.plain_values import loads_json
from mqn.profile import DeviceProfile
from mqn.records import MachineState, Measurement, TrialRecord
from mqn.search.artifacts import ArtifactStore
from mqn.search.stages.measure import MEASUREMENT, STAGE

PERIOD_SECONDS = 5.0
"""An agent is asked again when its answer is older."""
PATIENCE_SECONDS = 4.0
_LEASES = "mqn_leases"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an agent said of its device.

    Attributes:
        state: load, clock, temperature, battery.
        held: leases that have the device now, 0 or 1; None: the agent does not say.
        waiting: leases that wait for it; None likewise.
    """

    state: MachineState
    held: int | None = None
    waiting: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """A device as it was seen last.

    Attributes:
        asked: whether it has an agent that is asked.
        answer: what that said last; None: nothing yet, or it does not answer now.
        error: why it does not answer; empty where it does.
        silent_seconds: how long the agent has been taking for the answer that is waited for.
        measured: how it was when its last measurement ended; None: not known.
        measured_in: the number of that measurement's trial.
    """

    asked: bool = False
    answer: Answer | None = None
    error: str = ""
    silent_seconds: float = 0.0
    measured: MachineState | None = None
    measured_in: int | None = None


Ask = Callable[[str, DeviceProfile], Answer]


def ask_agent(name: str, device: DeviceProfile) -> Answer:
    """Ask a device's agent how the device is, and how many leases there are.

    Raises:
        DeviceAwayError: it does not answer.
        DeviceRefusedError: it refuses.
    """
    address = read_address(name, device)
    connection = Connection(
        address.url,
        address.token,
        ca=address.ca,
        patience_seconds=PATIENCE_SECONDS,
        contact_seconds=PATIENCE_SECONDS,
    )
    try:
        state = connection.read(MachineState, connection.send("GET", wire.STATE))
        try:
            held, waiting = count_leases(connection.send("GET", wire.METRICS).text)
        except DeviceRefusedError:  # A token may measure, and not read what was counted.
            held, waiting = None, None
    finally:
        connection.close()
    return Answer(state=state, held=held, waiting=waiting)


def count_leases(metrics: str) -> tuple[int | None, int | None]:
    """How many leases are held and how many wait, as an agent's metrics say (Prometheus' text format)."""
    from prometheus_client.parser import text_string_to_metric_families

    try:
        found = {
            sample.labels.get("state"): int(sample.value)
            for family in text_string_to_metric_families(metrics)
            if family.name == _LEASES
            for sample in family.samples
        }
    except ValueError:
        return None, None
    return found.get("held"), found.get("waiting")


def last_measured(records: Iterable[TrialRecord]) -> dict[str, tuple[int, str]]:
    """Target to the latest trial that was measured there, and the measurement's key."""
    found: dict[str, tuple[int, str]] = {}
    for record in records:
        for step, key in record.artifacts.items():
            stage, _, target = step.partition("/")
            if stage == STAGE and target and record.number >= found.get(target, (-1, ""))[0]:
                found[target] = record.number, key
    return found


class DeviceWatch:
    """Looks at devices while somebody looks at the page. Any thread may use it."""

    def __init__(
        self,
        devices: Mapping[str, DeviceProfile],
        artifacts: ArtifactStore,
        *,
        ask: Ask = ask_agent,
        clock: Callable[[], float] = time.monotonic,
        spawn: Callable[[Callable[[], object]], object] | None = None,
    ) -> None:
        """Remember the devices; none is asked yet.

        Args:
            devices: of the profile, by name.
            artifacts: hold the measurements.
            ask: asks an agent.
            clock: monotonic seconds.
            spawn: runs a question beside everything else; None: in a thread of its own.
        """
        self._devices, self._artifacts, self._ask, self._clock = dict(devices), artifacts, ask, clock
        self._spawn = spawn or _in_thread
        self._lock = threading.Lock()
        self._seen: dict[str, Sight] = {}
        self._asked_at: dict[str, float] = {}
        self._asking: set[str] = set()
        self._keys: dict[str, str] = {}

    def look(self, names: Iterable[str], measured: Mapping[str, tuple[int, str]]) -> dict[str, Sight]:
        """What is known by now of some devices; those whose answers are old are asked meanwhile.

        Args:
            names: targets of a study.
            measured: as `last_measured` gives it.
        """
        found = {}
        for name in names:
            with self._lock:
                now = self._clock()
                new = name in measured and self._keys.get(name) != measured[name][1]
                agent = self._agent(name) is not None
                old = agent and now - self._asked_at.get(name, -PERIOD_SECONDS) >= PERIOD_SECONDS
                begins = (new or old) and name not in self._asking
                if begins:
                    self._asking.add(name)
                    self._asked_at[name] = now
            if begins:
                self._spawn(functools.partial(self._see, name, measured.get(name)))
            with self._lock:
                sight = self._seen.get(name, Sight(asked=agent))
                silent = now - self._asked_at[name] if agent and name in self._asking else 0.0
                found[name] = replace(sight, silent_seconds=silent)
        return found

    def _agent(self, name: str) -> DeviceProfile | None:
        device = self._devices.get(name)
        return None if device is None or device.backend is not None else device

    def _see(self, name: str, last: tuple[int, str] | None) -> None:
        try:
            with self._lock:
                before = self._seen.get(name, Sight())
            sight = replace(before, asked=False, answer=None, error="")
            if last is not None and last[1] != self._keys.get(name):
                sight = replace(sight, measured=self._read(last[1]), measured_in=last[0])
            if (device := self._agent(name)) is not None:
                try:
                    sight = replace(sight, asked=True, answer=self._ask(name, device))
                except MqnError as error:
                    sight = replace(sight, asked=True, error=str(error))
            with self._lock:
                self._seen[name] = sight
                if last is not None:
                    self._keys[name] = last[1]
        finally:
            with self._lock:
                self._asking.discard(name)

    def _read(self, key: str) -> MachineState | None:
        """How the device was when a measurement ended; None where that is not known any more."""
        try:
            artifact = self._artifacts.find(STAGE, key)
            if artifact is None:
                return None
            plain = loads_json(artifact.path(MEASUREMENT).read_text(encoding="utf-8"), MEASUREMENT)
            return from_mapping(Measurement, plain, source=MEASUREMENT).after
        except (MqnError, OSError):
            return None


def _in_thread(work: Callable[[], object]) -> None:
    threading.Thread(target=work, name="devices", daemon=True).start()
