"""The agent's access to its device: its identity, its state, and jobs carried out on it."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path

from mqn.device import session
from mqn.device.agent.queue.exclusion import alone_on, lock_path
from mqn.device.agent.queue.job import DeviceJob
from mqn.device.backends.contract import Backend
from mqn.device.science.yardsticks import Yardsticks
from mqn.device.wire import Isolation
from mqn.errors import DeviceAwayError
from mqn.records import Comparison, DeviceInfo, MachineState, Measurement, OpProfile

FRESH_SECONDS = 1.0


class Driver:
    """One device. Its methods may be called from any thread."""

    def __init__(self, backend: Backend, yardsticks: Path, lock_folder: Path | None = None) -> None:
        """Take charge of a device; it is not spoken to yet.

        Args:
            backend: drives it.
            yardsticks: the file that keeps what it could do of late.
            lock_folder: shared with the other agents of this machine; None: the usual one.
        """
        self._backend = backend
        self._lock_folder = lock_folder
        self._yardsticks = Yardsticks(yardsticks)
        self._reading = threading.Lock()
        self._info: DeviceInfo | None = None
        self._state: MachineState | None = None
        self._read_at = 0.0
        self._measuring = False

    def info(self) -> DeviceInfo:
        """Say who the device is; it is asked once."""
        with self._reading:
            if self._info is None:
                self._info = self._backend.describe()
            return self._info

    def state(self) -> MachineState:
        """Read how the device is, at most once a second; while it measures it is left alone."""
        with self._reading:
            old = time.monotonic() - self._read_at > FRESH_SECONDS and not self._measuring
            if self._state is None or old:
                self._state, self._read_at = self._backend.state(), time.monotonic()
            return self._state

    def isolation(self) -> Isolation:
        """Say what passes are kept from."""
        return self._backend.isolation()

    @property
    def known_state(self) -> MachineState | None:
        """How the device was when it was last read; None if it never was."""
        return self._state

    def carry_out(self, job: DeviceJob) -> Measurement | Comparison | OpProfile:
        """Do what a job asks for, alone on the device.

        Raises:
            DeviceAwayError: the device cannot be reached, or went away.
            DeviceRefusedError: it lacks what the job asks for.
        """
        folder = job.folder / "work"
        shutil.rmtree(folder, ignore_errors=True)  # of a try that an agent did not outlive
        folder.mkdir()
        with alone_on(lock_path(self.info().id, self._lock_folder), job.switch):
            if job.switch.pulled.is_set():
                raise DeviceAwayError("cancelled before its turn on this machine")
            self._measuring = True
            try:
                return self._run(job, folder)
            finally:
                self._measuring = False

    def close(self) -> None:
        """Let go of the device."""
        self._backend.close()

    def _run(self, job: DeviceJob, folder: Path) -> Measurement | Comparison | OpProfile:
        settings, switch = job.request.settings, job.switch
        if job.request.kind == "profile":
            return session.profile(self._backend, job.files, settings, folder=folder, switch=switch)
        if job.request.kind == "compare":
            return session.compare(
                self._backend,
                job.files,
                job.against,
                settings,
                folder=folder,
                switch=switch,
                yardsticks=self._yardsticks,
            )
        result = session.measure(
            self._backend, job.files, settings, folder=folder, switch=switch, yardsticks=self._yardsticks
        )
        if result.latency_ms is not None:
            self._state, self._read_at = result.after, time.monotonic()
        return result
