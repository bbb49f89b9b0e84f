from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from mqn.device.agent.http.app import build_app
from mqn.device.agent.http.parts import AgentParts
from mqn.device.agent.service.assembly import _hosts
from mqn.device.agent.service.config import AgentConfig
from mqn.device.agent.trust.authority import issue, open_authority
from mqn.device.agent.trust.certificate import hosts
from mqn.device.agent.trust.hosts import Hosts
from mqn.errors import DeviceRefusedError

NAMES = ["board.lan", "*.lab.example", "10.77.0.2", "2001:db8::2"]


@pytest.mark.parametrize(
    "header",
    ["localhost", "LOCALHOST:8765", "127.0.0.1", "127.0.0.1:1", "127.9.9.9:80", "[::1]", "[::1]:8765", "localhost."],
)
def test_this_machine_is_always_meant(header: str) -> None:
    assert Hosts(()).allow(header)


@pytest.mark.parametrize(
    "header",
    ["", "evil.example", "evil.example:8765", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1", "::1",
     "a@localhost", "localhost:x", "localhost:", "[localhost]", "[::1", "[::2]:1", "localhost evil", "0.0.0.0"],
)  # fmt: skip
def test_other_names_are_not(header: str) -> None:
    assert not Hosts(()).allow(header)


def test_off_loopback_the_names_of_the_certificate_are(tmp_path: Path) -> None:
    pem, key = issue(open_authority(tmp_path / "ca"), NAMES, 1)
    path = tmp_path / "both.pem"
    path.write_bytes(pem + key)
    assert sorted(hosts(path)) == sorted(NAMES)
    names = _hosts(AgentConfig(host="0.0.0.0", certificate=path, names=("proxy.example",)))
    for header in (
        "board.lan:8765",
        "BOARD.LAN",
        "a.lab.example",
        "10.77.0.2:1",
        "[2001:db8:0::2]:8765",
        "proxy.example",
    ):
        assert names.allow(header), header
    for header in ("lab.example", "a.b.lab.example", "evil.example", "10.77.0.3"):
        assert not names.allow(header), header


def test_a_file_without_a_certificate_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("nothing")
    with pytest.raises(DeviceRefusedError, match="holds no certificate"):
        hosts(tmp_path / "x.pem")


@pytest.mark.parametrize("path", ["/v1/health", "/v1/device", "/v1/nowhere"])
def test_who_asks_for_another_host_gets_421_and_a_line(connect, parts: AgentParts, path: str) -> None:
    agent = connect(build_app(dataclasses.replace(parts, hosts=Hosts(()))))
    answer = agent.get(path, headers={"Host": "evil.example"})
    assert answer.status_code == 421
    assert answer.json()["error"] == "host 'evil.example' is not this agent's; it answers to localhost"
    assert agent.get("/v1/health", headers={"Host": "localhost:1234"}).status_code == 200


@pytest.mark.parametrize("path", ["/v1/health", "/v1/device", "/v1/nowhere", "/v1/openapi.json", "/v1/metrics"])
def test_a_browser_does_nothing_with_an_answer(connect, parts: AgentParts, path: str) -> None:
    headers = connect(build_app(parts)).get(path).headers
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["x-content-type-options"] == "nosniff"
