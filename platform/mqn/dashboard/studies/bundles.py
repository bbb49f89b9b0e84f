"""Writes bundles while the page stays free: through the code of `mqn select`, one at a time, in a thread."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from pathlib import Path

from mqn.dashboard.studies.reading import State
from mqn.data.licence import origin_of
from mqn.data.location import locate
from mqn.errors import MqnError, UsageError
from mqn.files.local_names import safe_name
from mqn.report.bundle.bundle import Bundle, write_bundle
from mqn.report.bundle.verification import Verification, check_data, keep_verification, verify
from mqn.search.artifacts import ArtifactStore
from mqn.search.study.planning import remembered_data

_UNMEASURED = "mqn dashboard does not measure again; mqn select does"


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """A bundle in the making, or the latest one.

    Attributes:
        study: the study.
        trial: whose model it is.
        folder: where it is written.
        line: how far it is, or what came of it.
        over: whether it is done or has failed.
        failed: whether it has failed; then nothing was written.
    """

    study: str
    trial: int
    folder: Path
    line: str
    over: bool = False
    failed: bool = False


class BundleMaker:
    """Makes one bundle at a time; the same bundle again takes the former one's place."""

    def __init__(self, store: ArtifactStore, folder: Path) -> None:
        """Prepare.

        Args:
            store: the studies' artifacts.
            folder: every bundle gets a folder in it.
        """
        self._store, self._folder = store, folder
        self._lock = threading.Lock()
        self._latest: Making | None = None
        self._thread: threading.Thread | None = None

    @property
    def latest(self) -> Making | None:
        """The bundle in the making, or the latest one; None before the first."""
        return self._latest

    def start(self, state: State, number: int, device: str | None) -> Making:
        """Begin to write a trial's bundle.

        Raises:
            UsageError: another one is being written, or there is no such trial.
        """
        record = state.record(number)
        if record is None:
            raise UsageError(f"study {state.study!r} has no trial {number}; pick another")
        name = f"{state.study}-{number}" if device is None else f"{state.study}-{number}-{device}"
        with self._lock:
            if self._latest is not None and not self._latest.over:
                raise UsageError(f"the bundle of #{self._latest.trial} is being written; wait for it")
            folder = self._folder / safe_name(name)
            self._latest = making = Making(study=state.study, trial=number, folder=folder, line="reading its files")
        self._thread = threading.Thread(target=self._make, args=(state, device, making), name="bundle", daemon=True)
        self._thread.start()
        return making

    def join(self) -> None:
        """Wait until the bundle is written or has failed."""
        if self._thread is not None:
            self._thread.join()

    def _make(self, state: State, device: str | None, making: Making) -> None:
        try:
            line = self._write(state, device, making)
            self._latest = replace(making, line=line, over=True)
        except MqnError as error:
            self._latest = replace(making, line=f"not written: {error}", over=True, failed=True)
        finally:
            latest = self._latest
            if latest is not None and not latest.over:  # A bug: it is told here too, and not only in the log.
                self._latest = replace(
                    making, line="not written: see what mqn dashboard printed", over=True, failed=True
                )

    def _write(self, state: State, device: str | None, making: Making) -> str:
        record, about, scoring = state.record(making.trial), state.about, state.space.scoring
        assert record is not None
        dataset = locate(remembered_data(about.data, state.study))
        check_data(dataset, about.data_hash, state.study)
        done: list[Verification] = []

        def check(bundle: Bundle) -> None:
            scored = verify(bundle, record, scoring, dataset, progress=tell)
            done.append(replace(scored, unmeasured=_UNMEASURED))
            keep_verification(bundle, done[-1])

        def tell(scored: int, total: int | None) -> None:
            self._latest = replace(making, line=f"scoring its files again: {scored} of {total or '?'} pictures")

        making.folder.parent.mkdir(parents=True, exist_ok=True)
        written = write_bundle(
            record,
            self._store,
            making.folder,
            device=device,
            origin=origin_of(dataset),
            dataset=dataset,
            inputs=scoring.inputs,
            check=check,
        )
        return f"written to {written}; {done[0].pictures} pictures scored as they did in the study, and {_UNMEASURED}"
