"""What an artifact in the making has reached, kept behind the store's URL, so that it goes on on another machine.

<url>/<stage>/<key>.partial/state.json              which files belong together; written last
<url>/<stage>/<key>.partial/<sha256>.<file name>
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from mqn.errors import ConfigError, FaultError, LocalNameError
from mqn.faults import fault_of
from mqn.files.local_names import safe_path
from mqn.logs.capture import LOG
from mqn.net.bucket import Bucket, object_name
from mqn.parsing import file_hash, from_mapping, to_plain
from mqn.plain_values import loads_json
from mqn.text.redaction import quiet_logger

_log: logging.Logger = quiet_logger("mqn.artifacts")

_STATE = "state.json"
_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Files that belong together.

    Attributes:
        round: how often the artifact's state was kept, on all machines together.
        files: file name to SHA-256.
    """

    round: int = 0
    files: dict[str, str] = field(default_factory=dict)


class Progress:
    """Keeps the files of a folder while a block runs, from a thread of its own.

    At the beginning the folder gets what another machine has kept, unless this one has come as far. Files are
    taken that were replaced since the last time, at most once in some seconds, and once more if the block fails.
    A store that fails meanwhile does not end the work: the next state is tried again.
    """

    def __init__(self, bucket: Bucket, name: str, folder: Path, *, seconds: float) -> None:
        """Put the parts together.

        Args:
            bucket: keeps the files.
            name: of the state within it.
            folder: is worked in.
            seconds: at least, between two times.
        """
        self._bucket, self._name, self._folder, self._seconds = bucket, name, folder, seconds
        self._mark = folder.with_name(f"{folder.name}.round")
        self._state, self._seen = State(), dict[str, tuple[int, int]]()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mqn-progress", daemon=True)

    def __enter__(self) -> Self:
        self._state = self.read()
        if self._state.round > self._round_here():
            self._take()
        self._seen = self._files()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        if kind is None:
            self._forget()
        elif self._files() != self._seen:
            self._try_keep()

    def _run(self) -> None:
        last = -float("inf")
        while not self._ended.wait(_LOOK_SECONDS):
            now = time.monotonic()
            if now - last >= self._seconds and self._files() != self._seen:
                self._try_keep()
                last = time.monotonic()

    def _try_keep(self) -> None:
        try:
            self.keep()
        except Exception as error:
            if fault_of(error) is None and not isinstance(error, FileNotFoundError):
                raise
            _log.warning("the state of %s could not be kept: %s", self._name, error)

    def keep(self) -> None:
        """Keep the folder's files as they are now.

        Raises:
            FaultError: the store or this machine's disk fails.
        """
        seen, files = self._files(), dict[str, str]()
        for name in seen:
            # A link keeps this state of the file while the work replaces it by the next.
            link = self._folder.with_name(f".{self._folder.name}.{os.getpid()}.kept")
            link.unlink(missing_ok=True)
            os.link(self._folder / name, link)
            try:
                files[name] = file_hash(link)
                if self._state.files.get(name) != files[name]:
                    self._bucket.put(link, f"{self._name}/{object_name(name, files[name])}")
            finally:
                link.unlink(missing_ok=True)
        before, self._state = self._state, State(round=self._state.round + 1, files=files)
        self._bucket.write(f"{self._name}/{_STATE}", json.dumps(to_plain(self._state)).encode())
        self._mark.write_text(str(self._state.round))
        self._seen = seen
        old = {object_name(*file) for file in before.files.items()} - {object_name(*file) for file in files.items()}
        self._bucket.remove(f"{self._name}/{name}" for name in sorted(old))

    def _take(self) -> None:
        """Replace the folder's files by those that are kept; a state that is not whole any more is passed over."""
        fetched: dict[str, Path] = {}
        for name, sha256 in self._state.files.items():
            path = self._folder.with_name(f".{self._folder.name}.{os.getpid()}.{len(fetched)}.taken")
            there = self._bucket.get(f"{self._name}/{object_name(name, sha256)}", path)
            fetched[name] = path
            if not there or file_hash(path) != sha256:
                _log.warning("the state of %s is damaged; it is begun anew", self._name)
                for other in fetched.values():
                    other.unlink(missing_ok=True)
                return
        for name, path in fetched.items():
            (self._folder / name).parent.mkdir(parents=True, exist_ok=True)
            path.replace(self._folder / name)
        self._mark.write_text(str(self._state.round))

    def read(self) -> State:
        """What is kept; an empty state where nothing is, or nothing that can be read."""
        content = self._bucket.read(f"{self._name}/{_STATE}")
        try:
            state = State() if content is None else from_mapping(State, loads_json(content, _STATE), source=_STATE)
            for name in state.files:
                safe_path(name)
        except (ConfigError, LocalNameError):
            return State()
        return state

    def _round_here(self) -> int:
        """The last round that this machine's folder has seen; what it wrote since is newer."""
        try:
            return int(self._mark.read_text())
        except (OSError, ValueError):
            return 0

    def _files(self) -> dict[str, tuple[int, int]]:
        """Files of the folder to what tells their states apart; not the log, nor what is being written."""
        found = {}
        for path in sorted(self._folder.rglob("*")):
            if not path.name.startswith(".") and path.name != LOG and path.is_file():
                status = path.stat()
                found[path.relative_to(self._folder).as_posix()] = (status.st_ino, status.st_mtime_ns)
        return found

    def _forget(self) -> None:
        """Remove the state: the artifact is published, or nothing was made."""
        try:
            self._bucket.remove(sorted(self._bucket.list(self._name), key=lambda name: not name.endswith(_STATE)))
        except FaultError as error:  # The artifact is there; `mqn clean` removes what is left.
            _log.warning("what is left of %s could not be removed: %s", self._name, error)
        self._mark.unlink(missing_ok=True)
