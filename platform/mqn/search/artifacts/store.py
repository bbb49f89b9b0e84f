"""The store of artifacts, in a folder or behind a URL: each is there whole or not at all.

A key is a hash of everything that goes in, so an artifact does not change once it is there; only a measurement that has
become too old is replaced by a new one. What a place of each kind holds stands in `folder.py` and `remote.py`.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import unquote, urlsplit

from mqn.errors import ConfigError, StudyError
from mqn.files.local_names import beginning_of
from mqn.profile import StorageProfile
from mqn.search.artifacts.artifact import Artifact, ArtifactFile, Key, stage_of
from mqn.search.artifacts.cache import Cache
from mqn.search.artifacts.contract import Entry, Place, Slot
from mqn.search.artifacts.folder import FolderPlace
from mqn.search.artifacts.probe import check_identity, check_writing, identify
from mqn.search.artifacts.remote import RemotePlace
from mqn.text.redaction import hide_url, redact_url

T = TypeVar("T")

_DATABASES = "databases.txt"
_SIDE_BY_SIDE = 16
_seen: set[tuple[str, str]] = set()
"""Address and identity of the stores that this process has seen to be the driver's."""


class Patient(Protocol):
    """Does something, perhaps again while machinery fails; `what` says in words what it is."""

    def __call__(self, what: str, act: Callable[[], T], /) -> T:
        """What `act` gives."""


def _at_once(_what: str, act: Callable[[], T], /) -> T:
    return act()


class ArtifactStore:
    """Artifacts in one place, shared by every process that reaches it.

    It travels to worker processes: each has its own view of the place, and its own cache.

    Attributes:
        patient: does what looks artifacts up, given words for it; a driver's tries again while the store fails. It does
            not travel: a job that fails is put back as a whole.
    """

    def __init__(self, place: Path | str, storage: StorageProfile | None = None) -> None:
        """Name the place; nothing is reached yet.

        Args:
            place: a folder, or a URL that fsspec knows.
            storage: says where files of URLs are cached and how much of them; None: as profiles do by default.
        """
        self._address = hide_url(str(place))
        self._storage = storage or StorageProfile()
        self._opened: Place | None = None
        self._identity = ""
        self.patient: Patient = _at_once

    @classmethod
    def of(cls, storage: StorageProfile) -> ArtifactStore:
        """The store that a profile names."""
        return cls(storage.artifacts_place, storage)

    def __getstate__(self) -> tuple[str, StorageProfile, str]:
        return self._address, self._storage, self._identity

    def __setstate__(self, state: tuple[str, StorageProfile, str]) -> None:
        self._address, self._storage, self._identity = state
        self._opened, self.patient = None, _at_once

    def identify(self) -> None:
        """Remember which store this is, so that every worker can tell whether it sees the same.

        Raises:
            MqnError: the store cannot be used; says why.
        """
        self._identity = identify(self.place)

    def check_seen(self) -> None:
        """Make sure, once a process, that this machine sees the store that the driver has identified.

        Raises:
            NetworkError: it sees another, or none; names machine and place.
        """
        if self._identity and (self._address, self._identity) not in _seen:
            check_identity(self.place, self._identity)
            _seen.add((self._address, self._identity))

    def check_writing(self) -> None:
        """Write a small object, read it back and remove it.

        Raises:
            MqnError: it cannot be done; says why, and what to do.
        """
        self.check_seen()
        check_writing(self.place)

    @property
    def shown(self) -> str:
        """The place, without secrets."""
        return redact_url(self._address)

    @property
    def place(self) -> Place:
        """What lies there. Raises `ConfigError` if nothing that is installed knows the URL."""
        if self._opened is None:
            self._opened = self._open()
        return self._opened

    @property
    def remote(self) -> bool:
        """Whether it is behind a URL."""
        return isinstance(self.place, RemotePlace)

    def _open(self) -> Place:
        address = self._address
        if address.lower().startswith("file://"):
            parts = urlsplit(address)
            if parts.netloc not in ("", "localhost") or parts.query or parts.fragment or not parts.path:
                raise ConfigError(f"storage.artifacts = {self.shown!r} is no path on this machine; write file:///PATH")
            address = unquote(parts.path)
        if "://" not in address:
            return FolderPlace(Path(address))
        from mqn.net.bucket import Bucket

        last = beginning_of(address.rstrip("/").rpartition("/")[2], "artifacts")
        name = f"{last}-{hashlib.sha256(redact_url(address).rstrip('/').encode()).hexdigest()[:16]}"
        folder = self._storage.cache_folder / name
        return RemotePlace(
            Bucket(address, what="the artifact store"),
            Cache(folder, self._storage.cache_gb),
            self._storage.keep_seconds,
        )

    def path(self, stage: str, key: str) -> Path:
        """Where the finished artifact of a key lies or will lie; only in a folder it is known beforehand."""
        place = self.place
        assert isinstance(place, FolderPlace), f"{self.shown} is no folder"
        return place.path(stage, key)

    def partial(self, stage: str, key: str) -> Path:
        """Where it is in the making, on the machine that makes it."""
        return self.place.partial(stage, key)

    def log(self, stage: str, key: str) -> bytes | None:
        """What the job of an artifact printed; of one in the making or that failed, as far as it came; None: nothing.

        It may hold secrets while the job runs, and after the job was killed.
        """
        return self.place.log(stage, key)

    def find(self, stage: str, key: str) -> Artifact | None:
        """Look an artifact up; None where it is not there, or known to be damaged. No file of a URL is fetched."""
        return self.patient("looking an artifact up", lambda: self.place.find(stage, key))

    def find_many(self, keys: Iterable[Key]) -> dict[Key, Artifact]:
        """Look many artifacts up at once: those that `find` would find."""
        wanted = list(keys)
        return self.patient("looking artifacts up", lambda: self.place.find_many(wanted))

    def find_whole(self, keys: Iterable[Key]) -> dict[Key, Artifact]:
        """Look many artifacts up, and every file of theirs; bytes are read only where a file was touched since."""
        wanted = list(keys)
        return self.patient("looking artifacts up", lambda: self.place.find_whole(wanted))

    def verify(self, artifact: Artifact) -> bool:
        """Whether every file is what the manifest says: bytes are read, or the store behind the URL is asked."""
        return self.place.verify(artifact)

    def find_steps(self, keys: Mapping[str, str]) -> dict[str, Artifact]:
        """Those of a trial's artifacts that are there, by step; `keys` are those of `TrialRecord.artifacts`."""
        found = self.find_many((stage_of(step), key) for step, key in keys.items())
        return {step: found[stage_of(step), key] for step, key in keys.items() if (stage_of(step), key) in found}

    def get(self, stage: str, key: str) -> Artifact:
        """Look up an artifact that must be there. Raises `StudyError` if it is not, or no longer whole."""
        artifact = self.find(stage, key)
        if artifact is None:
            raise StudyError(
                f"artifact {self.shown}/{stage}/{key} is missing or damaged; resume its study to make it again"
            )
        return artifact

    def local(self, file: ArtifactFile) -> Path:
        """A file of an artifact on this machine, with the artifact's other files beside it.

        Raises `FaultError` if the store fails meanwhile.
        """
        return self.place.local(file)

    def paths(self, artifacts: Iterable[Artifact], name: str) -> list[Path]:
        """The file of one name of many artifacts on this machine; fetched side by side."""
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            return list(pool.map(lambda artifact: artifact.path(name), artifacts))

    def held(self) -> AbstractContextManager[None]:
        """Keep what is fetched within a block from leaving the cache before its end."""
        place = self.place
        return place.cache.held() if isinstance(place, RemotePlace) else contextlib.nullcontext()

    def note_database(self, url: str) -> None:
        """Remember, in a file beside the artifacts, that studies of a database use them."""
        noted, shown = self.databases(), redact_url(url)
        if shown not in noted:
            self.place.write_note(_DATABASES, "\n".join([*noted, shown]) + "\n")

    def databases(self) -> list[str]:
        """The databases whose studies use the artifacts, without passwords."""
        return self.place.read_note(_DATABASES).splitlines()

    def entries(self, stage: str = "") -> list[Entry]:
        """Everything that lies there: finished, in the making, and left over; of one stage if it is named."""
        return self.place.entries(stage)

    def keys(self, stage: str = "") -> list[Key]:
        """Every finished artifact, whole or damaged; of one stage if it is named."""
        return [entry.id for entry in self.entries(stage) if entry.kind == "whole"]

    def partials(self, stage: str = "") -> list[Key]:
        """Every artifact that is in the making, or whose making was cut short; of one stage if it is named."""
        return [entry.id for entry in self.entries(stage) if entry.kind == "partial"]

    def remove(self, entry: Entry) -> bool:
        """Remove something that lies there.

        Returns:
            Whether it was removed; False where another process works on it, or it is gone already.
        """
        return self.place.remove(entry)

    @contextlib.contextmanager
    def open(
        self, stage: str, key: str, *, resumable: bool = False, serves: Callable[[Artifact], bool] = lambda _: True
    ) -> Iterator[Slot]:
        """Work on a key; waits while another process works on it that shares the folder or the cache.

        Args:
            stage: what makes the artifact.
            key: its name.
            resumable: whether the stage goes on from what a killed predecessor left; else its folder starts empty, but
                for the log of tries that failed.
            serves: whether an artifact that is there will do; else it is made again, and stays until then.

        Yields:
            The slot; if its `artifact` is set, there is nothing to do.

        Raises:
            FaultError: the store cannot be reached.
        """
        with self.place.open(stage, key, resumable=resumable, serves=serves) as slot:
            yield slot
