"""Studies: Optuna keeps the truth about trials, in a database that survives any kill."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from mqn.errors import StudyError, UnknownNameError
from mqn.parsing import from_mapping, to_plain
from mqn.records import TrialRecord
from mqn.search.points import Params
from mqn.search.space import Space, parse_space

optuna.logging.set_verbosity(optuna.logging.WARNING)

_ABOUT, _DEVICES, _RECORD, _FIXED = "mqn", "devices", "record", "fixed_params"
_STATES: dict[TrialState, Any] = {
    TrialState.COMPLETE: "complete",
    TrialState.FAIL: "failed",
    TrialState.PRUNED: "pruned",
    TrialState.RUNNING: "running",
}
_POPULATION = 24
_REMADE = "remade/"


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a study was created with.

    Attributes:
        space: the space's definition, overrides included (`Space.definition`).
        space_hash: its hash.
        space_name: the name or path that the space was loaded by.
        overrides: settings of the command line, by dotted key.
        profile: the profile's name.
        data: the data as asked for; None: the embedded scenes.
        data_hash: the dataset's hash.
        seed: of the sampler.
        targets: what every trial is measured on.
        checkpoint: the trained network that the command line named; None: the space says whether there is one.
        runtime: on how many threads, on which processors and with which delegate; empty in older studies.
        created: UTC, ISO 8601.
    """

    space: dict[str, Any]
    space_hash: str
    space_name: str
    overrides: dict[str, Any] = field(default_factory=dict)
    profile: str = "default"
    data: str | None = None
    data_hash: str = ""
    seed: int = 0
    targets: tuple[str, ...] = ()
    checkpoint: str | None = None
    runtime: dict[str, Any] = field(default_factory=dict)
    created: str = ""


class Study:
    """One study, open."""

    def __init__(self, study: optuna.Study, about: About, url: str) -> None:
        """Wrap an Optuna study; use `create_study` or `open_study`."""
        self.optuna = study
        self.about = about
        self.url = url
        self.space = parse_space(about.space, source=f"study {study.study_name!r}")

    @property
    def name(self) -> str:
        """The study's name."""
        return str(self.optuna.study_name)

    def trials(self, *states: TrialState) -> list[FrozenTrial]:
        """Optuna's trials in these states (all states if none is given), by number."""
        return self.optuna.get_trials(deepcopy=False, states=states or None)

    def enqueue(self, points: list[Params]) -> int:
        """Put points behind those that wait already; points that the study holds in any state are left out.

        Returns:
            How many were added.
        """
        if not points:
            return 0
        known = {_identity(params_of(trial)) for trial in self.trials()}
        added = 0
        for point in points:
            if _identity(point) not in known:
                known.add(_identity(point))
                self.optuna.enqueue_trial(point)
                added += 1
        return added

    def ask(self) -> optuna.Trial:
        """Take the next trial: the oldest one that waits, or a new one from the sampler."""
        # The draw depends on the seed and the trial's number alone, so that a resumed study does not repeat itself.
        self.optuna.sampler = make_sampler(self.space, self.about.seed, len(self.trials()))
        return self.optuna.ask()

    def take_up(self, frozen: FrozenTrial) -> optuna.Trial:
        """Go on with a trial that a killed driver left running; it keeps every value it was given."""
        self.optuna.sampler = make_sampler(self.space, self.about.seed, frozen.number)
        return optuna.Trial(self.optuna, frozen._trial_id)  # noqa: SLF001 - Optuna has no public way back to a trial

    def note(self, trial: optuna.Trial, record: TrialRecord) -> None:
        """Keep a trial's record beside it, before the trial is finished."""
        trial.set_user_attr(_RECORD, to_plain(record))
        kept = trial.constraints
        for name, violation in record.violations.items():
            if name not in kept:
                trial.set_constraint(name, violation)

    def finish(self, trial: optuna.Trial, record: TrialRecord) -> None:
        """Tell Optuna how a trial ended; a trial that is finished already stays as it is."""
        if record.state == "complete":
            values = [record.figures[objective.metric] for objective in self.space.objectives]
            self.optuna.tell(trial, values, skip_if_finished=True)
        else:
            self.optuna.tell(trial, state=TrialState.FAIL, skip_if_finished=True)

    def noted(self, frozen: FrozenTrial) -> TrialRecord | None:
        """The record kept beside a trial, if it came that far."""
        plain = frozen.user_attrs.get(_RECORD)
        if plain is None:
            return None
        record = from_mapping(TrialRecord, plain, source=f"trial {frozen.number} of study {self.name!r}")
        remade = self.optuna.user_attrs.get(f"{_REMADE}{frozen.number}")
        return replace(record, artifacts={**record.artifacts, **remade}) if remade else record

    def remember_remade(self, number: int, keys: Mapping[str, str]) -> None:
        """Keep the names of artifacts that came out as others when they were made again; Optuna closes ended trials.

        Args:
            number: the trial's.
            keys: by step.
        """
        name = f"{_REMADE}{number}"
        self.optuna.set_user_attr(name, {**self.optuna.user_attrs.get(name, {}), **keys})


def params_of(trial: FrozenTrial) -> Params:
    """The values that a trial stands for: those it was queued with, and those it was given."""
    return {**trial.system_attrs.get(_FIXED, {}), **trial.params}


def _identity(params: Mapping[str, Any]) -> str:
    return json.dumps(dict(params), sort_keys=True)


def make_sampler(space: Space, seed: int, number: int) -> optuna.samplers.BaseSampler:
    """The sampler for one trial, its random numbers a function of the study's seed and the trial's number."""
    mixed = (seed * 1_000_003 + number) % 2**32
    if space.sampler == "tpe":
        return optuna.samplers.TPESampler(seed=mixed)
    if space.sampler == "nsga2":
        return optuna.samplers.NSGAIISampler(seed=mixed, population_size=_POPULATION)
    return optuna.samplers.RandomSampler(seed=mixed)


def create_study(name: str, url: str, about: About) -> Study:
    """Make a new study, or complete one whose making was cut short.

    Raises:
        StudyError: the study exists already.
    """
    storage = _storage(url)
    directions = parse_space(about.space, source="space").directions
    try:
        study = optuna.create_study(storage=storage, study_name=name, directions=directions)
    except optuna.exceptions.DuplicatedStudyError:
        study = optuna.load_study(storage=storage, study_name=name)
        if _ABOUT in study.user_attrs:
            raise StudyError(
                f"study {name!r} exists already; go on with --resume, or start another with --study NAME"
            ) from None
    about = from_mapping(About, {**to_plain(about), "created": datetime.now(UTC).isoformat()}, source="study")
    made = Study(study, about, url)
    made.enqueue(list(made.space.start))  # Before the study counts as made, so that no kill can lose them.
    study.set_user_attr(_ABOUT, to_plain(about))
    return made


def open_study(name: str, url: str) -> Study:
    """Open a study that exists.

    Raises:
        UnknownNameError: it does not; names the nearest.
    """
    storage = _storage(url)
    summaries = _own(storage)
    if name not in summaries:
        raise UnknownNameError("study", name, summaries, "start one with: mqn search SPACE --study NAME")
    study = optuna.load_study(storage=storage, study_name=name)
    return Study(study, from_mapping(About, summaries[name], source=f"study {name!r}"), url)


def list_studies(url: str) -> dict[str, About]:
    """Every study of a database by name, oldest first."""
    own = _own(_storage(url))
    return {name: from_mapping(About, plain, source=f"study {name!r}") for name, plain in own.items()}


def check_runtime(study: Study, runtime: Mapping[str, Any]) -> None:
    """Make sure that the figures of further trials can stand beside those of earlier ones.

    Args:
        study: goes on.
        runtime: as `About.runtime`.

    Raises:
        StudyError: the profile measures in another way by now; says which key changed.
    """
    for key, old in study.about.runtime.items():
        if runtime[key] != old:
            raise StudyError(
                f"study {study.name!r} is measured with {key} = {old!r}, not {runtime[key]!r}; set it back under "
                "'measure' in the profile, or start a new study with --study NAME"
            )


def hold_devices(study: Study, identities: Mapping[str, str]) -> None:
    """Make sure that a device's name still means the device that the study measured on, and remember it.

    Args:
        study: begins or goes on.
        identities: id of the device that each target names.

    Raises:
        StudyError: another device goes by its name by now.
    """
    known: dict[str, str] = study.optuna.user_attrs.get(_DEVICES, {})
    for target, identity in identities.items():
        if known.get(target, identity) != identity:
            raise StudyError(
                f"study {study.name!r} was measured on a device {target!r} with the id {known[target]}, and the "
                f"profile's has {identity}: figures of two devices make no front; start a new study with --study NAME"
            )
    if identities.keys() - known.keys():
        study.optuna.set_user_attr(_DEVICES, {**known, **identities})


def records(study: Study) -> list[TrialRecord]:
    """The records of every trial that was begun, by number; running ones have a candidate and no figures yet."""
    found = []
    for frozen in study.trials(*_STATES):
        record = study.noted(frozen)
        state = _STATES[frozen.state]
        if record is None or record.state != state:
            # Either still running, or noted and not yet told: Optuna's word counts.
            candidate = record.candidate if record else study.space.candidate(params_of(frozen))
            record = TrialRecord(study=study.name, number=frozen.number, state=state, candidate=candidate)
        found.append(replace(record, label=study.space.label(record.candidate)))
    return found


def count_states(study: Study) -> dict[str, int]:
    """How many trials are complete, failed, pruned, running, and waiting."""
    counts = dict.fromkeys([*_STATES.values(), "waiting"], 0)
    for frozen in study.trials():
        counts[_STATES.get(frozen.state, "waiting")] += 1
    return counts


def count_trainings(found: list[TrialRecord]) -> int:
    """How many trainings the records rest on; trials that share a training count it once."""
    return len({record.artifacts["train"] for record in found if "train" in record.artifacts})


def _own(storage: optuna.storages.BaseStorage) -> dict[str, dict[str, Any]]:
    return {
        study.study_name: study.user_attrs[_ABOUT]
        for study in optuna.get_all_study_summaries(storage=storage, include_best_trial=False)
        if _ABOUT in study.user_attrs
    }


def _storage(url: str) -> optuna.storages.BaseStorage:
    import sqlalchemy.exc

    arguments = {"connect_args": {"timeout": 60}} if url.startswith("sqlite") else {"pool_pre_ping": True}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return optuna.storages.get_storage(optuna.storages.RDBStorage(url, engine_kwargs=arguments))
    except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
        reason = str(error).splitlines()[0]
        raise StudyError(
            f"cannot open the study database {url}: {reason}; check storage.study in the profile"
        ) from error
