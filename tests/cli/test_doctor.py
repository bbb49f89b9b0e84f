"""What `mqn doctor` says of a lab's tools, with a PATH made by hand."""

from __future__ import annotations

import json

import pytest

from mqn.cli import doctor
from mqn.cli.app import run
from mqn.cli.doctor_tools import tool_checks
from mqn.errors import MqnError
from mqn.profile import DeviceProfile

PHONE = {"phone": DeviceProfile(url="adb:123")}


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Programs that say who they are; the only ones there are."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.delenv("MQN_NDK", raising=False)

    def make(name, script):
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
        return folder / name

    return make


def test_programs_are_found_with_their_versions_wherever_they_say_them(programs):
    adb = programs("adb", "echo 'Android Debug Bridge version 1.0.41'; echo more")
    ssh = programs("ssh", "echo 'OpenSSH_9.2p1' >&2")
    checks = tool_checks(PHONE)
    assert checks["tool adb"][0]() == f"{adb}, Android Debug Bridge version 1.0.41"
    assert checks["tool ssh"][0]() == f"{ssh}, OpenSSH_9.2p1"


def test_what_is_missing_says_what_to_install(programs):
    checks = tool_checks(PHONE)
    with pytest.raises(MqnError, match=r"no adb; phones behind adb need it \(Debian: apt-get install adb\)"):
        checks["tool adb"][0]()
    with pytest.raises(MqnError, match="no C compiler for"):
        checks["tool C compiler"][0]()


def test_a_compiler_is_named_with_what_it_builds_for(programs, monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    path = programs("cc", "exit 0")
    assert tool_checks(PHONE)["tool C compiler"][0]().startswith(f"{path} for x86_64; no C compiler for aarch64")


@pytest.mark.parametrize(
    ("devices", "needed"),
    [
        ({"local": DeviceProfile()}, set()),
        (PHONE, {"tool adb", "tool C compiler"}),
        ({"board": DeviceProfile(url="ssh:me@board")}, {"tool ssh", "tool C compiler"}),
        ({"phone": DeviceProfile(url="adb:1", benchmark_model="b")}, {"tool adb"}),
    ],
)
def test_only_what_the_profile_s_devices_use_is_needed(devices, needed):
    assert {name for name, (_, wanted) in tool_checks(devices).items() if wanted} == needed


def test_what_nobody_needs_fails_nothing(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("MQN_HOME", str(tmp_path))
    monkeypatch.setattr(doctor, "PACKAGES", {})
    monkeypatch.setattr(doctor, "FREE_GB", 0.0)
    monkeypatch.setattr(doctor, "_device_check", lambda profile, name: lambda: "a device")

    def missing():
        raise MqnError("no adb")

    for needed, code, mark in ((False, 0, "-   tool adb: no adb"), (True, 1, "NO  tool adb: no adb")):
        monkeypatch.setattr(doctor, "tool_checks", lambda devices, needed=needed: {"tool adb": (missing, needed)})
        assert run(["doctor"]) == code
        assert mark in capsys.readouterr().out.splitlines()
    run(["doctor", "--json"])
    assert json.loads(capsys.readouterr().out)["tool adb"] == {"ready": False, "detail": "no adb", "needed": True}
