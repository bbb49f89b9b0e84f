"""What `import mqn` gives to notebooks and scripts: studies, models, searches."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mqn.errors import ModelFileError, UsageError
from mqn.profile import load_profile

if TYPE_CHECKING:
    import pandas as pd

    from mqn.infer.exported import Exported
    from mqn.records import TrialRecord
    from mqn.report.front.front import Front
    from mqn.report.front.hypervolume import History
    from mqn.search.artifacts import ArtifactStore
    from mqn.search.space.space import Space
    from mqn.search.study.study import Study as StoredStudy

_STUDIES = "study.db"


class Study:
    """A study to read. Each property asks the database anew, so a running study can be watched."""

    def __init__(self, stored: StoredStudy, artifacts: ArtifactStore | None = None) -> None:
        """Wrap a stored study; `open_study` and `run_search` give one. `artifacts` are those of its trials."""
        self._stored, self._artifacts = stored, artifacts

    def __repr__(self) -> str:
        """The study's name and the states of its trials."""
        from mqn.search.study.trials import say_counts

        return f"<Study {self.name!r}: {say_counts(self.status) or 'no trials'}>"

    @property
    def name(self) -> str:
        """The study's name."""
        return self._stored.name

    @property
    def space(self) -> Space:
        """What is searched: objectives, constraints, dimensions."""
        return self._stored.space

    @property
    def status(self) -> dict[str, int]:
        """The number of trials by state: complete, failed, pruned, running, interrupted, held, waiting."""
        from mqn.search.study.trials import count_states

        return count_states(self._stored)

    @property
    def records(self) -> list[TrialRecord]:
        """The record of every trial that was begun, by number: candidate, figures, verdicts, artifacts, error."""
        from mqn.search.study.trials import records

        return records(self._stored)

    def frame(self) -> pd.DataFrame:
        """The records as a table, the same as `mqn trials --csv` writes.

        Returns:
            A row a trial, with the trial's number as index. `mqn.report.tables.trials.trial_rows` names the
            columns. A value that a trial does not have is NaN or None.
        """
        import pandas as pd

        from mqn.report.tables.trials import trial_rows

        rows = trial_rows(self.records)
        return pd.DataFrame(rows, columns=None if rows else ["trial"]).set_index("trial")

    def front(self, device: str | None = None) -> Front:
        """The Pareto front.

        Args:
            device: the device whose latency and memory count; None: every objective as the space states it.

        Returns:
            The front. `points` holds the trials on it; each point has a `record` and the `values` of the objectives.
            Accuracies are compared picture by picture, except for a study that was opened by its folder.

        Raises:
            NothingSatisfiesError: no trial is complete, or no complete trial keeps the constraints.
            UnknownNameError: no trial was measured on that device.
        """
        from mqn.report.front.front import front
        from mqn.report.front.scorebook import Scorebook

        book = None if self._artifacts is None else Scorebook(self._artifacts)
        return front(self.records, self.space.objectives, device, self.space.constraints, book)

    def hypervolume(self) -> History:
        """The hypervolume of the front after each trial; `final` is the study's."""
        from mqn.report.front.hypervolume import hypervolume

        return hypervolume(self.records, self.space.objectives)


def open_study(study: str | Path, *, profile: str = "default") -> Study:
    """Open a study.

    Args:
        study: a study's name; or FOLDER/NAME, where FOLDER is a state folder (`MQN_HOME`) that holds `study.db`.
        profile: for a name: the profile whose database holds the study, a name in `runners/` or a .toml file.

    Raises:
        UnknownNameError: there is no such study; names the nearest.
        ConfigError: the profile is wrong.
    """
    from mqn.search.artifacts import ArtifactStore
    from mqn.search.study import studies

    path = Path(study)
    if isinstance(study, str) and path.name == study:
        settings = load_profile(profile)
        return Study(studies.open_study(study, settings.study_url), ArtifactStore.of(settings.storage))
    database = path.parent.absolute() / _STUDIES
    if not database.is_file():
        raise UsageError(f"{path}: {path.parent} holds no {_STUDIES}; give FOLDER/NAME, or a study's name alone")
    return Study(studies.open_study(path.name, f"sqlite:///{database}"))


class Model:
    """An exported model, ready to predict."""

    def __init__(self, exported: Exported, tile: int, threads: int) -> None:
        """Prepare a model; `load_bundle` gives one."""
        from mqn.infer.picture import Expander

        self._exported = exported
        self._expander = Expander(exported.files, exported.codec, threads=threads, tile=tile)

    def __repr__(self) -> str:
        """Where the model lies and which input size it was trained for."""
        return f"<Model {str(self.folder)!r}, trained at {self.input_size} x {self.input_size}>"

    @property
    def folder(self) -> Path:
        """The folder of the model's files."""
        return self._exported.folder

    @property
    def input_size(self) -> int:
        """The side in pixels of the square pictures that the model was trained on."""
        return self._exported.input_size

    def predict(self, ldr: np.ndarray) -> np.ndarray:
        """Turn one LDR picture into an HDR picture.

        Args:
            ldr: (H, W, 3), red first, sRGB as displayed (not linear), of any size. uint8 (0 to 255), uint16 (0 to
                65535), or floats in [0, 1].

        Returns:
            (H, W, 3) float32, linear BT.709, 0 or more. 1.0 is the light that the model takes for the scene's 99.9 %
            point; multiply by a peak in cd/m2 to get absolute light (`mqn convert` uses 1000).

        Raises:
            PictureError: the array has another shape or type, is empty, or has values outside the range.
            ModelFileError: the model's files are damaged.
        """
        from mqn.infer.ldr import as_ldr

        return self._expander.expand(as_ldr(ldr))


def load_bundle(path: str | Path, *, tile: int = 1440, threads: int | None = None) -> Model:
    """Load a model.

    Args:
        path: a bundle, a folder that `mqn export` wrote, or a .tflite file in one of these.
        tile: larger pictures than tile x tile pixels are predicted in overlapping tiles of that side, to bound memory.
        threads: of the runtime; None: one a processor.

    Raises:
        ModelFileError: there is no model, or a file is missing, damaged or changed since its export.
        UsageError: `tile` is too small.
    """
    from mqn.infer.exported import open_exported

    path = Path(path)
    is_file = path.suffix == ".tflite" and path.is_file()
    exported = open_exported(path.parent if is_file else path)
    if is_file and path.name not in {file.name for file in exported.files}:
        raise ModelFileError(f"{path} is not a file of the model in {path.parent}; give that folder")
    return Model(exported, tile, threads or os.cpu_count() or 1)


def run_search(
    space: str | Path,
    *,
    profile: str = "default",
    study: str | None = None,
    trials: int | None = None,
    resume: bool = False,
    data: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    checkpoint: str | Path | None = None,
    devices: Sequence[str] = (),
    seed: int | None = None,
    parallel: int | None = None,
    hours: float | None = None,
    budget: Mapping[str, float] | None = None,
    accept: Sequence[str] = (),
    stall: str | None = None,
    confirm: int | None = None,
    retry_failed: bool = False,
    tell: Callable[[str], object] = print,
) -> Study:
    """Run a search, or go on with one. Returns when the trials are done, the time is over, or Ctrl-C is pressed.

    Args:
        space: what to search: a name in `search_spaces/` or a .toml file.
        profile: where it runs: a name in `runners/` or a .toml file.
        study: the study's name; None: the space's.
        trials: the number of trials that the study has in the end; None: the profile's or the space's number.
        resume: go on with a study that exists.
        data: a folder of HDR pictures or a prepared dataset; None: embedded procedural scenes.
        settings: values of the candidate that stay fixed, by dotted key: `{"training.epochs": 20}`.
        checkpoint: a trained network that every trial takes, in place of a training.
        devices: what every trial is measured on; empty: what the profile says.
        seed: of the sampler and of every training.
        parallel: the number of trials at a time; None: as many as keep the machine busy.
        hours: begin no trial after this time.
        budget: what the study may spend in all: `{"trainings": 20, "epochs": 600}`, `training_hours`,
            `cpu_hours`, `gpu_hours` or `device_hours`.
        accept: verdicts that make a measurement count, beyond those of the profile: `contended`, `unsteady`, ...
        stall: `"20:0.01"`: end when the front's hypervolume has grown by less than this share over so many trainings;
            `"off"`: never; None: as the space says.
        confirm: with how many further seeds each trial of the front is trained again when the search is over; None: as
            the space says.
        retry_failed: with `resume`: try failed trials once more.
        tell: receives each line that a user should know.

    Returns:
        The study, open.

    Raises:
        UsageError: the request cannot be understood.
        StudyError: the study exists and `resume` is not set, or another driver runs it, or the space or data changed.
        MqnError: a failure that no candidate is to blame for: weights, data, a device that stays away.
        KeyboardInterrupt: Ctrl-C came before the study was made.
    """
    from mqn.report.front.tracked import write_tracked_front
    from mqn.search.study.driver import SearchRequest, run_search

    summary = run_search(
        SearchRequest(
            space=str(space),
            profile=profile,
            trials=trials,
            study=study,
            resume=resume,
            seed=seed,
            data=None if data is None else str(data),
            overrides=settings or {},
            parallel=parallel,
            hours=hours,
            budget=budget or {},
            targets=tuple(devices),
            checkpoint=None if checkpoint is None else str(checkpoint),
            retry_failed=retry_failed,
            accept=tuple(accept),
            stall=stall,
            confirm=confirm,
        ),
        tell,
        front=write_tracked_front,
    )
    for line in summary.held or ((f"{summary.why}; go on with: {summary.advice}",) if summary.advice else ()):
        tell(line)
    return open_study(summary.study, profile=profile)
