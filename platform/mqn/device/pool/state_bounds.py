"""Bounds on a device's state for a measurement to begin: temperature and battery."""

from __future__ import annotations

from dataclasses import dataclass

from mqn.errors import DeviceRestingError
from mqn.profile import DeviceProfile
from mqn.records import MachineState


@dataclass(frozen=True, slots=True, kw_only=True)
class StateBounds:
    """Bounds on a device's state; None: no bound. A reading that the device cannot give breaks none.

    Attributes:
        name: of the device, for messages.
        max_temperature_c: of its hottest sensor.
        min_battery_percent: of its charge.
    """

    name: str
    max_temperature_c: float | None = None
    min_battery_percent: float | None = None

    @property
    def any(self) -> bool:
        """Whether there is anything to keep."""
        return self.max_temperature_c is not None or self.min_battery_percent is not None

    def check(self, state: MachineState) -> None:
        """See whether a measurement may begin.

        Raises:
            DeviceRestingError: it may not; names the reading and the bound.
        """
        warm, charge = state.temperature_c, state.battery_percent
        if self.max_temperature_c is not None and warm is not None and warm > self.max_temperature_c:
            raise DeviceRestingError(
                f"device {self.name!r} is at {warm:g} °C, above max_temperature_c = {self.max_temperature_c:g}; "
                "it is measured once it has cooled down"
            )
        if self.min_battery_percent is not None and charge is not None and charge < self.min_battery_percent:
            raise DeviceRestingError(
                f"device {self.name!r} has {charge:g} % in its battery, below min_battery_percent = "
                f"{self.min_battery_percent:g}; it is measured once it has charged"
            )


def bounds_of(name: str, device: DeviceProfile) -> StateBounds:
    """The bounds that a profile sets for a device."""
    return StateBounds(
        name=name, max_temperature_c=device.max_temperature_c, min_battery_percent=device.min_battery_percent
    )
