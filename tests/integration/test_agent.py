"""A real agent in a process of its own: killed, drained, cut off, short of disk, over TLS."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.lab.running import LONG, QUICK, Agent, await_, children, is_alive, start_agent
from tests.support.tflite_models import convolutions

from mqn.cli.app import run

pytestmark = pytest.mark.integration

MODEL = convolutions(8, 3)
# Some milliseconds a run: with a smaller one a long job has all the samples that it may have after a few seconds.
SLOW = convolutions(64, 16, layers=3)
FIGURES = ("ok", "contended", "unsteady", "throttled")


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    with start_agent(tmp_path_factory.mktemp("agent") / "agent") as running:
        yield running


@contextlib.contextmanager
def long_job(agent: Agent, **lease: object) -> Iterator[tuple[str, str]]:
    """A job caught in the act: its lease and its id."""
    held = agent.lease(**lease)
    assert held["state"] == "held"
    job_id = agent.post(agent.upload(SLOW), held["id"], LONG).json()["id"]
    try:
        await_(lambda: agent.job(job_id)["state"] == "running" and children(agent.pid))
        yield held["id"], job_id
    finally:
        if is_alive(agent.pid):
            agent.http.delete(f"/v1/leases/{held['id']}")


def test_jobs_of_every_kind_are_carried_out_in_little_memory(agent: Agent) -> None:
    lease, name = agent.lease()["id"], agent.upload(MODEL)
    measured = agent.finish(agent.post(name, lease).json()["id"])["measurement"]
    assert measured["verdict"] in FIGURES
    assert measured["parts"][0]["sha256"] == name
    file = {"part": "model", "sha256": name}
    for kind, request in (("comparison", {"kind": "compare", "against": [file]}), ("profile", {"kind": "profile"})):
        job = {"files": [file], "settings": QUICK, **request}
        answer = agent.http.post("/v1/jobs", json=job, headers={"Lease": lease})
        assert agent.finish(answer.json()["id"])[kind]["verdict"] in FIGURES
    assert agent.resident_mb < 60
    agent.http.delete(f"/v1/leases/{lease}")


def test_what_the_device_lacks_is_refused_and_makes_no_measurement(agent: Agent) -> None:
    lease, name = agent.lease()["id"], agent.upload(MODEL)
    status = agent.finish(agent.post(name, lease, {**QUICK, "delegate": "nnapi"}).json()["id"])
    assert (status["state"], status["refused"], status["measurement"]) == ("cancelled", True, None)
    assert "nnapi" in status["error"]
    agent.http.delete(f"/v1/leases/{lease}")


def test_a_lease_of_a_dead_client_ends_with_its_job_and_the_next_is_granted(agent: Agent) -> None:
    with long_job(agent, holder="dead", ttl_seconds=1.0) as (lease, job_id):
        passes = children(agent.pid)
        following = agent.lease("alive")
        assert following["state"] == "waiting"
        # Nobody speaks of the first lease meanwhile: this wait is the second's.
        path = f"/v1/leases/{following['id']}"
        assert agent.http.get(path, params={"wait": 20}).json()["state"] == "held"
        assert agent.http.get(f"/v1/leases/{lease}").json()["state"] == "ended"
        status = agent.job(job_id)
        assert (status["state"], status["error"]) == ("cancelled", "its lease ended: no sign of life")
        await_(lambda: not any(map(is_alive, passes)))
        agent.http.delete(path)


def test_a_client_that_polls_keeps_its_lease(agent: Agent) -> None:
    # A poll that lasts longer than the lease lives, and time enough afterwards on a machine that is busy.
    with long_job(agent, holder="polls", ttl_seconds=3.0) as (lease, job_id):
        assert agent.job(job_id, wait=4.0)["state"] == "running"
        assert agent.http.put(f"/v1/leases/{lease}").json()["state"] == "held"


@pytest.mark.parametrize("body", ["truncated", "silent"])
def test_uploads_that_break_off_leave_nothing(agent: Agent, body: str) -> None:
    host, port = httpx.URL(agent.url).host, httpx.URL(agent.url).port
    head = f"PUT /v1/models/{'1' * 64} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {agent.token}\r\n"
    with socket.create_connection((host, port)) as raw:
        raw.sendall(f"{head}Content-Length: 1000\r\n\r\n".encode() + (b"x" * 500 if body == "truncated" else b""))
        models = Path(agent.log.parent / "agent" / "models")
        await_(lambda: list(models.glob(".incoming-*")))
    await_(lambda: not list(models.glob(".incoming-*")))
    assert agent.http.head(f"/v1/models/{'1' * 64}").status_code == 404


def test_what_is_no_http_is_told_in_json(agent: Agent) -> None:
    url = httpx.URL(agent.url)
    with socket.create_connection((url.host, url.port)) as raw:
        raw.sendall(b"\x16\x03\x01 not http\r\n\r\n")
        answer = raw.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]


def test_two_agents_of_one_machine_do_not_measure_at_once(agent: Agent, tmp_path: Path) -> None:
    with start_agent(tmp_path / "other") as other:
        lease, name = other.lease()["id"], other.upload(MODEL)
        with long_job(agent):
            job_id = other.post(name, lease).json()["id"]
            await_(lambda: children(other.pid))
            assert other.job(job_id, wait=1.0)["state"] == "running"
        assert other.finish(job_id)["measurement"]["verdict"] in FIGURES


def test_a_killed_agent_comes_back_with_its_queue(tmp_path: Path) -> None:
    with start_agent(tmp_path / "agent", token="t") as agent, long_job(agent) as (lease, running):
        queued = agent.post(agent.upload(MODEL), lease, **{"Idempotency-Key": "k"}).json()["id"]
        passes = children(agent.pid)
        agent.process.kill()
        agent.process.wait()
        await_(lambda: not any(map(is_alive, passes)))
    with start_agent(tmp_path / "agent", token="t") as agent:
        assert agent.http.get(f"/v1/leases/{lease}").json()["state"] == "held"
        await_(lambda: agent.job(running)["state"] == "running" and children(agent.pid))
        assert agent.post(agent.upload(MODEL), lease, **{"Idempotency-Key": "k"}).json()["id"] == queued
        agent.process.kill()
        agent.process.wait()
    with start_agent(tmp_path / "agent", token="t") as agent:
        given_up = agent.finish(running)["measurement"]
        assert given_up["verdict"] == "crashed"
        assert given_up["reasons"] == ["the agent died 2 times while this job ran"]
        assert agent.finish(queued)["measurement"]["verdict"] in FIGURES


def test_an_agent_drains_lets_the_job_finish_and_keeps_the_rest(tmp_path: Path) -> None:
    settings = {**QUICK, "seconds": 2, "timeout_seconds": 60}
    with start_agent(tmp_path / "agent", token="t") as agent:
        lease, name = agent.lease()["id"], agent.upload(MODEL)
        running, queued = (agent.post(name, lease, settings).json()["id"] for _ in range(2))
        await_(lambda: agent.job(running)["state"] == "running")
        results: list[dict] = []
        with httpx.Client(base_url=agent.url, headers=agent.http.headers, trust_env=False, timeout=60) as second:
            ask = {"wait": 30}
            waiter = threading.Thread(
                target=lambda: results.append(second.get(f"/v1/jobs/{running}", params=ask).json())
            )
            waiter.start()
            agent.process.send_signal(signal.SIGTERM)
            await_(lambda: agent.http.post("/v1/leases", json={"holder": "late"}).status_code == 409)
            late = agent.post(name, lease)
            assert (late.status_code, "is being stopped" in late.json()["error"]) == (409, True)
            assert agent.process.wait(30) == 0
            waiter.join(10)
        assert results[0]["measurement"]["verdict"] in FIGURES
    with start_agent(tmp_path / "agent", token="t") as agent:
        assert agent.job(running)["state"] == "done"
        assert agent.finish(queued)["state"] == "done"


def test_a_second_signal_ends_an_agent_at_once(tmp_path: Path) -> None:
    with start_agent(tmp_path / "agent", token="t") as agent:
        with long_job(agent) as (_, job_id):
            passes = children(agent.pid)
            agent.process.send_signal(signal.SIGTERM)
            await_(lambda: agent.http.post("/v1/leases", json={"holder": "late"}).status_code == 409)
            agent.process.send_signal(signal.SIGTERM)
            assert agent.process.wait(10) == 0
        await_(lambda: not any(map(is_alive, passes)), 10)  # A killed process takes a moment to end.
    with start_agent(tmp_path / "agent", token="t") as agent:
        assert agent.job(job_id)["state"] in ("queued", "running")


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_is_told_and_nothing_is_half_written(tmp_path: Path) -> None:
    folder = tmp_path / "agent"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this machine does not let us mount a small disk")
    try:
        with start_agent(folder) as agent:
            lease, name = agent.lease()["id"], agent.upload(MODEL)
            with (folder / "ballast").open("wb") as ballast, contextlib.suppress(OSError):
                while True:
                    ballast.write(b"x" * 65_536)
                    ballast.flush()
            big = os.urandom(1_000_000)
            refused = agent.http.put(f"/v1/models/{'2' * 64}", content=big)
            assert (refused.status_code, "disk is full" in refused.json()["error"]) == (507, True)
            assert agent.post(name, lease).status_code == 507
            assert not list((folder / "models").glob(".incoming-*"))
            assert list((folder / "jobs").iterdir()) == []
            (folder / "ballast").unlink()
            agent.upload(big)
            assert agent.finish(agent.post(agent.upload(MODEL), lease).json()["id"])["state"] == "done"
            assert "Traceback" not in agent.log.read_text()
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_an_agent_made_by_init_is_reached_over_tls_with_its_token_until_that_expires(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MQN_HOME", str(tmp_path))
    assert run(["agent", "init", "--name", "board", "--host", "127.0.0.1", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    folder, ca, token_file = Path(made["folder"]), Path(made["ca"]), Path(made["token_file"])
    command = [sys.executable, "-m", "mqn", "agent", "serve", "--config", str(folder), "--port", "0"]
    with start_agent(folder, command=[*command, "--token-env", "UNSET"], ca=ca) as agent:
        agent.http.headers["Authorization"] = f"Bearer {token_file.read_text().strip()}"
        assert agent.url.startswith("https://127.0.0.1:")
        lease = agent.lease()["id"]
        assert agent.finish(agent.post(agent.upload(MODEL), lease).json()["id"])["state"] == "done"
        asked = ["agent", "status", "--url", agent.url, "--ca", str(ca), "--token-file", str(token_file), "--json"]
        assert run(asked) == 0
        found = json.loads(capsys.readouterr().out)
        assert (found["up"], found["leases"]["held"]) == (True, 1)
        assert found["certificate_expires"][:10] == made["certificate_expires"][:10]
        with httpx.Client(base_url=agent.url, trust_env=False) as stranger, pytest.raises(httpx.ConnectError):
            stranger.get("/v1/health")
        plain = agent.url.replace("https", "http")
        with httpx.Client(base_url=plain, trust_env=False) as careless, pytest.raises(httpx.TransportError):
            careless.get("/v1/health")

        tokens = json.loads((folder / "tokens.json").read_text())
        tokens["tokens"][0].update(issued="2026-01-01T00:00:00+00:00", expires="2026-01-02T00:00:00+00:00")
        (folder / "tokens.json").write_text(json.dumps(tokens))
        refused = agent.http.get("/v1/device")
        assert (refused.status_code, "expired on 2026-01-02" in refused.json()["error"]) == (401, True)
        assert run(asked) == 0
        assert "expired" in json.loads(capsys.readouterr().out)["trouble"]
    assert run(["agent", "status", "--config", str(folder)]) == 1


def test_an_agent_of_other_machines_is_not_started_carelessly(tmp_path: Path, capsys) -> None:
    assert run(["agent", "serve", "--host", "0.0.0.0", "--port", "0"]) == 1
    assert "can be reached from other machines; make a token" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_becomes_somebody_who_may_do_less(tmp_path: Path) -> None:
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from mqn.device.agent.trust.privileges import become\n"
        "become('nobody', Path(sys.argv[1]))\n"
        "try:\n    os.setuid(0)\n"
        "except PermissionError:\n    print(os.getresuid(), os.getgid() != 0, 0 in os.getgroups())\n"
    )
    (tmp_path / "model").write_bytes(MODEL)
    ended = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True)
    uid = tmp_path.stat().st_uid
    assert uid != 0
    assert (tmp_path / "model").stat().st_uid == uid
    assert ended.stdout.strip() == f"({uid}, {uid}, {uid}) True False"
