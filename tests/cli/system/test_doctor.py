"""What `mqn doctor` says of a lab's tools, with a PATH made by hand."""

from __future__ import annotations

import json
import threading

import pytest

from mqn.cli.app import run
from mqn.cli.system import doctor, doctor_services
from mqn.cli.system.doctor_services import service_checks
from mqn.cli.system.doctor_tools import tool_checks
from mqn.errors import MqnError
from mqn.profile import DeviceProfile, Profile, StorageProfile, TrackingProfile
from mqn.profile_tables.notify import NotifyProfile
from mqn.profile_tables.ray import RayProfile
from mqn.search.storage.store import connect
from mqn.search.study.studies import list_studies

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
    monkeypatch.setattr(doctor, "service_checks", lambda profile: {})
    monkeypatch.setattr(doctor, "_device_check", lambda profile, name: lambda: "a device")

    def missing():
        raise MqnError("no adb")

    for needed, code, mark in ((False, 0, "-   tool adb: no adb"), (True, 1, "NO  tool adb: no adb")):
        monkeypatch.setattr(doctor, "tool_checks", lambda devices, needed=needed: {"tool adb": (missing, needed)})
        assert run(["doctor"]) == code
        assert mark in capsys.readouterr().out.splitlines()
    run(["doctor", "--json"])
    assert json.loads(capsys.readouterr().out)["tool adb"] == {"ready": False, "detail": "no adb", "needed": True}


def profile(**changes):
    return Profile(tracking=TrackingProfile(uri=""), **changes)


def test_artifacts_are_written_and_read_and_leave_nothing(tmp_path):
    checks = service_checks(profile(storage=StorageProfile(artifacts=str(tmp_path / "a" / "b"))))
    assert checks["artifacts"]() == f"{tmp_path}/a/b, written and read"
    assert list((tmp_path / "a" / "b").iterdir()) == []
    (tmp_path / "file").write_text("mine")
    with pytest.raises(MqnError, match=r"file/x: Not a directory; check storage\.artifacts"):
        service_checks(profile(storage=StorageProfile(artifacts=str(tmp_path / "file" / "x"))))["artifacts"]()


def test_a_database_answers_or_is_told(tmp_path):
    url = f"sqlite:///{tmp_path}/study.db"
    assert service_checks(profile(storage=StorageProfile(study=url)))["database"]().endswith(
        "study.db, made by the first study"
    )
    assert not (tmp_path / "study.db").exists()
    list_studies(connect(url))
    assert service_checks(profile(storage=StorageProfile(study=url)))["database"]().endswith("study.db, 0 studies")
    gone = StorageProfile(study=f"sqlite:///{tmp_path}/none/study.db")
    with pytest.raises(MqnError, match="database"):
        service_checks(profile(storage=gone))["database"]()


def test_a_tracking_server_that_is_not_there_is_told(tmp_path):
    assert service_checks(profile())["tracking"]() == "none: nothing is logged"
    away = Profile(tracking=TrackingProfile(uri="http://127.0.0.1:9"))
    with pytest.raises(MqnError, match=r"http://127\.0\.0\.1:9 cannot be used .*check tracking\.uri"):
        service_checks(away)["tracking"]()
    new = Profile(tracking=TrackingProfile(uri=f"sqlite:///{tmp_path}/mlflow.db"))
    assert service_checks(new)["tracking"]().endswith("made by the first study")


def test_what_hangs_is_given_up(monkeypatch):
    never = threading.Event()
    monkeypatch.setattr(doctor_services, "ANSWER_SECONDS", 0.01)
    monkeypatch.setattr(doctor_services, "_check_database", lambda url: str(never.wait()))
    with pytest.raises(MqnError, match=r"no answer within 0\.01 s"):
        service_checks(profile())["database"]()
    never.set()


def test_a_service_that_fails_ends_with_1_and_names_itself(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("MQN_HOME", str(tmp_path))
    monkeypatch.setattr(doctor, "PACKAGES", {})
    monkeypatch.setattr(doctor, "FREE_GB", 0.0)
    monkeypatch.setattr(doctor, "tool_checks", lambda devices: {})
    monkeypatch.setattr(doctor, "_device_check", lambda profile, name: lambda: "a device")
    monkeypatch.setattr(doctor_services, "_check_ray", lambda profile: profile.ray.address)
    file = tmp_path / "p.toml"
    file.write_text('[tracking]\nuri = "http://127.0.0.1:9"\n')
    assert run(["doctor", "--profile", str(file)]) == 1
    marks = {line[4:].partition(":")[0]: line[:3] for line in capsys.readouterr().out.splitlines()}
    assert {name: marks[name] for name in ("database", "artifacts", "tracking", "ray")} == {
        "database": "ok ",
        "artifacts": "ok ",
        "tracking": "NO ",
        "ray": "ok ",
    }


@pytest.mark.parametrize("address", ["127.0.0.1:9", "ray://127.0.0.1:9", "[::1]:9"])
def test_a_cluster_that_is_not_there_is_told_at_once(address):
    with pytest.raises(MqnError, match=r"nobody answers there .*check ray\.address"):
        service_checks(Profile(ray=RayProfile(address=address)))["ray"]()


@pytest.mark.integration
def test_a_ray_of_our_own_is_started():
    assert service_checks(Profile(ray=RayProfile(cpus=2)))["ray"]() == "local, 2 processors"


def test_a_profile_s_targets_are_told_a_test(tmp_path):
    assert "notifications" not in service_checks(Profile())
    words = ("/bin/sh", "-c", f"cat > {tmp_path}/told")
    told = service_checks(Profile(notify=NotifyProfile(command=words)))["notifications"]()
    assert told == "command took an event 'test'; told of: end, stall, failures"
    assert json.loads((tmp_path / "told").read_text())["event"] == "test"
    failing = service_checks(Profile(notify=NotifyProfile(command=("/bin/sh", "-c", "exit 3"))))["notifications"]
    with pytest.raises(MqnError, match="the command ended with code 3; check"):
        failing()
