"""A real agent in a process of its own, for tests and for the lab's scripts."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from mqn.device.backends.local.isolation import TOKEN_VARIABLE

START_SECONDS = 30.0
QUICK = {
    "runs": 3,
    "seconds": 0,
    "processes": 1,
    "warmup_seconds": 0,
    "warmup_limit_seconds": 0.1,
    "timeout_seconds": 20,
}
# Long enough to be caught in the act, and to be ended by whoever is done with it.
LONG = {**QUICK, "seconds": 60, "timeout_seconds": 120}


@dataclass
class Agent:
    """A running agent, and a client of it."""

    process: subprocess.Popen[bytes]
    url: str
    token: str
    log: Path
    http: httpx.Client = field(repr=False)

    @property
    def pid(self) -> int:
        """Of the process."""
        return self.process.pid

    @property
    def resident_mb(self) -> float:
        """Its memory now, in MB of 10^6 bytes."""
        rows = dict(line.split(":", 1) for line in Path(f"/proc/{self.pid}/status").read_text().splitlines())
        return int(rows["VmRSS"].split()[0]) * 1024 / 1e6

    def upload(self, model: bytes) -> str:
        """Send a model; returns its name."""
        name = hashlib.sha256(model).hexdigest()
        answer = self.http.put(f"/v1/models/{name}", content=model)
        assert answer.status_code in (200, 201), answer.text
        return name

    def lease(self, holder: str = "study", ttl_seconds: float = 60.0) -> dict[str, Any]:
        """Ask for the device."""
        answer = self.http.post("/v1/leases", json={"holder": holder, "ttl_seconds": ttl_seconds})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def post(self, name: str, lease: str, settings: dict[str, Any] | None = None, **headers: str) -> httpx.Response:
        """Post a job on a model by its name."""
        job = {"files": [{"part": "model", "sha256": name}], "settings": settings or QUICK}
        return self.http.post("/v1/jobs", json=job, headers={"Lease": lease, **headers})

    def job(self, job_id: str, wait: float = 0.0) -> dict[str, Any]:
        """Where a job stands."""
        answer = self.http.get(f"/v1/jobs/{job_id}", params={"wait": wait})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def finish(self, job_id: str) -> dict[str, Any]:
        """Wait until a job has ended."""
        while (status := self.job(job_id, 20))["state"] not in ("done", "cancelled"):
            pass
        return status


def await_(condition: Callable[[], object], seconds: float = 120) -> None:
    """Wait for what no event tells; long, for a device does one thing at a time, and others may measure there too."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def children(pid: int) -> list[int]:
    """The processes that a process has started and that have not ended."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = stat.read_text().rsplit(")", 1)[1].split()[:2]
            if int(parent) == pid and state != "Z":
                found.append(int(stat.parent.name))
    return found


def is_alive(pid: int) -> bool:
    """Whether a process runs."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@contextlib.contextmanager
def start_agent(
    folder: Path, *, token: str | None = None, command: Sequence[str] | None = None, ca: Path | None = None
) -> Iterator[Agent]:
    """Run an agent until the block ends; whatever it still is then is killed.

    Args:
        folder: the agent's own; its log lies beside it.
        token: its owner's; None: one is made up.
        command: another way to start it, with a URL as the first word after `at` on its standard error.
        ca: certificate that its own is signed by.
    """
    token, log = token or secrets.token_urlsafe(16), folder.with_name(f"{folder.name}.log")
    ready = folder.with_name(f"{folder.name}.ready.json")
    ready.unlink(missing_ok=True)
    own = [sys.executable, "-m", "mqn.device.agent", "--folder", str(folder), "--ready-file", str(ready)]
    with log.open("ab") as stream:
        begun = stream.tell()
        process = subprocess.Popen(
            command or own,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stream,
            env={**os.environ, TOKEN_VARIABLE: token},
        )
    try:

        def url() -> str:
            assert process.poll() is None, log.read_text()
            if command is None:
                return str(json.loads(ready.read_text())["url"]) if ready.is_file() else ""
            told = log.read_bytes()[begun:].decode().partition(" at ")[2]
            return told.split("\n")[0] if "\n" in told else ""

        await_(url, START_SECONDS)
        with httpx.Client(
            base_url=url(),
            headers={"Authorization": f"Bearer {token}"},
            trust_env=False,
            timeout=60,
            verify=ssl.create_default_context(cafile=ca) if ca else False,
        ) as http:
            yield Agent(process, url(), token, log, http)
    finally:
        process.kill()
        process.wait()
