"""Readings of this machine that need no privileges: identity, load, clock, temperature, our memory.

Linux's `/proc` and `/sys`; whatever cannot be read is None, never a guess. 1 MB is 10^6 bytes.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import platform
import resource
import uuid
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from mqn.device.processor import is_emulated, processor_features
from mqn.distribution import __version__
from mqn.records import Delegate, DeviceInfo, MachineState

PROC = Path("/proc")
SYS = Path("/sys")
RUNTIME_PACKAGE = "ai-edge-litert"
DELEGATES: tuple[Delegate, ...] = ("none", "xnnpack")


def affinity() -> tuple[int, ...]:
    """The processors that this process may run on, by number."""
    return tuple(sorted(os.sched_getaffinity(0)))


def read_state(processors: Sequence[int]) -> MachineState:
    """Read how busy, how fast and how warm the machine is now.

    Args:
        processors: whose frequency counts; that of the fastest is taken, for the others' idle.
    """
    try:
        load: float | None = os.getloadavg()[0]
    except OSError:
        load = None
    percent, charging = _battery()
    return MachineState(
        load_1m=load,
        frequency_mhz=_frequency_mhz(processors),
        temperature_c=_temperature_c(),
        battery_percent=percent,
        charging=charging,
    )


def busy_seconds(processors: Sequence[int]) -> float | None:
    """Processor time that all, the hypervisor included, used so far on these processors; None if unreadable."""
    rows = _processor_rows(processors)
    if rows is None:
        return None
    # user nice system idle iowait irq softirq steal; guest time is counted in user time already.
    ticks = sum(sum(map(int, row[1:4])) + sum(map(int, row[6:9])) for row in rows)
    return ticks / os.sysconf("SC_CLK_TCK")


def stolen_seconds(processors: Sequence[int]) -> float | None:
    """Processor time of these processors that a hypervisor gave to others so far; None if unreadable."""
    rows = _processor_rows(processors)
    return None if rows is None else sum(int(row[8]) for row in rows) / os.sysconf("SC_CLK_TCK")


def waited_seconds() -> float | None:
    """How long this process's threads were ready to run and had no processor so far; None if unreadable."""
    texts = [_read(task / "schedstat") for task in (PROC / "self" / "task").glob("*")]
    rows = [text.split() for text in texts if text]
    # Nanoseconds on a processor, nanoseconds waiting for one, turns.
    return sum(int(row[1]) for row in rows) / 1e9 if rows and all(len(row) == 3 for row in rows) else None


def preemptions() -> int:
    """How often the kernel took the processor away from this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


def resident_mb() -> tuple[float, float] | None:
    """Resident memory of this process now, and its highest value since the last `reset_peak`; None if unreadable."""
    text = _read(PROC / "self" / "status")
    rows = dict(line.split(":", 1) for line in (text or "").splitlines() if ":" in line)
    try:
        now, peak = (int(rows[key].split()[0]) * 1024 / 1e6 for key in ("VmRSS", "VmHWM"))
    except KeyError:
        return None
    return now, peak


def reset_peak() -> bool:
    """Make the kernel forget the highest resident memory of this process; False where it does not allow that."""
    try:
        (PROC / "self" / "clear_refs").write_text("5")
    except OSError:
        return False
    return True


def address_space_bytes() -> int:
    """Address space that this process takes now; 0 if unreadable."""
    text = _read(PROC / "self" / "statm")
    return int(text.split()[0]) * os.sysconf("SC_PAGE_SIZE") if text else 0


def trim_memory() -> None:
    """Return freed memory to the system, where the C library can (glibc): it would keep it after a large result."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def describe() -> DeviceInfo:
    """Say who this machine is."""
    try:
        system = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        system = platform.system()
    return DeviceInfo(
        id=_identity(),
        model=_model(),
        soc=_soc(),
        os=system,
        kernel=platform.release(),
        cores=os.cpu_count() or 1,
        memory_mb=round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e6),
        runtime=f"{RUNTIME_PACKAGE} {metadata.version(RUNTIME_PACKAGE)}",
        agent_version=__version__,
        backend="local",
        architecture=platform.machine(),
        emulated=is_emulated(),
        delegates=DELEGATES,
        features=processor_features(_read(PROC / "cpuinfo") or ""),
    )


def _processor_rows(processors: Sequence[int]) -> list[list[str]] | None:
    wanted = {f"cpu{number}" for number in processors}
    rows = [line.split() for line in (_read(PROC / "stat") or "").splitlines() if line.split(" ", 1)[0] in wanted]
    return rows if len(rows) == len(wanted) and all(len(row) > 8 for row in rows) else None


def _identity() -> str:
    # The machine id is confidential by its own manual page, so only a hash of it leaves the machine.
    secret = _read(Path("/etc/machine-id")) or f"{uuid.getnode():012x}"
    return f"{platform.node() or 'device'}-{hashlib.sha256(f'mqn {secret.strip()}'.encode()).hexdigest()[:8]}"


def _model() -> str:
    board = _read(PROC / "device-tree" / "model")
    if board:
        return board.strip("\0 \n")
    dmi = SYS / "devices" / "virtual" / "dmi" / "id"
    names = [(_read(dmi / name) or "").strip() for name in ("sys_vendor", "product_name")]
    return " ".join(name for name in names if name) or "unknown"


def _soc() -> str:
    compatible = _read(PROC / "device-tree" / "compatible")
    if compatible:
        return compatible.strip("\0").split("\0")[-1]
    rows = dict(line.split(":", 1) for line in (_read(PROC / "cpuinfo") or "").splitlines() if ":" in line)
    named = {key.strip(): value.strip() for key, value in rows.items()}
    return named.get("model name") or named.get("Hardware") or platform.machine()


def _frequency_mhz(processors: Sequence[int]) -> float | None:
    folder = SYS / "devices" / "system" / "cpu"
    readings = [_read_number(folder / f"cpu{number}" / "cpufreq" / "scaling_cur_freq") for number in processors]
    kilohertz = [reading for reading in readings if reading]
    return max(kilohertz) / 1000 if kilohertz else None


def _temperature_c() -> float | None:
    readings = [_read_number(zone / "temp") for zone in (SYS / "class" / "thermal").glob("thermal_zone*")]
    # Zones without a sensor behind them report 0 or absurd values, in thousandths of a degree.
    plausible = [reading / 1000 for reading in readings if reading and 0 < reading < 150_000]
    return max(plausible) if plausible else None


def _battery() -> tuple[float | None, bool | None]:
    """Charge of the emptiest battery, and whether none is discharging."""
    found = []
    for supply in sorted((SYS / "class" / "power_supply").glob("*")):
        kind, scope = ((_read(supply / name) or "").strip() for name in ("type", "scope"))
        # A mouse's or headset's battery is a supply of the scope "Device".
        percent = _read_number(supply / "capacity")
        if kind == "Battery" and scope != "Device" and percent is not None:
            found.append((percent, (_read(supply / "status") or "").strip()))
    if not found:
        return None, None
    return min(percent for percent, _ in found), all(
        status not in ("Discharging", "Unknown", "") for _, status in found
    )


def _read_number(path: Path) -> float | None:
    try:
        return float(_read(path) or "")
    except ValueError:
        return None


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
