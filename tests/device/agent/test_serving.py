"""What an agent needs before it serves: an address, a token, a certificate, a folder of its own."""

from __future__ import annotations

import json
import os
import pwd
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mqn.device.agent.http.listening import bind
from mqn.device.agent.queue.database import QueueDatabase
from mqn.device.agent.service.assembly import assemble
from mqn.device.agent.service.config import AgentConfig
from mqn.device.agent.service.folder import keep_folder
from mqn.device.agent.service.inspection import inspect_url
from mqn.device.agent.trust.exposure import check_exposure, warnings
from mqn.device.agent.trust.privileges import become, check_python
from mqn.device.agent.trust.tokens import Tokens, date, hash_secret
from mqn.errors import DeviceError, DeviceRefusedError, UsageError

CERTIFICATE = Path("certificate.pem")
TOKENS = Tokens(owner_secret="a")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_needs_nothing(host: str) -> None:
    check_exposure(AgentConfig(host=host), Tokens())


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.77.0.2", "board.lan"])
def test_other_addresses_need_a_token_and_a_certificate(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(DeviceRefusedError, match="make a token"):
        check_exposure(AgentConfig(host=host, certificate=CERTIFICATE), Tokens())
    with pytest.raises(DeviceRefusedError, match="plain HTTP"):
        check_exposure(AgentConfig(host=host), TOKENS)
    check_exposure(AgentConfig(host=host, certificate=CERTIFICATE), TOKENS)


def test_root_serves_strangers_only_where_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(UsageError, match="--user NAME"):
        check_exposure(AgentConfig(host="0.0.0.0", certificate=CERTIFICATE), TOKENS)
    check_exposure(AgentConfig(host="0.0.0.0", certificate=CERTIFICATE, user="nobody"), TOKENS)
    check_exposure(AgentConfig(host="0.0.0.0", certificate=CERTIFICATE, allow_root=True), TOKENS)


def test_what_expires_soon_is_told(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    expiries = {"gone": 0, "never soon": 32_000_000_000}
    tokens = [{"name": name, "sha256": hash_secret(name), "expires": date(at)} for name, at in expiries.items()]
    path.write_text(json.dumps({"tokens": tokens}))
    assert [line.split(";")[0] for line in warnings(Tokens(path), 0.0)] == [
        "the certificate has expired",
        "token 'gone' has expired",
    ]


def test_a_folder_is_one_agents(tmp_path: Path) -> None:
    with (
        keep_folder(tmp_path / "agent") as kept,
        pytest.raises(UsageError, match="another agent works in"),
        keep_folder(kept),
    ):
        pass
    with keep_folder(tmp_path / "agent"):
        pass


def test_a_temporary_folder_goes_and_takes_those_of_killed_agents_along(tmp_path: Path) -> None:
    parent = tmp_path / "home" / "agent"
    stale, young = parent / "loopback-stale", parent / "loopback-young"
    for path in (stale, young):
        path.mkdir(parents=True)
    os.utime(stale, (0, 0))
    with keep_folder(None) as kept:
        assert {path.name for path in parent.iterdir()} == {kept.name, "loopback-young"}
    assert list(parent.iterdir()) == [young]


def test_a_taken_port_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"cannot bind 127.0.0.1 port {port}"):
            bind("127.0.0.1", port)
    with pytest.raises(UsageError, match="cannot bind"):
        bind("127.0.0.1", 70_000)


@pytest.mark.parametrize(("user", "words"), [("no-such-user", "no user"), ("root", "is root again")])
def test_users_that_cannot_be_had(tmp_path: Path, user: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        become(user, tmp_path)


def test_a_user_who_cannot_run_this_python_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_python("nobody")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(UsageError, match=r"user 'nobody' cannot run .*/python or read what it imports"):
        check_python("nobody")


def test_a_damaged_record_is_told(tmp_path: Path) -> None:
    (tmp_path / "jobs.db").write_bytes(b"no database" * 1000)
    with pytest.raises(DeviceError, match=r"jobs\.db is damaged"):
        QueueDatabase(tmp_path / "jobs.db")


@pytest.mark.parametrize("name", ["jobs.db", "models"])
def test_a_folder_that_holds_something_else_is_told(tmp_path: Path, backend, name: str) -> None:
    if name == "models":
        (tmp_path / name).write_text("")
    else:
        (tmp_path / name).mkdir()
    config = AgentConfig(folder=tmp_path)
    parts = {"certificate_expires": None, "on_breakdown": lambda: None}
    with pytest.raises(DeviceError, match=f"cannot use .*{name}"), assemble(tmp_path, config, backend, TOKENS, **parts):
        pass


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UsageError, match=r"cannot use .*choose --folder"), keep_folder(folder):
            pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_new_user_is_given_the_folder_and_nothing_that_links_in_it_point_to(tmp_path: Path) -> None:
    folder, outside = tmp_path / "agent", tmp_path / "outside"
    (folder / "jobs").mkdir(parents=True)
    outside.mkdir()
    for path in (folder / "jobs" / "model", outside / "secret"):
        path.write_text("")
    (folder / "link").symlink_to(outside)
    code = "import pathlib, sys; from mqn.device.agent.trust import privileges; "
    code += "privileges.become('nobody', pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-P", "-c", code, str(folder)], check=True)
    nobody = pwd.getpwnam("nobody").pw_uid
    assert [path.lstat().st_uid for path in (folder, folder / "jobs" / "model", folder / "link")] == [nobody] * 3
    assert [path.stat().st_uid for path in (outside, outside / "secret")] == [0, 0]


def test_a_token_is_not_shown_in_clear_to_other_machines() -> None:
    with pytest.raises(DeviceRefusedError, match="carry the token in clear"):
        inspect_url("http://10.77.0.2:8765", "secret")
    with pytest.raises(DeviceRefusedError, match="printable ASCII"):
        inspect_url("https://127.0.0.1:1", "t\u00f6k")
    with pytest.raises(DeviceRefusedError, match="no agent's address"):
        inspect_url("127.0.0.1:8765", "secret")
