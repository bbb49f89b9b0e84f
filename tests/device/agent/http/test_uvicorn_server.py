"""The server itself, on loopback: what it does with connections that want too much or say too little."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from tests.lab.running import await_

from mqn.device.agent.http import caller_limits, listening, middleware
from mqn.device.agent.http.app import build_app
from mqn.device.agent.http.parts import AgentParts
from mqn.device.agent.http.uvicorn_server import QuietServer
from mqn.device.agent.trust.authority import issue, open_authority
from mqn.device.agent.trust.tokens import Tokens


@contextmanager
def serving(parts: AgentParts, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    ready, drained = threading.Event(), threading.Event()
    config = uvicorn.Config(build_app(parts), log_config=None, lifespan="off", ws="none", timeout_graceful_shutdown=1)
    server = QuietServer(config, tls, on_ready=ready.set, on_drain=drained.wait, on_stop=drained.set)
    with listening.bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        assert ready.wait(10)
        try:
            yield port
        finally:
            server.stop()
            thread.join(10)
            assert not thread.is_alive()


def ask(raw: socket.socket, text: str) -> bytes:
    raw.sendall(text.encode())
    return read(raw)


def read(raw: socket.socket) -> bytes:
    raw.settimeout(10)
    answer = b""
    while chunk := raw.recv(65_536):
        answer += chunk
    return answer


HEALTH = "GET /v1/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
UPLOAD = f"PUT /v1/models/{'0' * 64} HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\n"


def test_too_many_connections_are_429_and_those_that_are_open_go_on(parts: AgentParts, monkeypatch) -> None:
    monkeypatch.setattr(listening, "MAX_CONNECTIONS", 2)
    with serving(parts) as port, ExitStack() as stack:
        first, _, third = (stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(3))
        refused = ask(third, HEALTH)
        assert refused.startswith(b"HTTP/1.1 429 ")
        assert b"retry-after: 2" in refused.lower()
        assert ask(first, HEALTH).startswith(b"HTTP/1.1 200 ")
        with socket.create_connection(("127.0.0.1", port)) as later:
            assert ask(later, HEALTH).startswith(b"HTTP/1.1 200 ")


SILENT, HEAD = b"", b"GET /v1/health HTTP/1.1\r\nHost: a\r\nX: "
BODY = UPLOAD.encode() + b"x"


def flood(stack: ExitStack, port: int, said: bytes, number: int, source: str = "127.0.0.1") -> None:
    """Open connections that say something and then nothing; those that are hung up on do not matter."""
    for _ in range(number):
        with contextlib.suppress(OSError):
            raw = stack.enter_context(socket.create_connection(("127.0.0.1", port), source_address=(source, 0)))
            raw.sendall(said)


@pytest.mark.integration
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8 on loopback")
@pytest.mark.parametrize("said", [SILENT, HEAD, BODY], ids=["nothing", "half a head", "half a body"])
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_one_peers_half_open_connections_keep_no_other_out(
    parts: AgentParts, tls, trusted, said: bytes, secure: bool, tmp_path: Path
) -> None:
    (tmp_path / "tokens.json").write_text(json.dumps({"tokens": []}))
    closed = dataclasses.replace(parts, tokens=Tokens(tmp_path / "tokens.json"))
    with serving(closed, tls if secure else None) as port, ExitStack() as stack:
        flood(stack, port, said, 400)
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", port), source_address=("127.0.0.2", 0)) as plain:
                raw = trusted.wrap_socket(plain, server_hostname="127.0.0.1") if secure else plain
                assert ask(raw, HEALTH).startswith(b"HTTP/1.1 200 ")


def test_the_same_peer_gets_in_as_soon_as_its_silent_ones_are_stale(parts: AgentParts, monkeypatch) -> None:
    monkeypatch.setattr(listening, "MAX_CONNECTIONS_OF_PEER", 2)
    monkeypatch.setattr(caller_limits, "STALE_SECONDS", 0.0)
    with serving(parts) as port, ExitStack() as stack:
        flood(stack, port, HEAD, 20)
        with socket.create_connection(("127.0.0.1", port)) as raw:
            assert ask(raw, HEALTH).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("said", ["", "GET /v1/health HTTP/1.1\r\nHost:"])
def test_a_request_whose_head_does_not_come_is_cut_off(parts: AgentParts, monkeypatch, said: str) -> None:
    monkeypatch.setattr(listening, "HEAD_SECONDS", 0.1)
    with serving(parts) as port, socket.create_connection(("127.0.0.1", port)) as raw:
        assert ask(raw, said) == b""


def test_bytes_that_trickle_in_do_not_move_the_deadline(parts: AgentParts, monkeypatch) -> None:
    monkeypatch.setattr(listening, "HEAD_SECONDS", 0.3)
    with serving(parts) as port, socket.create_connection(("127.0.0.1", port)) as raw:
        raw.settimeout(0.05)
        sent = 0
        with pytest.raises(OSError, match=r"reset|Broken pipe|ended"):  # noqa: PT012
            while True:
                raw.sendall(b"G")
                sent += 1
                try:
                    if not raw.recv(1):
                        raise ConnectionResetError("ended")
                except TimeoutError:
                    assert sent < 100


def test_an_upload_that_stops_coming_is_408(parts: AgentParts, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(middleware, "LINGER_SECONDS", 0.1)
    slow = dataclasses.replace(parts, idle_seconds=0.1)
    with serving(slow) as port, socket.create_connection(("127.0.0.1", port)) as raw:
        assert ask(raw, UPLOAD).startswith(b"HTTP/1.1 408 ")
    assert list((tmp_path / "models").iterdir()) == []


@pytest.mark.parametrize("split", [False, True], ids=["at once", "later"])
def test_a_body_that_turns_out_to_be_no_http_is_one_400(parts: AgentParts, split: bool, caplog) -> None:
    head = "POST /v1/jobs HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    with serving(parts) as port, socket.create_connection(("127.0.0.1", port)) as raw:
        if split:
            raw.sendall(head.encode() + b"1\r\n{\r\n")
        answer = ask(raw, ("" if split else head) + "zz\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def test_a_refused_upload_is_told_why_although_it_goes_on(parts: AgentParts) -> None:
    with serving(parts) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
        for _ in range(5):
            answer = http.put(f"/v1/models/{'0' * 64}", content=b"x" * 5_000_000)
            assert answer.status_code == 413


def test_a_server_ends_while_somebody_waits(parts: AgentParts, jobs, leases, bench, request_, held) -> None:
    bench.held = True
    job_id = jobs.submit(request_, held).text.split('"')[3]
    assert bench.entered.wait(30)
    with serving(parts) as port, socket.create_connection(("127.0.0.1", port)) as raw:
        raw.sendall(f"GET /v1/jobs/{job_id}?wait=30 HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        await_(lambda: leases._live[held].attending)
        jobs.close()
        assert b'"state": "running"' in raw.recv(65_536)


def test_a_client_that_is_gone_no_longer_keeps_its_lease(
    parts: AgentParts, jobs, leases, bench, request_, held
) -> None:
    bench.held = True
    job_id = jobs.submit(request_, held).text.split('"')[3]
    assert bench.entered.wait(30)  # Whoever waits is answered as soon as the job begins, too.
    with serving(parts) as port:
        with socket.create_connection(("127.0.0.1", port)) as raw:
            raw.sendall(f"GET /v1/jobs/{job_id}?wait=30 HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            await_(lambda: leases._live[held].attending)
        await_(lambda: not leases._live[held].attending)
    bench.let_go.set()


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    pem, key = issue(open_authority(tmp_path / "ca"), ["127.0.0.1"], 1)
    (tmp_path / "both.pem").write_bytes(pem + key)
    return listening.secure(tmp_path / "both.pem", None)


@pytest.fixture
def trusted(tls: ssl.SSLContext, tmp_path: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=tmp_path / "ca" / "ca.pem")


def test_too_many_handshakes_are_hung_up_on_until_their_time_is_over(
    parts: AgentParts, tls, trusted, monkeypatch
) -> None:
    monkeypatch.setattr(listening, "MAX_HANDSHAKES", 2)
    monkeypatch.setattr(listening, "HANDSHAKE_SECONDS", 1.0)
    with serving(parts, tls) as port, ExitStack() as stack:
        url = f"https://127.0.0.1:{port}/v1/health"
        for _ in range(5):  # Those that come about do not count.
            assert httpx.get(url, verify=trusted, trust_env=False).status_code == 200
        silent = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(3)]
        assert read(silent[2]) == b""
        await_(lambda: reachable(url, trusted))


def reachable(url: str, trusted: ssl.SSLContext) -> bool:
    try:
        return httpx.get(url, verify=trusted, trust_env=False).is_success
    except httpx.TransportError:
        return False


def test_tls_is_of_today_and_a_handshake_that_does_not_come_is_not_waited_for(parts: AgentParts, tls, trusted) -> None:
    assert tls.minimum_version == ssl.TLSVersion.TLSv1_2
    with serving(parts, tls) as port, socket.create_connection(("127.0.0.1", port)):
        assert httpx.get(f"https://127.0.0.1:{port}/v1/health", verify=trusted, trust_env=False).status_code == 200
