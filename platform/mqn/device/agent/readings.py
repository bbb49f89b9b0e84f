"""What the metrics say of the present: the queue, the store, the device, what expires."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from mqn import __version__
from mqn.device import machine
from mqn.device.agent.metrics import Reading

if TYPE_CHECKING:
    from mqn.device.agent.endpoints import Desk

_STATES = {
    "temperature_c": ("temperature_celsius", "Of the device's hottest sensor, when it was last read."),
    "load_1m": ("load_1m", "Processes that ran or wanted to, when it was last read."),
    "frequency_mhz": ("frequency_mhz", "Clock of the device's fastest processor, when it was last read."),
    "battery_percent": ("battery_percent", "Charge of the device's battery, when it was last read."),
}


def take_readings(desk: Desk) -> Iterator[Reading]:
    """Read everything; the device itself is left alone."""
    yield Reading(name="agent_info", help="This agent.", value=1, labels={"version": __version__})
    for state, number in sorted(desk.jobs.count().items()):
        yield Reading(name="jobs", help="Jobs that have not ended.", value=number, labels={"state": state})
    for state, number in sorted(desk.leases.count().items()):
        yield Reading(name="leases", help="Leases that have not ended.", value=number, labels={"state": state})
    models, size = desk.store.size()
    yield Reading(name="store_models", help="Models kept.", value=models, labels={})
    yield Reading(name="store_bytes", help="Bytes of the models kept.", value=size, labels={})
    yield Reading(name="audit_lines_lost", help="Lines that the disk did not take.", value=desk.audit.lost, labels={})
    resident = machine.resident_mb()
    if resident is not None:
        yield Reading(name="resident_bytes", help="Memory of the agent.", value=resident[0] * 1e6, labels={})
    yield from _read_device(desk)
    yield from _read_expiries(desk)


def _read_device(desk: Desk) -> Iterator[Reading]:
    known = desk.driver.known_state
    for key, (name, text) in _STATES.items():
        value = None if known is None else getattr(known, key)
        if value is not None:
            yield Reading(name=name, help=text, value=value, labels={})


def _read_expiries(desk: Desk) -> Iterator[Reading]:
    if desk.certificate_expires is not None:
        text = "When the certificate expires, seconds since 1970."
        yield Reading(name="certificate_expiry_seconds", help=text, value=desk.certificate_expires, labels={})
    for token in desk.tokens.all if desk.tokens else ():
        if token.expires:
            yield Reading(
                name="token_expiry_seconds",
                help="When a token expires, seconds since 1970.",
                value=datetime.fromisoformat(token.expires).timestamp(),
                labels={"token": token.name},
            )
