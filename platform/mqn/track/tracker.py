"""The tracker: five verbs that never make a study wait for a tracking server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from mqn.errors import TrackingError
from mqn.records import TrialRecord
from mqn.track.connection import check_uri
from mqn.track.delivery import Backlog, Delivery
from mqn.track.entries import study_entry, trial_entry
from mqn.track.provenance import provenance
from mqn.track.registry import register
from mqn.track.spool import Spool, study_name

# How long the end of a study waits for the server; of one that was interrupted.
_SECONDS, _SHORT_SECONDS = 60.0, 5.0


class Tracker:
    """Logs studies and trials to MLflow: study = experiment with a parent run, trial = child run.

    Every verb writes an entry to the spool and returns; a thread sends the entries, those of one run in order, and
    removes them. A server that is away is tried again as further entries come, and by the next tracker that uses the
    same server and spool; so are entries that it refused, and files that could not be stored. Sending is idempotent by
    study and trial number. With an empty URI every verb does nothing.
    """

    def __init__(self, uri: str, spool: Path, *, registry: str | None = None) -> None:
        """Use a tracking server.

        Args:
            uri: a database URL, a server's address, or empty for no tracking.
            spool: folder for entries that are not sent yet, one queue a server; needs to outlive the process.
            registry: the model registry's address; None: the tracking server's.

        Raises:
            TrackingError: the URI's kind cannot be used, or the spool cannot be made.
        """
        self._uri, self._registry = uri, registry
        if uri:
            self._spool = Spool.of_server(spool, check_uri(uri))
            self._delivery = Delivery(uri, self._spool)

    def __enter__(self) -> Tracker:
        """The tracker itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send what is left and stop. Whoever was interrupted does not wait for long: what is left is sent later."""
        self.close(timeout=_SHORT_SECONDS if kind is not None and issubclass(kind, KeyboardInterrupt) else _SECONDS)

    def open_study(
        self,
        study: str,
        params: Mapping[str, Any],
        tags: Mapping[str, Any],
        *,
        about: str = "",
        goals: Mapping[str, str] | None = None,
        varied: Sequence[str] = (),
    ) -> None:
        """Begin a study's experiment and parent run, or take them up again.

        Args:
            study: the study's name, which becomes the experiment's.
            params: what the study was asked for (space, profile, seed, ...).
            tags: further words; versions and commit are added.
            about: what the study is about, as Markdown: the experiment's description, unless a person wrote one.
            goals: figure of each objective to `maximize` or `minimize`: columns of MLflow's table of its trials.
            varied: keys of the candidate that its trials differ in: further columns.

        Raises:
            TrackingError: the spool cannot be written.
        """
        if not self._uri:
            return
        words = {**provenance(), **tags}
        entry_id = self._spool.new_id()
        self._spool.add(
            study_entry(
                entry_id,
                study,
                params=params,
                metrics={},
                tags=words,
                artifacts={},
                status="RUNNING",
                about=about,
                goals=goals,
                varied=varied,
            )
        )
        self._delivery.ask()

    def log_trial(
        self,
        record: TrialRecord,
        *,
        curves: Sequence[Mapping[str, float]] = (),
        artifacts: Mapping[str, Path] | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> None:
        """Log a trial that is over.

        Args:
            record: the trial.
            curves: training's history, one mapping an epoch: `epoch` and its figures. `val_psnr_tm` becomes the metric
                `val/psnr_tm`, every other key `train/<key>`.
            artifacts: path within the run to a local file or folder, which has to stay until it is sent.
            tags: further words (`data_hash`, ...); versions, commit, seed, state, verdicts are added.

        Raises:
            TrackingError: the spool cannot be written.
        """
        if not self._uri:
            return
        words = {**provenance(), **(tags or {})}
        self._spool.add(
            trial_entry(self._spool.new_id(record.number), record, curves=curves, tags=words, artifacts=artifacts or {})
        )
        self._delivery.ask()

    def close_study(
        self,
        study: str,
        metrics: Mapping[str, float],
        artifacts: Mapping[str, Path] | None = None,
        *,
        timeout: float = _SECONDS,
    ) -> Backlog:
        """End a study's parent run and send everything.

        Args:
            study: its name.
            metrics: what it came to (hypervolume, number of trials, ...).
            artifacts: path within the run to a local file or folder.
            timeout: seconds to wait at most.

        Returns:
            What could not be sent.

        Raises:
            TrackingError: the spool cannot be written.
        """
        if not self._uri:
            return Backlog()
        entry_id = self._spool.new_id()
        self._spool.add(
            study_entry(
                entry_id, study, params={}, metrics=metrics, tags={}, artifacts=artifacts or {}, status="FINISHED"
            )
        )
        return self._delivery.flush(timeout, own=study)

    def flush(
        self, timeout: float = _SECONDS, *, study: str | None = None, sent: Callable[[int], None] | None = None
    ) -> Backlog:
        """Send what is left of every study in this server's queue, this tracker's and earlier ones', refused ones too.

        Args:
            timeout: seconds to wait at most.
            study: of this study alone; None: of all.
            sent: told, from another thread, how many entries were dealt with, whenever some were.

        Returns:
            What could not be sent.
        """
        if not self._uri:
            return Backlog()
        return self._delivery.flush(timeout, study=study, own=study, sent=sent)

    def waiting(self, study: str | None = None) -> Backlog:
        """What lies in this server's queue now, of one study or of all."""
        return self._delivery.backlog(study) if self._uri else Backlog()

    def studies(self) -> list[str]:
        """The studies of which anything lies in this server's queue."""
        if not self._uri:
            return []
        return [name for name in map(study_name, self._spool.studies()) if self.waiting(name)]

    def quiesce(self) -> None:
        """Keep still, for a measurement, until the next entry is logged; a server that hangs is not waited for."""
        if self._uri:
            self._delivery.quiesce()

    def close(self, *, send: bool = True, timeout: float = _SECONDS) -> None:
        """Stop the thread. Nothing is logged afterwards.

        Args:
            send: whether to send first what is left.
            timeout: seconds to wait for that at most.
        """
        if self._uri:
            if send and self.waiting().left:
                self.flush(timeout)
            self._delivery.stop()

    def register_bundle(self, name: str, bundle: Path, *, study: str, number: int, tags: Mapping[str, Any]) -> str:
        """Put a bundle into the model registry, beneath the run of its trial.

        Args:
            name: the registered model's name; made if absent.
            bundle: the bundle's folder, which becomes the artifact folder `bundle` of the trial's run.
            study: the trial's study.
            number: its number.
            tags: of the version.

        Returns:
            The version. The same bundle registered again is the same version. Empty where nothing is tracked.

        Raises:
            TrackingError: the trial is not logged, or the server is away.
        """
        if not self._uri:
            return ""
        backlog = self.flush()
        if backlog.left:
            raise TrackingError(f"not everything is tracked yet: {backlog}; register the bundle when it is")
        return register(self._uri, self._registry, name, bundle, study=study, number=number, tags=tags)
