"""The parts of an agent, as its HTTP side uses them."""

from __future__ import annotations

from dataclasses import dataclass

from mqn.device import wire
from mqn.device.agent.http.metrics import Metrics
from mqn.device.agent.http.request_bodies import IDLE_SECONDS
from mqn.device.agent.queue.device import Driver
from mqn.device.agent.queue.jobs import Jobs
from mqn.device.agent.queue.leases import Leases
from mqn.device.agent.queue.store import Store
from mqn.device.agent.trust.audit import Audit
from mqn.device.agent.trust.hosts import Hosts
from mqn.device.agent.trust.tokens import Tokens

MAX_UPLOADS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentParts:
    """The parts that the endpoints work with.

    Attributes:
        store: of models.
        leases: who has the device.
        jobs: the queue.
        driver: of the device.
        metrics: counters.
        audit: the log.
        tokens: who may come in; None: everybody.
        hosts: the names under which it may be asked; None: any.
        certificate_expires: seconds since 1970; None without TLS.
        max_model_bytes: size of the largest model.
        max_uploads: how many may come in at once, of one peer half of them.
        idle_seconds: how long a body may stop coming.
    """

    store: Store
    leases: Leases
    jobs: Jobs
    driver: Driver
    metrics: Metrics
    audit: Audit
    tokens: Tokens | None = None
    hosts: Hosts | None = None
    certificate_expires: float | None = None
    max_model_bytes: int = wire.MAX_MODEL_BYTES
    max_uploads: int = MAX_UPLOADS
    idle_seconds: float = IDLE_SECONDS
