"""The tracker: logs studies and trials without waiting for the tracking server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from mqn.errors import TrackingError
from mqn.records import TrialRecord
from mqn.track.complete import find_logged
from mqn.track.connection import check_uri
from mqn.track.entries import Point, Shared, TrackedData, study_entry, trial_entry
from mqn.track.flavor import MLMODEL, completed, write_mlmodel
from mqn.track.provenance import provenance
from mqn.track.registry import check_alias, register
from mqn.track.sending.delivery import Backlog, Delivery
from mqn.track.spool import Spool, study_name

# How long the end of a study waits for the server: usually, and after an interruption.
_SECONDS, _SHORT_SECONDS = 60.0, 5.0


class Tracker:
    """Logs studies and trials to MLflow: study = experiment with a parent run, trial = child run.

    Every verb writes an entry to the spool and returns. Another process sends the entries, those of one run in order;
    they are removed then. A server that is away is tried again as further entries come, and by the next tracker that
    uses the same server and spool. Entries that it refused, and files that could not be stored, are tried again then
    too. Sending is idempotent by study and trial number. With an empty URI every verb does nothing. A spool that cannot
    be written raises a TrackingError.
    """

    def __init__(
        self, uri: str, spool: Path, *, registry: str | None = None, allowed: Callable[[], bool] = lambda: True
    ) -> None:
        """Use a tracking server.

        Args:
            uri: a database URL, a server's address, or empty for no tracking.
            spool: folder for entries that are not sent yet, one queue a server; needs to outlive the process.
            registry: the model registry's address; None: the tracking server's.
            allowed: asked, from another thread, before each entry whether this process may still send: a driver that
                has lost its lease may not. What it has not sent stays in the spool.

        Raises:
            TrackingError: the URI's kind cannot be used, or the spool cannot be made.
        """
        self._uri, self._registry = uri, registry
        self._logged: set[tuple[str, int]] = set()
        self._shared: dict[str, Shared] = {}
        if uri:
            self._spool = Spool(spool, check_uri(uri))
            self._mlmodel = write_mlmodel(self._spool.folder / MLMODEL)
            self._delivery = Delivery(uri, self._spool, allowed)

    def __enter__(self) -> Tracker:
        """Start the process that sends, as its imports take seconds. Without `with`, the first entry starts it."""
        if self._uri:
            self._delivery.prepare()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send what is left and stop. After an interruption it waits only briefly; the rest is sent later."""
        self.close(timeout=_SHORT_SECONDS if kind is not None and issubclass(kind, KeyboardInterrupt) else _SECONDS)

    def open_study(
        self,
        study: str,
        params: Mapping[str, Any],
        tags: Mapping[str, Any],
        *,
        about: str = "",
        note: str = "",
        goals: Mapping[str, str] | None = None,
        varied: Sequence[str] = (),
        constants: Mapping[str, Any] | None = None,
        data: TrackedData | None = None,
        artifacts: Mapping[str, Path] | None = None,
    ) -> None:
        """Begin a study's experiment and parent run, or take them up again.

        Args:
            study: the study's name, which becomes the experiment's.
            params: what the study was asked for (space, profile, seed, ...).
            tags: further words; versions and commit are added.
            about: what the study is about, as Markdown: the experiment's description, unless a person wrote one.
            note: what the study's own run shows, as Markdown; likewise.
            goals: figure of each objective to `maximize` or `minimize`: columns of MLflow's table of its trials.
            varied: keys of the candidate that its trials differ in: further columns.
            constants: fields of the candidate that its trials do not differ in, by dotted key. They are params of the
                parent run. A trial that is logged afterwards has those that are other than this, and all other fields.
            data: the dataset that the study and its trials read.
            artifacts: path within the parent run to a local file or folder.
        """
        if not self._uri:
            return
        shared = self._shared[study] = Shared(constants=constants or {}, goals=goals or {}, data=data)
        self._spool.add(
            study_entry(
                self._spool.new_id(),
                study,
                tags={**provenance(), **tags},
                status="RUNNING",
                params={**shared.constants, **params},
                about=about,
                note=note,
                goals=shared.goals,
                varied=varied,
                data=data,
                artifacts=artifacts or {},
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
        ended: float | None = None,
    ) -> None:
        """Log a trial that is over.

        Args:
            record: the trial.
            curves: training's history, one mapping an epoch: `epoch` and its figures. `val_psnr_tm` becomes the metric
                `val/psnr_tm`, every other key `train/<key>`.
            artifacts: path within the run to a local file or folder, which has to stay until it is sent. An exported
                model in `model/` with its manifest is one that MLflow can load.
            tags: further words (`data_hash`, ...); versions, commit, seed, state, verdicts are added.
            ended: when it ended, in seconds since 1970; None: now.
        """
        if not self._uri:
            return
        self._logged.add((record.study, record.number))
        words, files = {**provenance(), **(tags or {})}, artifacts or {}
        self._spool.add(
            trial_entry(
                self._spool.new_id(record.number),
                record,
                curves=curves,
                tags=words,
                # What a simulation calls a model runs nowhere.
                artifacts=files if record.simulated else completed(files, self._mlmodel),
                ended=None if ended is None else round(1000 * ended),
                shared=self._shared.get(record.study),
            )
        )
        self._delivery.ask()

    def place(self, study: str) -> Path:
        """A folder for files of a study's own run that are made for MLflow alone. It goes with the study."""
        return self._spool.place(study)

    def add_to_study(
        self,
        study: str,
        *,
        series: Mapping[str, Sequence[Point]] | None = None,
        artifacts: Mapping[str, Path] | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> None:
        """Add to a study's parent run, which stays open.

        Args:
            study: its name.
            series: metrics with all their points. They replace those that were logged before.
            artifacts: path within the run to a local file or folder, which takes the place of what is there.
            tags: further words.
        """
        if self._uri:
            entry_id, tags, series = self._spool.new_id(), tags or {}, series or {}
            self._spool.add(
                study_entry(entry_id, study, status="RUNNING", tags=tags, series=series, artifacts=artifacts or {})
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
            metrics: what it came to (number of trials, ...).
            artifacts: path within the run to a local file or folder.
            timeout: seconds to wait at most.

        Returns:
            What could not be sent.
        """
        if not self._uri:
            return Backlog()
        self.end_study(study, metrics, artifacts)
        return self._delivery.flush(timeout, own=study)

    def end_study(self, study: str, metrics: Mapping[str, float], artifacts: Mapping[str, Path] | None = None) -> None:
        """End a study's parent run, as `close_study`, without waiting for it."""
        if self._uri:
            entry_id = self._spool.new_id()
            self._spool.add(study_entry(entry_id, study, metrics=metrics, artifacts=artifacts or {}, status="FINISHED"))

    @property
    def server(self) -> str:
        """A name for the tracking server that tells it from others, and shows no secret; empty where there is none."""
        return self._spool.folder.name if self._uri else ""

    def logged_here(self, study: str) -> frozenset[int]:
        """The numbers of the trials that this tracker logged, or that wait in its spool."""
        own = frozenset(number for name, number in self._logged if name == study)
        return self._spool.trials(study) | own if self._uri else own

    def logged_anywhere(self, study: str) -> frozenset[int]:
        """The numbers of the trials whose run is complete, whoever logged it. One search, a thousand runs a page.

        Raises:
            TrackingError: the server cannot be asked.
        """
        return find_logged(self._uri, study) if self._uri else frozenset()

    def flush(
        self, timeout: float = _SECONDS, *, study: str | None = None, sent: Callable[[int], None] | None = None
    ) -> Backlog:
        """Send what is left in this server's queue, of one study or of all. Refused entries are sent again too.

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
        """What is in this server's queue now, of one study or of all."""
        return self._delivery.backlog(study) if self._uri else Backlog()

    def studies(self) -> list[str]:
        """The studies that have entries in this server's queue."""
        if not self._uri:
            return []
        return [name for name in map(study_name, self._spool.studies()) if self.waiting(name)]

    def quiesce(self) -> None:
        """Send nothing until the next entry is logged, so that a measurement is not disturbed."""
        if self._uri:
            self._delivery.quiesce()

    def close(self, *, send: bool = True, timeout: float = _SECONDS) -> None:
        """Stop sending, after what is left is sent. Nothing is logged afterwards."""
        if self._uri:
            if send and self.waiting().left:
                self.flush(timeout)
            self._delivery.stop()

    def register_bundle(
        self, name: str, bundle: Path, *, study: str, number: int, tags: Mapping[str, Any], alias: str | None = None
    ) -> str:
        """Put a bundle into the model registry, beneath the run of its trial; its model card is the description.

        Args:
            name: the registered model's name; made if absent.
            bundle: the bundle's folder, which becomes the artifact folder `bundle` of the trial's run.
            study: the trial's study.
            number: its number.
            tags: of the version.
            alias: what the version is called from now on, one of `mqn.track.registry.ALIASES`: then MLflow loads it as
                `models:/NAME@ALIAS`. Another version loses the alias. None: no alias changes.

        Returns:
            The version. The same bundle registered again is the same version. Empty where nothing is tracked.

        Raises:
            TrackingError: the trial is not logged, or the server is away.
            UsageError: there is no such alias.
        """
        check_alias(alias)
        if not self._uri:
            return ""
        backlog = self.flush()
        if backlog.left:
            raise TrackingError(f"not everything is tracked yet: {backlog}; register the bundle when it is")
        where = self._uri, self._registry, name, bundle, self._mlmodel
        return register(*where, study=study, number=number, tags=tags, alias=alias)
