"""What the agent's tests share: a model in the store, a lease that is held, a clock that tests move."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator

import pytest

from mqn.device import wire
from mqn.device.agent.queue.jobs import Jobs
from mqn.device.agent.queue.leases import Leases
from mqn.device.agent.queue.store import Store

MODEL = b"a model"


class Clock:
    """A clock that stands still."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


async def stream(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def model(store: Store) -> str:
    """The name of a model in the store."""
    name = hashlib.sha256(MODEL).hexdigest()
    asyncio.run(store.receive(name, stream(MODEL), 100))
    return name


@pytest.fixture
def request_(model: str) -> wire.JobRequest:
    return wire.JobRequest(files=wire.name_parts([model]))


@pytest.fixture
def held(leases: Leases, jobs: Jobs) -> str:
    """The id of a lease that is held."""
    lease = leases.request(wire.LeaseRequest(holder="study"))
    assert lease.state == "held"
    return lease.id
