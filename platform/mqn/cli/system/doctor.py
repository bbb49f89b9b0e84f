"""`mqn doctor`: is this machine ready."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable
from importlib import metadata
from typing import Annotated

import typer

from mqn.cli import output
from mqn.cli.options import Json, ProfileName
from mqn.cli.system.doctor_family import check_family
from mqn.cli.system.doctor_services import service_checks
from mqn.cli.system.doctor_tools import tool_checks
from mqn.cli.system.tracking import load_tracked
from mqn.distribution import install_command
from mqn.errors import MqnError
from mqn.home import home
from mqn.profile import Profile

PACKAGES = {
    "agent": ("ai-edge-litert", "starlette", "uvicorn", "httpx"),
    "search": (
        "torch",
        "tensorflow",
        "tf_keras",
        "tensorflow-model-optimization",
        "ai-edge-quantizer",
        "ray",
        "optuna",
        "mlflow",
        "opencv-python-headless",
        "OpenEXR",
        "scikit-image",
    ),
}
FREE_GB = 5.0

EXAMPLE = "mqn doctor --profile laptop"


def doctor(
    profile: ProfileName = "default",
    family: Annotated[
        str | None,
        typer.Option(
            help="Check a family of networks instead: mqn, expandnet, ..., or your own package.module:NAME.",
            metavar="NAME",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Check packages, and database, artifacts, tracking, Ray and devices of the profile; exits 1 if one fails."""
    if family is not None:
        check_family(family, json=json)
        return
    settings = load_tracked(profile)
    tools = tool_checks(settings.devices)
    checks: dict[str, Callable[[], str]] = {
        "python": lambda: (
            f"{platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
        ),
        **{f"packages [{extra}]": _packages_check(extra) for extra in PACKAGES},
        "state": _check_home,
        **service_checks(settings),
        "pretrained weights": _check_weights,
        **{name: check for name, (check, _) in tools.items()},
        **{f"device {name}": _device_check(settings, name) for name in settings.devices},
    }
    spared = {"pretrained weights", *(name for name, (_, needed) in tools.items() if not needed)}
    results = {}
    for name, check in checks.items():
        try:
            results[name] = {"ready": True, "detail": check(), "needed": name not in spared}
        except MqnError as error:
            results[name] = {"ready": False, "detail": str(error), "needed": name not in spared}
        except ModuleNotFoundError as error:
            detail = f"needs the package {error.name!r}: {install_command('all')}"
            results[name] = {"ready": False, "detail": detail, "needed": name not in spared}
    if json:
        output.document(results)
    else:
        for name, result in results.items():
            mark = "ok " if result["ready"] else "NO " if result["needed"] else "-  "
            output.line(f"{mark} {name}: {result['detail']}")
    if not all(result["ready"] for result in results.values() if result["needed"]):
        raise typer.Exit(1)


def _packages_check(extra: str) -> Callable[[], str]:
    def check() -> str:
        missing, found = [], []
        for name in PACKAGES[extra]:
            try:
                found.append(f"{name} {metadata.version(name)}")
            except metadata.PackageNotFoundError:
                missing.append(name)
        if missing:
            raise MqnError(f"missing {', '.join(missing)}: {install_command(extra)}")
        return ", ".join(found)

    return check


def _check_home() -> str:
    folder = home()
    free_gb = shutil.disk_usage(folder).free / 1e9
    if not os.access(folder, os.W_OK):
        raise MqnError(f"{folder} cannot be written to; set MQN_HOME to a folder that can")
    if free_gb < FREE_GB:
        raise MqnError(f"{folder} has {free_gb:.1f} GB left, a study wants {FREE_GB:g}; free some or set MQN_HOME")
    return f"{folder}, {free_gb:.0f} GB free"


def _check_weights() -> str:
    cache = home() / "cache" / "weights"
    files = sorted(file.name for file in cache.glob("*") if not file.name.endswith((".part", ".sha256")))
    if not files:
        raise MqnError("none cached yet; 'imagenet' fetches them at first use; without network give files (see README)")
    return ", ".join(files)


def _device_check(profile: Profile, name: str) -> Callable[[], str]:
    def check() -> str:
        from mqn.device.pool.own_agent import open_device

        with open_device(name, profile.devices[name]) as client:
            info = client.info()
        return f"{info.model}, {info.cores} cores, {info.runtime}"

    return check
