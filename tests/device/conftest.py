"""What the device's tests share: records made by hand, and an agent whose bench does nothing."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from mqn.device import wire
from mqn.device.agent.http.metrics import Metrics
from mqn.device.agent.http.parts import AgentParts
from mqn.device.agent.queue.database import QueueDatabase
from mqn.device.agent.queue.device import Driver
from mqn.device.agent.queue.job import DeviceJob
from mqn.device.agent.queue.jobs import Jobs
from mqn.device.agent.queue.leases import Leases
from mqn.device.agent.queue.store import Store
from mqn.device.agent.trust.audit import Audit
from mqn.device.backends.local.isolation import KillSwitch
from mqn.device.passes import Kind, PassRequest, PassResult
from mqn.device.science.figures import summarise
from mqn.records import DeviceInfo, MachineState, Measurement, MeasureSettings, PartMeasurement

CALM = MachineState(load_1m=0.1, frequency_mhz=2000.0, temperature_c=40.0)


@pytest.fixture
def info() -> DeviceInfo:
    return DeviceInfo(
        id="board-1",
        model="Board",
        soc="SoC",
        os="Linux",
        kernel="6",
        cores=4,
        memory_mb=512,
        runtime="runtime 1",
        agent_version="0",
    )


@pytest.fixture
def make_measurement(info: DeviceInfo) -> Callable[..., Measurement]:
    def make(parts: tuple[str, ...] = ("model",), **changes: object) -> Measurement:
        # Each part takes 1, 2, ..., 11 ms: p50 is 6 ms and p90 10 ms.
        samples = tuple(range(1_000_000, 12_000_000, 1_000_000))
        measurement = Measurement(
            device=info,
            settings=MeasureSettings(),
            verdict="ok",
            reasons=(),
            parts=tuple(
                PartMeasurement(
                    part=part,
                    sha256=hashlib.sha256(part.encode()).hexdigest(),
                    size_bytes=1000,
                    init_ms=1.0,
                    first_ms=2.0,
                    warmup_ms=1.5,
                    latency_ms=summarise(samples),
                    samples_ns=samples,
                    output_sha256="0" * 64,
                )
                for part in parts
            ),
            latency_ms=summarise([sample * len(parts) for sample in samples]),
            peak_memory_mb=12.5,
            memory_baseline_mb=50.0,
            memory_method="by hand",
            cpu_wall_ratio=0.99,
            affinity=(0,),
            process_rounds=(11,),
            before=CALM,
            after=CALM,
            started_at="2026-01-01T00:00:00.000+00:00",
        )
        return dataclasses.replace(measurement, **changes)

    return make


class AppTransport(httpx.BaseTransport):
    """Carries a synchronous client's requests to an application in this process."""

    def __init__(self, app: Starlette) -> None:
        self._inner = httpx.ASGITransport(app)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return asyncio.run(self._handle(request))

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        stream = httpx.ByteStream(request.read())
        sent = httpx.Request(request.method, request.url, headers=request.headers, stream=stream)
        answer = await self._inner.handle_async_request(sent)
        return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())


@pytest.fixture
def connect() -> Callable[..., httpx.Client]:
    def open_client(app: Starlette, headers: dict[str, str] | None = None) -> httpx.Client:
        return httpx.Client(transport=AppTransport(app), base_url="http://agent", headers=headers)

    return open_client


class FakeBench:
    """Answers with a made measurement; while `held`, a job lasts until it is let go or cancelled."""

    def __init__(self, answer: Measurement) -> None:
        self.answer = answer
        self.failure: Exception | None = None
        self.jobs: list[DeviceJob] = []
        self.contents: list[list[bytes]] = []
        self.held = False
        self.entered = threading.Event()
        self.let_go = threading.Event()

    def __call__(self, job: DeviceJob) -> Measurement:
        self.jobs.append(job)
        self.contents.append([file.path.read_bytes() for file in (*job.files, *job.against)])
        self.entered.set()
        while self.held and not (self.let_go.wait(0.01) or job.switch.pulled.is_set()):
            pass
        if self.failure is not None:
            raise self.failure
        return self.answer


class FakeBackend:
    """A device that is there, or away; its passes are another test's matter."""

    kinds: frozenset[Kind] = frozenset()

    def __init__(self, info: DeviceInfo) -> None:
        self.info = info
        self.away: Exception | None = None
        self.readings = 0

    def describe(self) -> DeviceInfo:
        if self.away is not None:
            raise self.away
        return self.info

    def state(self) -> MachineState:
        if self.away is not None:
            raise self.away
        self.readings += 1
        return CALM

    def isolation(self) -> wire.Isolation:
        return wire.Isolation(guards=(wire.Guard(name="network", holds=True, how="none"),))

    def run(self, request: PassRequest, files: Mapping[str, Path], folder: Path, switch: KillSwitch) -> PassResult:
        raise NotImplementedError

    def close(self) -> None:
        pass


@pytest.fixture
def bench(make_measurement: Callable[..., Measurement]) -> FakeBench:
    return FakeBench(make_measurement())


@pytest.fixture
def backend(info: DeviceInfo) -> FakeBackend:
    return FakeBackend(info)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "models")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[QueueDatabase]:
    kept = QueueDatabase(tmp_path / "jobs.db")
    yield kept
    kept.close()


@pytest.fixture
def leases(database: QueueDatabase) -> Iterator[Leases]:
    kept = Leases(database, capacity=3, capacity_per_holder=2)
    yield kept
    kept.close()


@pytest.fixture
def jobs(
    database: QueueDatabase, leases: Leases, store: Store, bench: FakeBench, backend: FakeBackend, tmp_path: Path
) -> Iterator[Jobs]:
    queue = Jobs(database, leases, store, tmp_path / "jobs", bench, backend.describe, capacity=2)
    yield queue
    queue.close()


@pytest.fixture
def parts(leases: Leases, jobs: Jobs, store: Store, backend: FakeBackend, tmp_path: Path) -> AgentParts:
    """An agent's parts: `connect(build_app(parts))` is a client of it, `dataclasses.replace` changes it."""
    return AgentParts(
        store=store,
        leases=leases,
        jobs=jobs,
        driver=Driver(backend, tmp_path / "yardsticks.json", tmp_path),
        metrics=Metrics(),
        audit=Audit(tmp_path / "audit.jsonl"),
        max_model_bytes=100,
    )
