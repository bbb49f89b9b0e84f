"""A driver of a study, as a user starts it on a machine of its own; it is killed, frozen, and started again."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import REPOSITORY
from tests.lab.faults.field import Field
from tests.lab.faults.stages import space

STAGE_SECONDS = 0.4

PROFILE = """\
targets = ["kind:lab"]
patience_minutes = 10.0

[ray]
address = "{ray}"
training_cpus = 1.0

[storage]
study = "{database}"
artifacts = "{artifacts}"

[tracking]
uri = "{tracker}"

[measure]
runs = 4
seconds = 0.0
warmup_seconds = 0.0
warmup_limit_seconds = 0.0
processes = 1
accept = ["ok", "contended", "unsteady", "throttled"]

[retry]
pause_seconds = 1.0
"""
BOARD = '\n[devices.board{number}]\nurl = "{url}"\ntoken_env = "BOARD{number}"\nkind = "lab"\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """What is searched.

    Attributes:
        name: of the study.
        folder: its files, and the log of its stages.
        trials: how many there are to be.
    """

    name: str
    folder: Path
    trials: int

    @property
    def log(self) -> Path:
        """The log of its stages."""
        return self.folder / "stages.log"

    @property
    def space(self) -> Path:
        """Its space file."""
        return self.folder / "space.toml"

    @property
    def profile(self) -> Path:
        """Its profile."""
        return self.folder / "profile.toml"


def prepare_study(field: Field, name: str, sampler: str, trials: int, seeds: range) -> Study:
    """Write its files."""
    study = Study(name=name, folder=field.folder / name, trials=trials)
    study.folder.mkdir()
    study.space.write_text(space(name, sampler, trials, seeds))
    boards = "".join(BOARD.format(number=number, url=agent.url) for number, agent in enumerate(field.agents, 1))
    urls = {"database": field.database_url, "artifacts": field.artifacts, "tracker": field.tracker_url}
    study.profile.write_text(PROFILE.format(ray=field.cluster.address, **urls) + boards)
    return study


@dataclass(kw_only=True)
class DriverProcess:
    """One machine that drives a study, and the process that does so.

    Attributes:
        field: what it stands on.
        study: what it drives.
        number: of the machine.
        process: the latest; None: it was not started yet.
        starts: how often it was started.
        frozen: whether it is stopped.
        moved: how often its machine was lost, and another took its place.
    """

    field: Field
    study: Study
    number: int
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0
    frozen: bool = False
    moved: int = 0
    codes: list[int] = field(default_factory=list)

    @property
    def place(self) -> str:
        """The machine's name."""
        return f"host{self.number}" + "abcdefghijklmnopqrstuvwxyz"[self.moved] * (self.moved > 0)

    @property
    def home(self) -> Path:
        """What the machine keeps."""
        return self.field.disk / self.place

    @property
    def output(self) -> Path:
        """All that it has printed."""
        return self.study.folder / f"driver{self.number}.out"

    @property
    def runs(self) -> bool:
        """Whether it is there, frozen or not."""
        return self.process is not None and self.process.poll() is None

    def start(self, *, resume: bool) -> None:
        """Start the study, or join it."""
        study = self.study
        words = ["search", str(study.space), "--study", study.name, "--profile", str(study.profile)]
        words += ["--data", str(self.field.folder / "data"), *(["--resume"] if resume else [])]
        self.process = self._run(words)
        self.starts += 1

    def send(self) -> int:
        """Send what the tracking server has not got, as a user is advised to; returns the exit code."""
        return self._run(["track", "resend", "--profile", str(self.study.profile)]).wait(300)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it; one that has ended gets none."""
        if self.runs:
            assert self.process is not None
            self.process.send_signal(number)

    def lose_machine(self) -> None:
        """Kill it, and forget all that its machine had: another takes its place."""
        self.end()
        shutil.rmtree(self.home, ignore_errors=True)
        self.moved += 1

    def end(self) -> None:
        """Kill it if it still runs."""
        if self.runs:
            assert self.process is not None
            self.process.kill()
            self.process.wait()

    def _run(self, words: list[str]) -> subprocess.Popen[bytes]:
        # Where the disk is full there may be no folder yet: the command says so.
        with contextlib.suppress(OSError):
            self.home.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "tests.lab.faults.search_command", self.place, str(self.study.log)]
        environment = {
            **os.environ,
            "PYTHONPATH": str(REPOSITORY),
            "MQN_HOME": str(self.home),
            **self.field.cluster.environment,
            **self.field.storage_environment,
            **self.field.clock(self.place),
            **{f"BOARD{number}": agent.token for number, agent in enumerate(self.field.agents, 1)},
        }
        with self.output.open("ab") as stream:
            stream.write(f"--- {self.place}: mqn {' '.join(words)}\n".encode())
            stream.flush()
            return subprocess.Popen(
                [*command, str(STAGE_SECONDS), *words],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                cwd=self.study.folder,
            )
