"""Targets: one device by its name, or any device of a kind or with a tag."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mqn.errors import UnknownNameError
from mqn.profile import DeviceProfile


def match_target(target: str, devices: Mapping[str, DeviceProfile]) -> tuple[str, ...]:
    """Find the devices that a target means, by name: `board`, `kind:pixel8`, `soc:Exynos 990`, ...

    Returns:
        At least one name, in the profile's order.

    Raises:
        UnknownNameError: there is none; names the nearest target.
    """
    word, colon, value = target.partition(":")
    if colon:
        found = tuple(name for name, device in devices.items() if _labels(device).get(word) == value)
    else:
        found = (target,) if target in devices else ()
    if not found:
        raise UnknownNameError("device", target, list_targets(devices), "the profile's [devices] say what there is")
    return found


def list_targets(devices: Mapping[str, DeviceProfile]) -> tuple[str, ...]:
    """Everything that may be asked for: names first, then kinds and tags."""
    labels = {f"{word}:{value}" for device in devices.values() for word, value in _labels(device).items() if value}
    return (*devices, *sorted(labels))


def settle_targets(given: Sequence[str], devices: Mapping[str, DeviceProfile]) -> tuple[str, ...]:
    """What is measured on: what was asked for, or else every device by its name; each once."""
    targets = tuple(dict.fromkeys(given or devices))
    for target in targets:
        match_target(target, devices)
    return targets


def _labels(device: DeviceProfile) -> dict[str, str]:
    return {**device.tags, "kind": device.kind} if device.kind else dict(device.tags)
