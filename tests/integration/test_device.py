"""The host against real agents in processes of their own, with real files, over sockets that break and over TLS."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.lab.running import await_, children
from tests.support.rigs.line import Line
from tests.support.tflite_models import convolutions

from mqn.device.agent.trust.authority import issue, open_authority
from mqn.device.backends.local.isolation import TOKEN_VARIABLE
from mqn.device.client import Client
from mqn.device.measure import compare, measure, profile
from mqn.device.pool.own_agent import open_device
from mqn.device.pool.pool import Pool
from mqn.device.science.figures import figures
from mqn.errors import DeviceAwayError, DeviceRefusedError, MeasurementError
from mqn.parsing import file_hash
from mqn.profile import DeviceProfile
from mqn.records import Measurement, MeasureSettings

pytestmark = pytest.mark.integration

ANY = ("ok", "contended", "unsteady", "throttled")
QUICK = MeasureSettings(runs=4, seconds=0.0, warmup_seconds=0.0, warmup_limit_seconds=0.0, processes=2, accept=ANY)
# Long enough to be caught in the act, and to be ended by a test that is done with it.
LONG = dataclasses.replace(QUICK, processes=1, seconds=60.0, timeout_seconds=120.0)
TOKEN = "a long random token"


@dataclasses.dataclass
class Agent:
    """A running agent."""

    url: str
    pid: int
    process: subprocess.Popen[bytes]

    def connect(self, **options: object) -> Client:
        return Client(self.url, TOKEN, **options)


@contextlib.contextmanager
def start_agent(folder: Path, script: str | None = None) -> Iterator[Agent]:
    """An agent by its command line, or by a script that serves with options of its own."""
    ready = folder / "ready.json"
    command = ["-m", "mqn.device.agent", "--until-stdin-closes", "--ready-file", str(ready)]
    command += ["--folder", str(folder / "agent")]
    process = subprocess.Popen(
        [sys.executable, *(command if script is None else ("-c", script))],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env={**os.environ, TOKEN_VARIABLE: TOKEN},
    )
    try:
        await_(ready.is_file)
        told = json.loads(ready.read_text())
        yield Agent(told["url"], told["pid"], process)
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    with start_agent(tmp_path_factory.mktemp("agent")) as running:
        yield running


@pytest.fixture
def client(agent: Agent) -> Iterator[Client]:
    with agent.connect() as opened:
        yield opened


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    made = {
        "tiny": convolutions(8, 3),
        "slow": convolutions(96, 16),  # so slow that it does not reach the most invocations that are counted
        "other": convolutions(8, 4),
        "huge": convolutions(20_000, 1),
        "truncated": convolutions(8, 3)[:500],
    }
    for name, content in made.items():
        (folder / f"{name}.tflite").write_bytes(content)
    return {name: folder / f"{name}.tflite" for name in made}


def passes(agent_pid: int) -> list[int]:
    """What an agent runs on its device, without whatever else it has started (it may wait for the device itself)."""
    found = []
    for pid in children(agent_pid):
        with contextlib.suppress(OSError):
            if b"mqn.device.bench" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def once(client: Client, files: list[Path], settings: MeasureSettings = QUICK, **options: object) -> Measurement:
    """One try, whatever its verdict."""
    with client.lease("test") as lease:
        return lease.measure(files, settings, **options)


def test_a_model_is_measured(client: Client, models: dict[str, Path]) -> None:
    states: list[str] = []
    found = measure(client, [models["tiny"]], QUICK, on_state=states.append)
    # On a busy machine the job may be over before anybody is told that it runs.
    assert states[-1] == "done"
    assert set(states) <= {"queued", "running", "done"}
    (part,) = found.parts
    assert (part.part, part.sha256, part.size_bytes) == (
        "model",
        file_hash(models["tiny"]),
        models["tiny"].stat().st_size,
    )
    assert len(part.samples_ns) == found.latency_ms.n >= 4
    assert found.latency_ms.p50_range.low <= found.latency_ms.p50 <= found.latency_ms.p50_range.high
    assert found.device == client.info()
    assert found.settings == QUICK
    assert client.state().load_1m >= 0
    assert set(figures(found)) >= {"latency_ms", "latency_ms.p90", "size_bytes"}


def test_a_pair_is_measured_part_by_part(client: Client, models: dict[str, Path]) -> None:
    found = measure(client, [models["tiny"], models["other"]], QUICK)
    backbone, head = found.parts
    assert (backbone.part, head.part) == ("backbone", "head")
    totals = [sum(pair) / 1e6 for pair in zip(backbone.samples_ns, head.samples_ns, strict=True)]
    assert found.latency_ms.min == pytest.approx(min(totals))
    assert set(figures(found)) >= {"latency_ms.backbone", "latency_ms.head"}


def test_two_models_are_compared_in_turns(client: Client, models: dict[str, Path]) -> None:
    found = compare(client, [models["tiny"]], [models["other"]], QUICK)
    assert [part.sha256 for part in (*found.first, *found.second)] == [
        file_hash(models["tiny"]),
        file_hash(models["other"]),
    ]
    assert found.p50.range.low <= found.p50.value <= found.p50.range.high


def test_a_model_is_profiled_by_operator(client: Client, models: dict[str, Path]) -> None:
    found = profile(client, [models["tiny"]], dataclasses.replace(QUICK, delegate="none"))
    assert "CONV_2D" in {op.kind for op in found.ops}
    assert sum(op.share for op in found.ops) == pytest.approx(1.0)


def test_the_same_model_computes_the_same(client: Client, models: dict[str, Path]) -> None:
    hashes = {once(client, [models["tiny"]]).parts[0].output_sha256 for _ in range(2)}
    assert len(hashes) == 1


def test_a_truncated_file_is_rejected_by_name(client: Client, models: dict[str, Path]) -> None:
    with pytest.raises(MeasurementError, match=r"truncated\.tflite: measured as 'rejected'"):
        measure(client, [models["truncated"]], QUICK)
    assert once(client, [models["tiny"]]).verdict in ANY


def test_a_model_that_takes_too_long_is_a_timeout(client: Client, models: dict[str, Path]) -> None:
    found = once(client, [models["slow"]], dataclasses.replace(LONG, timeout_seconds=1.0))
    assert found.verdict == "timeout"
    assert found.latency_ms is None
    assert once(client, [models["tiny"]]).verdict in ANY


def test_a_model_that_is_too_big_for_its_limit_is_a_result(client: Client, models: dict[str, Path]) -> None:
    found = once(client, [models["huge"]], dataclasses.replace(QUICK, memory_limit_mb=256))
    assert found.verdict in ("rejected", "crashed")
    assert once(client, [models["tiny"]]).verdict in ANY


def test_a_crash_is_a_result(agent: Agent, client: Client, models: dict[str, Path]) -> None:
    def strike(state: str) -> None:
        if state == "running":
            await_(lambda: passes(agent.pid))
            os.kill(passes(agent.pid)[0], signal.SIGSEGV)

    found = once(client, [models["slow"]], LONG, on_state=strike)
    assert found.verdict == "crashed"
    assert "killed by SIGSEGV" in found.reasons[0]
    assert once(client, [models["tiny"]]).verdict in ANY


def test_leaving_kills_the_pass_and_frees_the_device(agent: Agent, client: Client, models: dict[str, Path]) -> None:
    def leave(state: str) -> None:
        if state == "running":
            await_(lambda: passes(agent.pid))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        once(client, [models["slow"]], LONG, on_state=leave)
    await_(lambda: not passes(agent.pid))
    assert once(client, [models["tiny"]]).verdict in ANY


def test_two_holders_take_turns(agent: Agent, models: dict[str, Path]) -> None:
    waited: list[int] = []
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with agent.connect() as other, other.lease("another study"):
            entered.set()
            leave.wait(30)

    def wait(ahead: int) -> None:
        waited.append(ahead)
        leave.set()

    thread = threading.Thread(target=hold)
    thread.start()
    assert entered.wait(30)
    with agent.connect() as client:
        assert measure(client, [models["tiny"]], QUICK, on_wait=wait).verdict in ANY
    thread.join()
    assert waited == [1]


def test_a_client_that_dies_holding_a_lease_loses_it(agent: Agent, models: dict[str, Path]) -> None:
    script = (
        "import sys, time\n"
        "from mqn.device.client import Client\n"
        "with Client(*sys.argv[1:]) as client, client.lease('doomed', ttl_seconds=1.0):\n"
        "    print('held', flush=True)\n"
        "    time.sleep(60)\n"
    )
    command = [sys.executable, "-c", script, agent.url, TOKEN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as doomed, agent.connect() as client:
        assert doomed.stdout.readline() == "held\n"
        # Its heartbeats keep the lease longer than its time.
        time.sleep(1.5)
        waited: list[int] = []

        def wait(ahead: int) -> None:
            waited.append(ahead)
            doomed.kill()

        with client.lease("next", on_wait=wait):
            assert waited == [1]


@pytest.fixture
def line(agent: Agent) -> Iterator[Line]:
    line = Line(int(agent.url.rsplit(":", 1)[1]))
    yield line
    line.close()


def test_a_cut_in_mid_job_costs_nothing(agent: Agent, line: Line, models: dict[str, Path]) -> None:
    def cut(state: str) -> None:
        if state == "running":
            await_(lambda: passes(agent.pid))
            line.cut()
            threading.Timer(3.0, line.mend).start()

    settings = dataclasses.replace(QUICK, processes=1, seconds=2.0)
    with Client(f"http://127.0.0.1:{line.port}", TOKEN) as client:
        found = once(client, [models["slow"]], settings, on_state=cut)
    assert not line.is_cut
    assert found.verdict in ANY
    assert found.parts[0].sha256 == file_hash(models["slow"])


def test_a_cut_for_good_is_told_and_frees_the_device(agent: Agent, line: Line, models: dict[str, Path]) -> None:
    def cut(state: str) -> None:
        if state == "running":
            line.cut()

    with Client(f"http://127.0.0.1:{line.port}", TOKEN, patience_seconds=3.0) as client:
        client.send([models["slow"]])
        with (
            pytest.raises(DeviceAwayError, match="has not answered for"),
            client.lease("cut off", ttl_seconds=2.0) as lease,
        ):
            lease.measure([models["slow"]], LONG, on_state=cut)
    with agent.connect() as other:
        assert once(other, [models["tiny"]]).verdict in ANY


def test_a_killed_agent_is_away_and_takes_its_pass_along(tmp_path: Path, models: dict[str, Path]) -> None:
    ours: list[int] = []
    with start_agent(tmp_path) as agent, agent.connect(patience_seconds=1.0) as client:

        def strike(state: str) -> None:
            if state == "running":
                await_(lambda: passes(agent.pid))
                ours.extend(passes(agent.pid))
                agent.process.kill()

        with pytest.raises(DeviceAwayError, match="has not answered"):
            once(client, [models["slow"]], LONG, on_state=strike)
    assert ours
    await_(lambda: not any(map(is_alive, ours)))


def test_a_wrong_token_is_refused(agent: Agent) -> None:
    for token in (None, "wrong"):
        with Client(agent.url, token) as client, pytest.raises(DeviceRefusedError, match=r"401.*check token_env"):
            client.info()


def test_a_device_of_our_own_comes_and_goes(models: dict[str, Path]) -> None:
    with open_device("local", DeviceProfile()) as client:
        assert measure(client, [models["tiny"]], QUICK).verdict in ANY
        with Client(client.url) as stranger, pytest.raises(DeviceRefusedError, match="401"):
            stranger.info()
    with pytest.raises(DeviceAwayError), Client(client.url, contact_seconds=0.0) as late:
        late.info()


def test_a_device_of_our_own_that_died_is_started_again(models: dict[str, Path]) -> None:
    def measure_on(pool: Pool, victim: int | None) -> Measurement:
        with pool.open("local") as (_, client):
            if victim is not None:
                os.kill(victim, signal.SIGKILL)
            return once(client, [models["tiny"]])

    with Pool({"local": DeviceProfile()}) as pool:
        before = set(children(os.getpid()))
        pool.reach(["local"])
        (agent,) = set(children(os.getpid())) - before
        with pytest.raises(DeviceAwayError):
            measure_on(pool, agent)
        assert pool.report()[0].state == "away"
        await_(lambda: pool.choose("local"))
        assert measure_on(pool, None).verdict in ANY


def test_a_device_of_our_own_dies_with_us() -> None:
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


def test_a_device_that_does_not_come_up_says_why() -> None:
    with (
        pytest.raises(DeviceAwayError, match=r"the agent of device 'phone' ended at once: .*nobody"),
        open_device("phone", DeviceProfile(url="ssh:nobody@")),
    ):
        pass


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


@dataclasses.dataclass
class SecureAgent:
    """An agent that shows a certificate, and the authority behind it."""

    port: int
    ca: Path

    def connect(self, host: str = "127.0.0.1", scheme: str = "https", ca: Path | None = None) -> Client:
        return Client(f"{scheme}://{host}:{self.port}", TOKEN, ca=ca or self.ca, contact_seconds=1.0)


def make_certificate(folder: Path, days: float = 30) -> tuple[Path, Path, Path]:
    folder.mkdir()
    authority = open_authority(folder)
    for name, content in zip(("cert.pem", "key.pem"), issue(authority, ["127.0.0.1"], days), strict=True):
        (folder / name).write_bytes(content)
    return folder / "cert.pem", folder / "key.pem", folder / "ca.pem"


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureAgent]:
    folder = tmp_path_factory.mktemp("secure")
    certificate, key, ca = make_certificate(folder / "ca")
    options = f"folder=Path({str(folder / 'agent')!r}), port=0, certificate=Path({str(certificate)!r})"
    script = (
        "from pathlib import Path\n"
        "from mqn.device.agent.service.config import AgentConfig\n"
        "from mqn.device.agent.http.server import serve\n"
        f"config = AgentConfig({options}, key=Path({str(key)!r}))\n"
        f"serve(config, {TOKEN!r}, ready_file=Path({str(folder / 'ready.json')!r}))\n"
    )
    with start_agent(folder, script) as agent:
        yield SecureAgent(int(agent.url.rsplit(":", 1)[1]), ca)


def test_a_model_is_measured_over_tls(secure: SecureAgent, models: dict[str, Path]) -> None:
    with secure.connect() as client:
        assert measure(client, [models["tiny"]], QUICK).verdict in ANY


def test_who_is_not_to_be_believed_is_told(secure: SecureAgent, agent: Agent, tmp_path: Path) -> None:
    other = make_certificate(tmp_path / "other")[2]
    with secure.connect(ca=other) as client, pytest.raises(DeviceRefusedError, match=r"cannot be trusted: .*ca\.pem"):
        client.info()
    with secure.connect("localhost") as client, pytest.raises(DeviceRefusedError, match="give the address as the cert"):
        client.info()
    with secure.connect(scheme="http") as client, pytest.raises(DeviceRefusedError, match="speaks TLS; give it as htt"):
        client.info()
    with (
        Client(agent.url.replace("http", "https"), TOKEN, ca=secure.ca) as client,
        pytest.raises(DeviceRefusedError, match="does not speak TLS"),
    ):
        client.info()


def test_an_expired_certificate_is_told(tmp_path: Path) -> None:
    certificate, key, ca = make_certificate(tmp_path / "ca", days=-0.5)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with contextlib.suppress(OSError):
                context.wrap_socket(server.accept()[0], server_side=True).close()

        threading.Thread(target=answer, daemon=True).start()
        url = f"https://127.0.0.1:{server.getsockname()[1]}"
        with (
            Client(url, TOKEN, ca=ca) as client,
            pytest.raises(DeviceRefusedError, match=r"certificate has expired; .*mqn agent init --renew"),
        ):
            client.info()


def test_a_device_needs_nothing_heavy() -> None:
    # As on a board that holds the extra `agent` and nothing more: an import of anything else fails.
    script = (
        "import sys\n"
        "from importlib.abc import MetaPathFinder\n"
        "heavy = 'torch tensorflow tf_keras ray optuna mlflow cv2 skimage matplotlib plotly pandas psutil typer rich'\n"
        "class Forbid(MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name.split('.')[0] in heavy.split(): raise ImportError(f'{name} is not on a device')\n"
        "sys.meta_path.insert(0, Forbid())\n"
        "import mqn.device.agent, mqn.device.client, mqn.device.measure, mqn.device.pool.pool, mqn.device.bench\n"
        "assert 'numpy' not in sys.modules and 'ai_edge_litert' not in sys.modules\n"
        "import ai_edge_litert.interpreter\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
