"""What server processes of a test's own share: a folder, a start that waits for an answer, an end with nothing left."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from tests.support.rigs.waiting import wait_until

START_SECONDS = 300.0  # beside much other work


class Server(ABC):
    """A server that runs while the block does; it may be stopped and started meanwhile.

    Attributes:
        kind: its name.
        folder: all that it keeps, and its log.
    """

    kind: ClassVar[str]
    folder: Path
    _process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix=f"mqn-{self.kind.lower()}-"))
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def runs(self) -> bool:
        """Whether it was started and not stopped since."""
        return self._process is not None

    @abstractmethod
    def start(self) -> None:
        """Start it, and wait until it answers."""

    @abstractmethod
    def stop(self) -> None:
        """Stop it."""

    @abstractmethod
    def _answers(self) -> bool:
        """Whether it does."""

    def _launch(self, words: list[str], **options: Any) -> None:
        """Start its process, with `options` of `Popen`, and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, **options
            )
        wait_until(self._check_started, START_SECONDS, self.kind)

    def _check_started(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()
        return self._answers()
