"""Property-based fuzz of an agent's interface, from its own OpenAPI document.

    python -m tests.lab.fuzz --requests 5000 --seed 0 --output fuzz.json

Sends requests that fit the document, that nearly fit, that do not, and some that are no HTTP, with the right token,
without one, and with others. Fails on any 5xx, on any answer that the document does not name, on a traceback in the
agent's log, and where anything but health is reached without the token.
"""

from __future__ import annotations

import argparse
import collections
import json
import re
import socket
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.lab.generator import Generator
from tests.lab.running import QUICK, Agent, start_agent
from tests.support.tflite_models import convolutions

HEALTH = "/v1/health"
# Where most can go wrong, most is asked.
WEIGHTS = {("POST", "/v1/jobs"): 6, ("POST", "/v1/leases"): 3, ("GET", "/v1/jobs/{id}"): 3}
SECONDS = 30.0
MAX_FAILURES = 20

_RAW = (
    b"GET / HTTP/9.9\r\n\r\n",
    b"\x00\x01\x02\r\n\r\n",
    b"GET /v1/device HTTP/1.1\r\n\r\n",
    b"GET /v1/device HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET /v1/device HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
    b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    b"GET /v1/device HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    b"GET http://elsewhere/v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"CONNECT a:1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
)


@dataclass
class Tally:
    """What came of it."""

    by_status: dict[str, collections.Counter[str]] = field(
        default_factory=lambda: {"with token": collections.Counter(), "without": collections.Counter()}
    )
    reached: set[str] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)
    resident_mb: list[float] = field(default_factory=list)

    def fail(self, line: str) -> None:
        """Note a failure; some are enough."""
        if len(self.failures) < MAX_FAILURES:
            self.failures.append(line)


class Fuzzer:
    """Asks one agent, and remembers names that it answered with, so that later requests meet something."""

    def __init__(self, agent: Agent, seed: int) -> None:
        self._agent = agent
        self._document = agent.http.get("/v1/openapi.json").json()
        self._make = Generator(self._document, seed)
        self._random = self._make.random
        self._operations = [
            (method.upper(), path, operation)
            for path, item in self._document["paths"].items()
            for method, operation in item.items()
        ]
        self._models = [agent.upload(convolutions(8, channels)) for channels in (1, 2)]
        self._weights = [WEIGHTS.get((method, path), 1) for method, path, _ in self._operations]
        self._names: dict[str, list[str]] = {"leases": ["x"], "jobs": ["x"]}
        self._held = "x"
        self.tally = Tally()

    def run(self, requests: int) -> None:
        """Send so many requests."""
        for number in range(requests):
            if self._random.random() < 0.03:
                self._send_raw()
            else:
                self._send(*self._random.choices(self._operations, self._weights)[0])
            if number % max(1, requests // 10) == 0:
                self.tally.resident_mb.append(round(self._agent.resident_mb, 1))
        self._check_that_it_still_works()

    def _send(self, method: str, template: str, operation: dict[str, Any]) -> None:
        authorization, right = self._authorization()
        path, headers, body = self._path(template), self._headers(operation), self._body(operation)
        strange = self._random.random() < 0.05
        if strange:
            method = self._random.choice(("GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "TRACE", "HEAD"))
            path = self._random.choice((path, path + "/", "//" + path, path.upper(), "/", "/v2/device", "/v1/%2e%2e/x"))
        if authorization is not None:
            headers["Authorization"] = authorization
        # Straight from a client without the right token of its own.
        request = httpx.Request(method, self._agent.url + path, headers=headers, content=body)
        try:
            answer = self._agent.http.send(request, auth=None)
        except httpx.TransportError as error:
            self.tally.fail(f"{method} {path}: {type(error).__name__}: {error}")
            return
        self.tally.by_status["with token" if right else "without"][str(answer.status_code)] += 1
        self._judge(method, path, operation, answer, right=right, strange=strange)
        self._remember(template, answer)

    def _judge(
        self, method: str, path: str, operation: dict[str, Any], answer: httpx.Response, *, right: bool, strange: bool
    ) -> None:
        told = f"{method} {path[:80]} -> {answer.status_code} {answer.text[:120]!r}"
        if answer.status_code >= 500:
            self.tally.fail(told)
        if not right and answer.status_code != 401:
            self.tally.reached.add(path.partition("?")[0])
        if right and not strange and str(answer.status_code) not in operation["responses"]:
            self.tally.fail(f"not in the document: {told}")
        if answer.status_code >= 400 and method != "HEAD":
            error = answer.json()
            if list(error) != ["error"] or not isinstance(error["error"], str) or "\n" in error["error"]:
                self.tally.fail(f"no line: {told}")

    def _remember(self, template: str, answer: httpx.Response) -> None:
        kind = template.split("/")[2]
        if answer.is_success and kind in self._names and answer.request.method == "POST":
            self._names[kind].append(answer.json()["id"])
        if answer.is_success and kind == "leases" and answer.json().get("state") == "held":
            self._held = answer.json()["id"]

    def _authorization(self) -> tuple[str | None, bool]:
        if self._random.random() < 0.6:
            return f"Bearer {self._agent.token}", True
        others = (
            None,
            "",
            "Bearer",
            "Bearer x",
            f"Basic {self._agent.token}",
            self._agent.token,
            f"Bearer {self._agent.token}x",
            f"Bearer {self._agent.token[:-1]}",
            f"Bearer  {self._agent.token}",
        )
        return self._random.choice(others), False

    def _path(self, template: str) -> str:
        def name(match: re.Match[str]) -> str:
            kind = template.split("/")[2]
            if self._random.random() < 0.15:
                return "".join(f"%{byte:02x}" for byte in self._make.text().encode("utf-8")) or "x"
            if kind == "models":
                return self._random.choice((*self._models, self._random.randbytes(32).hex()))
            return self._random.choice(self._names[kind][-10:])

        path = re.sub(r"\{\w+\}", name, template)
        if self._random.random() < 0.3:
            # Short, or none at all: what a wait is for, other tests look at.
            wait = self._random.choice(("0", "0.01", "0.02", "-1", "31", "nan", "inf", "x", "1e400", "%00"))
            path += f"?wait={wait}"
        return path

    def _headers(self, operation: dict[str, Any]) -> dict[str, str]:
        headers = {}
        for parameter in operation["parameters"]:
            if parameter["in"] == "header" and self._random.random() < 0.7:
                if parameter["name"] == "Lease":
                    value = self._random.choice((self._held, self._held, *self._names["leases"][-4:]))
                else:
                    value = self._random.choice(("k", "l", "m", "a" * 129, "\x7f", self._random.randbytes(8).hex()))
                headers[parameter["name"]] = value
        return headers

    def _body(self, operation: dict[str, Any]) -> bytes | None:
        if "requestBody" not in operation:
            return self._random.choice((None, None, None, b"not asked for"))
        ((media, content),) = operation["requestBody"]["content"].items()
        if media != "application/json":
            return self._random.choice((convolutions(8, 1), b"", self._random.randbytes(5_000)))
        choice = self._random.random()
        if choice < 0.5:
            return json.dumps(self._settle(self._make.fitting(content["schema"]))).encode()
        if choice < 0.8:
            return json.dumps(self._make.near(content["schema"])).encode()
        return self._make.broken(content["schema"])

    def _settle(self, value: Any) -> Any:
        """Of jobs that fit, most name models that are there, and settings that keep the device free for others."""
        if isinstance(value, dict) and "files" in value and self._random.random() < 0.8:
            parts = self._random.choice((("model",), ("backbone", "head")))
            files = [{"part": part, "sha256": self._random.choice(self._models)} for part in parts]
            kind = value.get("kind", "measure")
            return {"files": files, "kind": kind, "against": files if kind == "compare" else [], "settings": QUICK}
        return value

    def _send_raw(self) -> None:
        url, told = httpx.URL(self._agent.url), self._random.choice(_RAW)
        with socket.create_connection((url.host, url.port), timeout=SECONDS) as raw:
            try:
                raw.sendall(told)
                raw.shutdown(socket.SHUT_WR)
                answer = raw.recv(4096)
            except ConnectionError:
                answer = b""
            except TimeoutError:
                self.tally.fail(f"no end to {told[:60]!r}")
                return
        status = answer.split(b" ")[1].decode() if answer.startswith(b"HTTP/1.1 ") else "closed"
        self.tally.by_status["without"][status] += 1
        if status.startswith(("5", "2")) and b"/v1/health" not in told:
            self.tally.fail(f"{told[:60]!r} -> {answer[:80]!r}")

    def _check_that_it_still_works(self) -> None:
        agent = self._agent
        for name in self._names["leases"]:
            agent.http.delete(f"/v1/leases/{name}")
        lease = agent.lease("at the end")
        status = agent.finish(agent.post(self._models[0], lease["id"]).json()["id"])
        if status["state"] != "done":
            self.tally.fail(f"a plain job at the end: {status}")
        if agent.process.poll() is not None or "Traceback" in agent.log.read_text():
            self.tally.fail(f"the agent's log: {agent.log.read_text()[-500:]}")
        for path in self.tally.reached - {HEALTH}:
            self.tally.fail(f"reached without the token: {path}")


def fuzz(requests: int, seed: int, folder: Path) -> dict[str, Any]:
    """Fuzz an agent of its own; returns what came of it."""
    with start_agent(folder / "agent") as agent:
        fuzzer = Fuzzer(agent, seed)
        fuzzer.run(requests)
        tally = fuzzer.tally
        return {
            "requests": requests,
            "seed": seed,
            "by_status": {who: dict(sorted(counts.items())) for who, counts in tally.by_status.items()},
            "reached_without_token": sorted(tally.reached),
            "resident_mb": [*tally.resident_mb, round(agent.resident_mb, 1)],
            "failures": tally.failures,
        }


def main() -> int:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab.fuzz", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="gets the outcome as JSON")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mqn-fuzz-") as name:
        found = fuzz(given.requests, given.seed, Path(name))
    text = json.dumps(found, indent=1)
    print(text)
    if given.output is not None:
        given.output.write_text(text + "\n")
    return 1 if found["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
