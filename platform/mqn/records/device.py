"""A device, and what could be read of its state."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineState:
    """What could be read of a device at one moment; None where it cannot be read.

    Attributes:
        load_1m: processes that ran or wanted to, mean of the last minute.
        frequency_mhz: clock of the fastest of the processors that count: idle ones come and go as they like.
        temperature_c: of the hottest sensor.
        battery_percent: charge; None also where there is no battery.
        charging: whether it is on a charger.
    """

    load_1m: float | None
    frequency_mhz: float | None
    temperature_c: float | None
    battery_percent: float | None = None
    charging: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceInfo:
    """Who measured.

    Attributes:
        id: tells this device from every other.
        model: the board's, phone's or machine's name.
        soc: processor or system on a chip.
        os: operating system.
        kernel: its version.
        cores: processors.
        memory_mb: in all.
        runtime: what ran the model, with its version.
        agent_version: of the agent, or of the host that drove the device.
        backend: how it was driven: `local`, `adb`, `ssh`, ...
        architecture: instruction set: `x86_64`, `aarch64`, ...
        emulated: whether another processor imitates this one: its times say nothing about the real one, so that they
            are refused as an objective.
        delegates: those that may be asked for.
        features: of the processor, as far as they decide how fast a quantized network runs, by Linux's names.
    """

    id: str
    model: str
    soc: str
    os: str
    kernel: str
    cores: int
    memory_mb: int
    runtime: str
    agent_version: str
    backend: str = "local"
    architecture: str = ""
    emulated: bool = False
    delegates: tuple[str, ...] = ("none", "xnnpack")
    features: tuple[str, ...] = ()

    @property
    def processor(self) -> tuple[str, ...]:
        """What decides which file is fastest there: processor, instruction set, features, and the runtime."""
        return (self.soc, self.architecture, *self.features, self.runtime)
