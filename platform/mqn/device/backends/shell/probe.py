"""Identity and state of a device behind a shell, from one script each: `/proc`, `/sys`, Android's commands.

What cannot be read is None or empty, never a guess. 1 MB is 10^6 bytes.
"""

from __future__ import annotations

import hashlib
import re

from mqn.device.backends.shell.shell import Shell
from mqn.device.processor import Traits, looks_emulated, processor_features
from mqn.distribution import __version__
from mqn.errors import DeviceRefusedError
from mqn.records import DeviceInfo, MachineState

# Each line is a key and a value. `qemu-user` answers for its own process only, so a child looks at its parent.
_WHO = r"""
say() { printf '%s=%s\n' "$1" "$(printf '%s' "$2" | tr '\n\000' '  ')"; }
read_file() { cat "$1" 2>/dev/null; }
property() { say "$1" "$(getprop "$2" 2>/dev/null)"; }
say architecture "$(uname -m)"
say kernel "$(uname -r)"
say node "$(uname -n)"
say kernel_architecture "$(read_file /proc/sys/kernel/arch)"
say interpreter "$(sh -c 'readlink /proc/$PPID/exe' 2>/dev/null)"
say cores "$(grep -c '^processor' /proc/cpuinfo)"
say memory_kb "$(sed -n 's/^MemTotal: *\([0-9]*\).*/\1/p' /proc/meminfo)"
say os "$(sed -n 's/^PRETTY_NAME=//p' /etc/os-release 2>/dev/null | tr -d '"')"
say machine "$(read_file /etc/machine-id)"
say board "$(read_file /proc/device-tree/model | tr '\000' ' ')"
say compatible "$(read_file /proc/device-tree/compatible | tr '\000' ' ')"
say vendor "$(read_file /sys/devices/virtual/dmi/id/sys_vendor)"
say product "$(read_file /sys/devices/virtual/dmi/id/product_name)"
say processor "$(sed -n 's/^\(model name\|Hardware\)[^:]*: //p' /proc/cpuinfo | tail -n 1)"
say clocks "$(read_file /sys/devices/system/clocksource/clocksource0/available_clocksource)"
read_file /proc/cpuinfo | sed -n '/^$/q; s/^/cpuinfo=/p'
if command -v getprop >/dev/null 2>&1; then
  property android ro.build.version.release
  property maker ro.product.manufacturer
  property model ro.product.model
  property soc ro.soc.model
  property platform ro.board.platform
  property serial ro.serialno
  property qemu ro.kernel.qemu
  property boot_qemu ro.boot.qemu
fi
true
"""

_HOW = r"""
read -r load rest < /proc/loadavg && echo "load=$load"
for file in /sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_cur_freq; do
  read -r value < "$file" && echo "frequency=$value"; done 2>/dev/null
for file in /sys/class/thermal/thermal_zone*/temp; do
  read -r value < "$file" && echo "temperature=$value"; done 2>/dev/null
for supply in /sys/class/power_supply/*; do
  read -r kind < "$supply/type" && [ "$kind" = Battery ] || continue
  scope=; read -r scope < "$supply/scope"; [ "$scope" = Device ] && continue
  read -r value < "$supply/capacity" && echo "percent=$value"
  read -r value < "$supply/status" && echo "status=$value"; done 2>/dev/null
if command -v dumpsys >/dev/null 2>&1; then
  dumpsys battery 2>/dev/null | sed -n 's/^ *level: /level=/p; s/^ *status: /status_number=/p'
fi
true
"""

# BatteryManager's BATTERY_STATUS_CHARGING and BATTERY_STATUS_FULL.
_CHARGING_NUMBERS = {"2", "5"}


def describe(shell: Shell) -> DeviceInfo:
    """Say who a device is; its runtime and delegates are the backend's to add.

    Raises:
        DeviceAwayError: it cannot be reached.
        DeviceRefusedError: it is no Linux that we know.
    """
    answer = shell.run(_WHO)
    lines = _read_lines(answer.output)
    facts = {key: values[-1] for key, values in lines.items()} | {"cpuinfo": "\n".join(lines.get("cpuinfo", []))}
    if answer.exit_code != 0 or not facts.get("architecture"):
        raise DeviceRefusedError(f"{shell.address} is no Linux with a POSIX shell: {answer.last_words or 'no answer'}")
    android = facts.get("android")
    model = f"{facts.get('maker', '')} {facts.get('model', '')}" if android else facts.get("board", "")
    model = model.strip() or f"{facts.get('vendor', '')} {facts.get('product', '')}".strip() or "unknown"
    return DeviceInfo(
        id=_identify(facts, model, shell.address),
        model=model,
        soc=_name_chip(facts),
        os=f"Android {android}" if android else facts.get("os", "") or "Linux",
        kernel=facts.get("kernel", ""),
        cores=max(1, int(_number(facts.get("cores")) or 1)),
        memory_mb=round((_number(facts.get("memory_kb")) or 0) * 1024 / 1e6),
        runtime="",
        agent_version=__version__,
        backend=shell.kind,
        architecture=facts["architecture"],
        emulated=is_emulated(facts),
        delegates=(),
        features=processor_features(facts["cpuinfo"]),
    )


def read_state(shell: Shell) -> MachineState:
    """Read how busy, fast and warm a device is, and its battery.

    Raises:
        DeviceAwayError: it cannot be reached.
    """
    facts = _read_lines(shell.run(_HOW).output)
    frequencies = [value for value in map(_number, facts.get("frequency", [])) if value]
    # Zones without a sensor behind them report 0 or absurd values, in thousandths of a degree.
    temperatures = [value for value in map(_number, facts.get("temperature", [])) if value and 0 < value < 150_000]
    percents = [value for value in map(_number, facts.get("percent") or facts.get("level", [])) if value is not None]
    charging: bool | None = None
    if "status" in facts:
        charging = all(status in ("Charging", "Full", "Not charging") for status in facts["status"])
    elif "status_number" in facts:
        charging = facts["status_number"][-1] in _CHARGING_NUMBERS
    return MachineState(
        load_1m=_number(facts.get("load", [""])[-1]),
        frequency_mhz=max(frequencies) / 1000 if frequencies else None,
        temperature_c=max(temperatures) / 1000 if temperatures else None,
        battery_percent=min(percents) if percents else None,
        charging=charging,
    )


def is_emulated(facts: dict[str, str]) -> bool:
    """Whether another processor emulates the device's, as far as that shows.

    Args:
        facts: what the device said of itself.
    """
    # Android's emulator says so itself, and an interpreter of `sh` is seen from outside.
    if "1" in (facts.get("qemu"), facts.get("boot_qemu")) or "qemu" in facts.get("interpreter", "").rpartition("/")[2]:
        return True
    return looks_emulated(
        Traits(
            architecture=facts.get("architecture", ""),
            kernel=facts.get("kernel_architecture", ""),
            cpuinfo=facts.get("cpuinfo", ""),
            clocks=facts.get("clocks", ""),
            board=facts.get("compatible", ""),
        )
    )


def _identify(facts: dict[str, str], model: str, address: str) -> str:
    # Serial numbers and machine ids are private, so only a hash of them leaves the device. Where it has
    # neither, only its address tells it from the next one.
    secret = facts.get("serial") or facts.get("machine") or f"{facts.get('node', '')} {address}"
    name = re.sub(r"[^A-Za-z0-9.-]+", "-", model if facts.get("android") else facts.get("node", "")).strip("-")
    return f"{name or 'device'}-{hashlib.sha256(f'mqn {secret}'.encode()).hexdigest()[:8]}"


def _name_chip(facts: dict[str, str]) -> str:
    compatible = facts.get("compatible", "").split()
    return (
        facts.get("soc")
        or facts.get("platform")
        or (compatible[-1] if compatible else "")
        or facts.get("processor")
        or facts["architecture"]
    )


def _read_lines(output: bytes) -> dict[str, list[str]]:
    facts: dict[str, list[str]] = {}
    for line in output.decode("utf-8", errors="replace").splitlines():
        key, separator, value = line.partition("=")
        if separator and value.strip():
            facts.setdefault(key.strip(), []).append(value.strip()[:300])
    return facts


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None
