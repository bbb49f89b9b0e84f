"""`mqn devices list|check`: the devices that a profile names."""

from __future__ import annotations

import typer

from mqn.cli import output
from mqn.cli.options import Json, ProfileName
from mqn.errors import DeviceError
from mqn.profile import load_profile


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="The devices that a profile names.", no_args_is_help=True)
    group.command("list", epilog="Example: mqn devices list --profile lab.toml")(list_devices)
    group.command("check", epilog="Example: mqn devices check --profile lab.toml")(check)
    app.add_typer(group, name="devices")


def list_devices(profile: ProfileName = "default", json: Json = False) -> None:
    """The devices by name and address."""
    devices = load_profile(profile).devices
    if json:
        output.document(devices)
        return
    output.table(
        ["device", "address", "alone while measuring"],
        [[name, device.url, "yes" if device.alone else "no"] for name, device in devices.items()],
    )


def check(profile: ProfileName = "default", json: Json = False) -> None:
    """Ask every device who it is; fails if one does not answer."""
    from mqn.device.pool.own_agent import open_device

    answers = {}
    failures = {}
    for name, device in load_profile(profile).devices.items():
        try:
            with open_device(name, device) as client:
                answers[name] = client.info()
        except DeviceError as error:
            failures[name] = str(error)
    if json:
        output.document({"devices": answers, "failures": failures})
    else:
        for name, info in answers.items():
            output.line(f"{name}: {info.model}, {info.soc}, {info.cores} cores, {info.os}, {info.runtime}")
    for name, reason in failures.items():
        output.error(f"{name}: {reason}")
    if failures:
        raise typer.Exit(1)
