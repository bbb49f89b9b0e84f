"""Builds the parts of an agent in its folder, and closes them."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from mqn.device import wire
from mqn.device.agent.http.metrics import Metrics
from mqn.device.agent.http.parts import AgentParts
from mqn.device.agent.queue.database import QueueDatabase
from mqn.device.agent.queue.device import Driver
from mqn.device.agent.queue.job import DeviceJob
from mqn.device.agent.queue.jobs import Jobs
from mqn.device.agent.queue.leases import Leases
from mqn.device.agent.queue.refusals import FullDiskError
from mqn.device.agent.queue.store import Store
from mqn.device.agent.service.config import AgentConfig
from mqn.device.agent.trust.audit import AUDIT_FILE, Audit
from mqn.device.agent.trust.certificate import hosts
from mqn.device.agent.trust.hosts import Hosts
from mqn.device.agent.trust.tokens import Tokens
from mqn.device.backends.contract import Backend
from mqn.errors import DeviceError
from mqn.home import home

DATABASE_FILE = "jobs.db"


@contextlib.contextmanager
def assemble(
    folder: Path,
    config: AgentConfig,
    backend: Backend,
    tokens: Tokens,
    *,
    certificate_expires: float | None,
    on_breakdown: Callable[[], None],
) -> Iterator[AgentParts]:
    """Put an agent together in its folder; it works until the block ends, and then its backend is closed.

    Args:
        folder: its own.
        config: its configuration.
        backend: drives the device.
        tokens: that let clients in.
        certificate_expires: seconds since 1970; None without TLS.
        on_breakdown: called when the queue's worker or the leases' timer ends by an error of its own.

    Raises:
        DeviceError: its record is damaged, its folder cannot be used, or the disk has no room for it.
    """
    try:
        database = QueueDatabase(folder / DATABASE_FILE)
        store = Store(folder / "models", config.limits.quota_bytes)
    except FullDiskError as error:
        raise DeviceError(error.line) from error
    except OSError as error:
        raise DeviceError(f"cannot use {error.filename or folder}: {error.strerror}; choose --folder") from error
    # An agent that goes with its folder leaves behind what the device could do, for the next, and no log.
    kept = folder if config.folder is not None else home() / "agent"
    audit = Audit(folder / AUDIT_FILE if config.folder is not None else None)
    metrics = Metrics()

    def count(job: DeviceJob, status: wire.JobStatus, seconds: float) -> None:
        result = status.measurement or status.comparison or status.profile
        verdict = "cancelled" if result is None else result.verdict
        metrics.count("jobs_ended_total", kind=job.request.kind, verdict=verdict)
        metrics.count("job_seconds_total", seconds)
        audit.write(
            "job ended",
            client=job.row.client,
            job=job.id,
            kind=job.request.kind,
            models=[file.sha256 for file in (*job.request.files, *job.request.against)],
            verdict=verdict,
            error=status.error,
        )

    def note(lease: wire.Lease, reason: str) -> None:
        metrics.count("leases_ended_total", reason=reason)
        audit.write("lease ended", client=leases.owner(lease.id), holder=lease.holder, lease=lease.id, reason=reason)

    driver = Driver(backend, kept / f"yardsticks-{hashlib.sha256(config.backend.encode()).hexdigest()[:8]}.json")
    with (
        contextlib.closing(database),
        contextlib.closing(driver),
        contextlib.closing(Leases(database, on_end=note, on_breakdown=on_breakdown)) as leases,
    ):
        jobs = Jobs(
            database,
            leases,
            store,
            folder / "jobs",
            driver.carry_out,
            driver.info,
            capacity=config.limits.capacity,
            on_ended=count,
            on_breakdown=on_breakdown,
        )
        with contextlib.closing(jobs):
            yield AgentParts(
                store=store,
                leases=leases,
                jobs=jobs,
                driver=driver,
                metrics=metrics,
                audit=audit,
                tokens=tokens if tokens.required else None,
                hosts=_hosts(config),
                certificate_expires=certificate_expires,
                max_model_bytes=config.limits.max_model_bytes,
            )


def _hosts(config: AgentConfig) -> Hosts:
    certified = () if config.certificate is None else hosts(config.certificate)
    return Hosts((config.host, *config.names, *certified))
