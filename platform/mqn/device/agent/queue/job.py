"""A job in the queue, and the answer about it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from mqn.device.agent.queue.database import JobRow
from mqn.device.agent.queue.notification import Notification
from mqn.device.backends.local.isolation import KillSwitch
from mqn.device.session import SessionFile
from mqn.device.wire import JobFile, JobRequest, JobState, JobStatus
from mqn.parsing import to_plain


class DeviceJob:
    """A job that has not ended, with its row in the database."""

    def __init__(self, row: JobRow, request: JobRequest, folder: Path) -> None:
        self.row, self.request, self.folder = row, request, folder
        self.state: JobState = "queued"
        self.attempts = row.attempts
        self.began = 0.0
        self.switch = KillSwitch()
        self.change = Notification()

    @property
    def id(self) -> str:
        """Its name."""
        return self.row.id

    @property
    def files(self) -> tuple[SessionFile, ...]:
        """The model to measure, in the job's own folder."""
        return self._files(self.request.files, "")

    @property
    def against(self) -> tuple[SessionFile, ...]:
        """The model to compare it with, likewise."""
        return self._files(self.request.against, "against-")

    def _files(self, files: tuple[JobFile, ...], prefix: str) -> tuple[SessionFile, ...]:
        return tuple(
            SessionFile(part=file.part, sha256=file.sha256, path=self.folder / f"{prefix}{file.part}") for file in files
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class JobAnswer:
    """A `wire.JobStatus` as it is sent: results are kept as text, never parsed again.

    Attributes:
        text: JSON.
        ended: whether the job has.
    """

    text: str
    ended: bool

    @classmethod
    def of(cls, status: JobStatus) -> Self:
        """Write a status as text; a `ValueError` where a number in it is not finite."""
        return cls(text=json.dumps(to_plain(status), allow_nan=False), ended=status.ended)
