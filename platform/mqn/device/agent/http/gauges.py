"""Gauges: the queue, the store, the device, and expiry dates as they are now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily

from mqn.device import machine
from mqn.device.agent.http.metrics import PREFIX
from mqn.device.agent.http.parts import AgentParts
from mqn.distribution import __version__

_STATES = {
    "temperature_c": ("temperature_celsius", "Of the device's hottest sensor, when it was last read."),
    "load_1m": ("load_1m", "Processes that ran or wanted to, when it was last read."),
    "frequency_mhz": ("frequency_mhz", "Clock of the device's fastest processor, when it was last read."),
    "battery_percent": ("battery_percent", "Charge of the device's battery, when it was last read."),
}


def take_readings(parts: AgentParts) -> Iterator[GaugeMetricFamily]:
    """Read all gauges, without asking the device."""
    yield _labelled("agent_info", "This agent.", "version", {__version__: 1})
    yield _labelled("jobs", "Jobs that have not ended.", "state", parts.jobs.count())
    yield _labelled("leases", "Leases that have not ended.", "state", parts.leases.count())
    models, size = parts.store.size()
    yield _gauge("store_models", "Models kept.", models)
    yield _gauge("store_bytes", "Bytes of the models kept.", size)
    yield _gauge("audit_lines_lost", "Lines that the disk did not take.", parts.audit.lost)
    resident = machine.resident_mb()
    if resident is not None:
        yield _gauge("resident_bytes", "Memory of the agent.", resident[0] * 1e6)
    known = parts.driver.known_state
    for key, (name, text) in _STATES.items():
        value = None if known is None else getattr(known, key)
        if value is not None:
            yield _gauge(name, text, value)
    if parts.certificate_expires is not None:
        text = "When the certificate expires, seconds since 1970."
        yield _gauge("certificate_expiry_seconds", text, parts.certificate_expires)
    expiries = {
        token.name: datetime.fromisoformat(token.expires).timestamp()
        for token in (parts.tokens.all if parts.tokens else ())
        if token.expires
    }
    if expiries:
        yield _labelled("token_expiry_seconds", "When a token expires, seconds since 1970.", "token", expiries)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(PREFIX + name, text, value=value)


def _labelled(name: str, text: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(PREFIX + name, text, labels=[label])
    for key, value in sorted(values.items()):
        family.add_metric([key], value)
    return family
