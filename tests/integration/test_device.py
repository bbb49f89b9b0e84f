"""A real agent in a process of its own, spoken to over loopback, with real files."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.tflite_models import convolutions

from mqn.device.agent.server import serve
from mqn.device.backends.isolation import TOKEN_VARIABLE
from mqn.device.client import Client
from mqn.device.measure import measure
from mqn.device.pool.own_agent import open_device
from mqn.device.science.figures import figures
from mqn.errors import DeviceAwayError, DeviceRefusedError, MeasurementError, UsageError
from mqn.parsing import file_hash
from mqn.profile import DeviceProfile
from mqn.records import MeasureSettings

pytestmark = pytest.mark.integration

ANY = ("ok", "contended", "unsteady", "throttled")
QUICK = MeasureSettings(runs=5, seconds=0.0, warmup_seconds=0.0, accept=ANY)
# Long enough to be caught in the act, and to be ended by a test that is done with it.
LONG = dataclasses.replace(QUICK, seconds=60.0, timeout_seconds=120.0)
TOKEN = "a long random token"


@dataclasses.dataclass
class Agent:
    """A running agent."""

    url: str
    pid: int
    process: subprocess.Popen[bytes]
    folder: Path

    def connect(self, **options: object) -> Client:
        return Client(self.url, TOKEN, **options)


@contextlib.contextmanager
def start_agent(folder: Path, *, max_model_bytes: int | None = None) -> Iterator[Agent]:
    ready = folder / "ready.json"
    command = ["-m", "mqn.device.agent", "--until-stdin-closes", "--ready-file", str(ready)]
    command += ["--folder", str(folder / "agent")]
    if max_model_bytes is not None:
        options = f"folder=Path({str(folder / 'agent')!r}), ready_file=Path({str(ready)!r}), token={TOKEN!r}"
        call = f"serve({options}, until_stdin_closes=True, max_model_bytes={max_model_bytes})"
        command = ["-c", f"from pathlib import Path; from mqn.device.agent.server import serve; {call}"]
    process = subprocess.Popen(
        [sys.executable, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env={**os.environ, TOKEN_VARIABLE: TOKEN},
    )
    try:
        await_(ready.is_file)
        told = json.loads(ready.read_text())
        yield Agent(told["url"], told["pid"], process, folder / "agent")
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    with start_agent(tmp_path_factory.mktemp("agent")) as running:
        yield running


@pytest.fixture
def client(agent: Agent) -> Iterator[Client]:
    with agent.connect(backoff_seconds=(0.1,)) as opened:
        yield opened


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    made = {
        "tiny": convolutions(8, 3),
        "other": convolutions(8, 4),
        "huge": convolutions(20_000, 1),
        "truncated": convolutions(8, 3)[:500],
    }
    for name, content in made.items():
        (folder / f"{name}.tflite").write_bytes(content)
    return {name: folder / f"{name}.tflite" for name in made}


def await_(condition: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def children(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = stat.read_text().rsplit(")", 1)[1].split()[:2]
            if int(parent) == pid and state != "Z":
                found.append(int(stat.parent.name))
    return found


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@contextlib.contextmanager
def long_job(agent: Agent, model: Path) -> Iterator[tuple[httpx.Client, str]]:
    """A job caught in the act: a client and the job's path. It is cancelled at the end."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=agent.url, headers=headers, trust_env=False) as http:
        name = file_hash(model)
        assert http.put(f"/v1/models/{name}", content=model.read_bytes()).is_success
        settings = {"seconds": 60.0, "timeout_seconds": 120.0}
        job = {"files": [{"part": "model", "sha256": name}], "settings": settings}
        path = f"/v1/jobs/{http.post('/v1/jobs', json=job).json()['id']}"
        await_(lambda: http.get(path).json()["state"] == "running" and children(agent.pid))
        yield http, path
        if is_alive(agent.pid):
            http.delete(path)


def test_a_model_is_measured(client: Client, models: dict[str, Path]) -> None:
    states: list[str] = []
    found = client.measure([models["tiny"]], QUICK, states.append)
    assert found.verdict in ANY
    assert states == ["queued", "running", "done"]
    (part,) = found.parts
    assert (part.part, part.sha256, part.size_bytes) == (
        "model",
        file_hash(models["tiny"]),
        models["tiny"].stat().st_size,
    )
    assert len(part.samples_ns) == found.latency_ms.n == 5
    assert found.device == client.info()
    assert found.settings == QUICK
    assert set(figures(found)) >= {"latency_ms", "latency_ms.p90", "size_bytes"}


def test_a_pair_is_measured_part_by_part(client: Client, models: dict[str, Path]) -> None:
    found = measure(client, [models["tiny"], models["other"]], QUICK)
    backbone, head = found.parts
    assert (backbone.part, head.part) == ("backbone", "head")
    totals = [sum(pair) / 1e6 for pair in zip(backbone.samples_ns, head.samples_ns, strict=True)]
    assert found.latency_ms.min == pytest.approx(min(totals))
    assert set(figures(found)) >= {"latency_ms.backbone", "latency_ms.head"}


def test_the_same_model_computes_the_same(client: Client, models: dict[str, Path]) -> None:
    hashes = {client.measure([models["tiny"]], QUICK).parts[0].output_sha256 for _ in range(2)}
    assert len(hashes) == 1


def test_a_truncated_file_is_rejected_by_name(client: Client, models: dict[str, Path]) -> None:
    with pytest.raises(MeasurementError, match=r"truncated\.tflite: measured as 'rejected'.*cannot be loaded"):
        measure(client, [models["truncated"]], QUICK)
    assert client.measure([models["tiny"]], QUICK).verdict in ANY


def test_a_model_that_takes_too_long_is_a_timeout(client: Client, models: dict[str, Path]) -> None:
    found = client.measure([models["tiny"]], dataclasses.replace(LONG, timeout_seconds=0.5))
    assert found.verdict == "timeout"
    assert found.latency_ms is None
    assert client.measure([models["tiny"]], QUICK).verdict in ANY


def test_a_model_that_is_too_big_for_its_limit_is_a_result(client: Client, models: dict[str, Path]) -> None:
    found = client.measure([models["huge"]], dataclasses.replace(QUICK, memory_limit_mb=256))
    assert found.verdict in ("rejected", "crashed")
    assert client.measure([models["tiny"]], QUICK).verdict in ANY


def test_a_crash_is_a_result(agent: Agent, client: Client, models: dict[str, Path]) -> None:
    with long_job(agent, models["tiny"]) as (http, path):
        os.kill(children(agent.pid)[0], signal.SIGSEGV)
        answer = http.get(path, params={"wait": 20}).json()
    assert answer["measurement"]["verdict"] == "crashed"
    assert answer["measurement"]["reasons"] == ["the timed pass: killed by SIGSEGV"]
    assert client.measure([models["tiny"]], QUICK).verdict in ANY


def test_cancelling_kills_the_pass(agent: Agent, models: dict[str, Path]) -> None:
    with long_job(agent, models["tiny"]) as (http, path):
        assert http.delete(path).json()["state"] == "cancelled"
    await_(lambda: not children(agent.pid))


def test_one_key_is_one_job(agent: Agent, models: dict[str, Path]) -> None:
    with long_job(agent, models["tiny"]) as (http, path):
        job = {"files": [{"part": "model", "sha256": file_hash(models["tiny"])}]}
        posts = [http.post("/v1/jobs", json=job, headers={"Idempotency-Key": "k"}).json()["id"] for _ in range(2)]
        assert posts[0] == posts[1] != path.rsplit("/", 1)[1]
        http.delete(f"/v1/jobs/{posts[0]}")


def test_a_full_queue_says_when_to_come_back(agent: Agent, models: dict[str, Path]) -> None:
    with long_job(agent, models["tiny"]) as (http, _), agent.connect(patience_seconds=0.5) as client:
        job = {"files": [{"part": "model", "sha256": file_hash(models["tiny"])}]}
        answers = [http.post("/v1/jobs", json=job) for _ in range(9)]
        assert [answer.status_code for answer in answers] == [202] * 8 + [409]
        assert int(answers[-1].headers["Retry-After"]) > 0
        with pytest.raises(DeviceAwayError, match="too busy"):
            client.measure([models["tiny"]], QUICK)
        for answer in answers[:-1]:
            http.delete(f"/v1/jobs/{answer.json()['id']}")


def test_uploads_are_checked_on_the_wire(tmp_path: Path) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * 65_536

    with start_agent(tmp_path, max_model_bytes=100_000) as agent:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        path = f"/v1/models/{'0' * 64}"
        with httpx.Client(base_url=agent.url, headers=headers, trust_env=False) as http:
            assert http.put(path, content=b"other bytes").status_code == 422
            assert http.put("/v1/models/name", content=b"x").status_code == 422
            assert http.put(path, content=b"x" * 100_001).status_code == 413
            assert http.put(path, content=endless()).status_code == 413
            assert http.put(path, content=endless(), headers={"Authorization": "none"}).status_code == 401
            assert http.head(path).status_code == 404
        assert list((agent.folder / "models").iterdir()) == []


def test_a_wrong_token_is_refused(agent: Agent) -> None:
    for token in (None, "wrong"):
        with Client(agent.url, token) as client, pytest.raises(DeviceRefusedError, match="401"):
            client.info()


def test_a_killed_agent_is_away_and_takes_its_pass_along(tmp_path: Path, models: dict[str, Path]) -> None:
    with start_agent(tmp_path) as agent, agent.connect(backoff_seconds=(0.1,)) as client:
        passes: list[int] = []

        def strike() -> None:
            await_(lambda: children(agent.pid))
            passes.extend(children(agent.pid))
            agent.process.kill()

        thread = threading.Thread(target=strike)
        thread.start()
        with pytest.raises(DeviceAwayError, match="start it with: mqn agent --port"):
            client.measure([models["tiny"]], LONG)
        thread.join()
        assert passes
        await_(lambda: not any(map(is_alive, passes)))


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "stdin"])
def test_an_agent_ends_in_good_order(tmp_path: Path, models: dict[str, Path], how: str) -> None:
    with start_agent(tmp_path) as agent, long_job(agent, models["tiny"]) as (http, path):
        passes = children(agent.pid)
        states: list[str] = []
        wait = {"wait": 20}
        waiter = threading.Thread(target=lambda: states.append(http.get(path, params=wait, timeout=30).json()["state"]))
        waiter.start()
        time.sleep(0.2)
        if how == "stdin":
            agent.process.stdin.close()
        else:
            agent.process.send_signal(getattr(signal, how))
        assert agent.process.wait(10) == 0
        waiter.join(10)
        assert states == ["cancelled"]
        assert not any(map(is_alive, passes))
        assert list((agent.folder / "jobs").iterdir()) == []


def test_a_device_of_our_own_comes_and_goes(models: dict[str, Path], tmp_path: Path) -> None:
    with open_device("local", DeviceProfile()) as client:
        assert measure(client, [models["tiny"]], QUICK).verdict in ANY
        with Client(client.url) as stranger, pytest.raises(DeviceRefusedError, match="401"):
            stranger.info()
    with pytest.raises(DeviceAwayError), Client(client.url, backoff_seconds=()) as late:
        late.info()
    assert list((tmp_path / "home" / "agent").iterdir()) == []


def test_a_device_of_our_own_dies_with_us(tmp_path: Path) -> None:
    script = (
        "import sys, time\n"
        "from mqn.device.pool.own_agent import open_device\n"
        "from mqn.profile import DeviceProfile\n"
        "with open_device('local', DeviceProfile()) as client:\n"
        "    print(client.url, flush=True)\n"
        "    time.sleep(60)\n"
    )
    driver = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    with driver:
        driver.stdout.readline()
        (agent,) = children(driver.pid)
        driver.kill()
    await_(lambda: not is_alive(agent))
    assert list((tmp_path / "home" / "agent").iterdir()) == []


def test_a_device_elsewhere_needs_its_token(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    device = DeviceProfile(url=agent.url, token_env="BOARD_TOKEN")
    with (
        pytest.raises(DeviceRefusedError, match=r"'board' needs its token in \$BOARD_TOKEN"),
        open_device("board", device),
    ):
        pass
    monkeypatch.setenv("BOARD_TOKEN", TOKEN)
    with open_device("board", device) as client:
        assert client.info().cores >= 1


def test_other_machines_are_not_served_without_a_token() -> None:
    with pytest.raises(DeviceRefusedError, match="can be reached from other machines"):
        serve("0.0.0.0", 0)


def test_a_taken_port_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"cannot bind 127.0.0.1 port {port}"):
            serve("127.0.0.1", port)


def test_a_device_needs_nothing_heavy() -> None:
    # As on a board that holds `mqn-platform[agent]` and nothing more: an import of anything else fails.
    script = (
        "import sys\n"
        "from importlib.abc import MetaPathFinder\n"
        "heavy = 'torch tensorflow tf_keras ray optuna mlflow cv2 skimage matplotlib plotly pandas psutil typer rich'\n"
        "class Forbid(MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name.split('.')[0] in heavy.split(): raise ImportError(f'{name} is not on a device')\n"
        "sys.meta_path.insert(0, Forbid())\n"
        "import mqn.device.agent, mqn.device.client, mqn.device.measure, mqn.device.pool.own_agent, mqn.device.bench\n"
        "assert 'numpy' not in sys.modules and 'ai_edge_litert' not in sys.modules\n"
        "import ai_edge_litert.interpreter\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
