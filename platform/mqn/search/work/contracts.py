"""What the scheduler asks of others: of those who know the devices, who count, and who share jobs with it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from mqn.search.work.jobs import Job, Outcome

Key = tuple[str, str]
"""A job's stage and key."""


class Places(Protocol):
    """Knows the devices on which jobs with a target are done. No call waits."""

    def place(self, job: Job) -> Job | None:
        """The job as it can be begun now, on one of its target's devices; None while none is free."""

    def absent(self, job: Job) -> str:
        """Why no device of a job's target is there, free or not; empty where one is."""

    def begin(self, job: Job) -> None:
        """A job that was placed begins."""

    def end(self, job: Job, outcome: Outcome) -> None:
        """It has ended; the outcome may say that its device went away."""


class Account(Protocol):
    """Keeps what jobs take (`mqn.search.budget`)."""

    def begun(self, job: Job) -> None:
        """A job was handed to the engine."""

    def ended(self, job: Job, outcome: Outcome) -> None:
        """It has ended, whatever came of it; also told of each try that is made again."""


class NoAccount:
    """Keeps nothing."""

    def begun(self, job: Job) -> None:
        """As `Account`."""

    def ended(self, job: Job, outcome: Outcome) -> None:
        """As `Account`."""


class Claims(Protocol):
    """Sees to it that no two drivers do a job at the same time."""

    def take(self, jobs: Collection[Key]) -> Collection[Key]:
        """Claim jobs; returns those that are granted. The others another driver does."""

    def release(self, job: Key) -> None:
        """Say that a job has ended, however it did. Its artifact is in the store by then, if there is one."""


class Unclaimed:
    """The claims of a driver that shares its jobs with nobody."""

    def take(self, jobs: Collection[Key]) -> Collection[Key]:
        """Every job is its own."""
        return jobs

    def release(self, job: Key) -> None:
        """Nobody waits for it."""
