"""Checks of tools beyond Python: adb, ssh, a C compiler, certificates."""

from __future__ import annotations

import platform
import shutil
import subprocess
from collections.abc import Callable, Mapping
from importlib import metadata

from mqn.errors import MqnError
from mqn.profile import DeviceProfile

ASK_SECONDS = 10.0


def tool_checks(devices: Mapping[str, DeviceProfile]) -> dict[str, tuple[Callable[[], str], bool]]:
    """What to check, and whether the profile's devices cannot do without it.

    Args:
        devices: of the profile, by name.

    Returns:
        By name: a check that says what was found or raises `MqnError`, and whether it is needed.
    """
    urls = [device.url for device in devices.values()]
    behind = [device for device in devices.values() if device.backend not in (None, "local")]
    return {
        "tool adb": (
            _program("adb", ("version",), "phones behind adb", "adb"),
            any(u.startswith("adb:") for u in urls),
        ),
        "tool ssh": (
            _program("ssh", ("-V",), "boards without an agent", "openssh-client"),
            any(url.startswith("ssh:") for url in urls),
        ),
        "tool C compiler": (_check_compiler, any(device.benchmark_model is None for device in behind)),
        "certificates": (_check_certificates, False),
    }


def _program(name: str, ask: tuple[str, ...], use: str, package: str) -> Callable[[], str]:
    def check() -> str:
        path = shutil.which(name)
        if path is None:
            raise MqnError(f"no {name}; {use} need it (Debian: apt-get install {package})")
        try:
            done = subprocess.run([path, *ask], capture_output=True, text=True, timeout=ASK_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise MqnError(f"{path} does not run ({error}); install it again") from error
        told = (done.stdout or done.stderr).strip().splitlines()
        if done.returncode:
            raise MqnError(f"{path} {' '.join(ask)} fails: {told[-1] if told else f'exit code {done.returncode}'}")
        return f"{path}, {told[0] if told else 'version unknown'}"

    return check


def _check_compiler() -> str:
    from mqn.device.backends.shell.runner_build import find_compiler

    own = " ".join(find_compiler(platform.machine()).command)
    found = [f"{own} for {platform.machine()}"]
    for other in ("aarch64", "x86_64"):
        if other != platform.machine():
            try:
                found.append(f"{' '.join(find_compiler(other).command)} for {other}")
            except MqnError as error:
                found.append(str(error))
    return "; ".join(found)


def _check_certificates() -> str:
    try:
        return f"cryptography {metadata.version('cryptography')}"
    except metadata.PackageNotFoundError:
        raise MqnError(
            "no package 'cryptography'; `mqn agent init` makes certificates with it: pip install cryptography"
        ) from None
