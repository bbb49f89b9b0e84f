"""What a user asks for, and the study that it means."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqn.device.pool.targets import settle_targets
from mqn.errors import StudyError, UsageError, nearest
from mqn.parsing import to_plain
from mqn.profile import MOST_TRIALS, Profile
from mqn.redaction import MASK, redact_url
from mqn.search.about import About
from mqn.search.changes import check_unchanged
from mqn.search.constancy import check_runtime
from mqn.search.lease import Lease
from mqn.search.space import Space, load_space
from mqn.search.store import StudyStore
from mqn.search.study import Study, create_study, list_studies, open_study

if TYPE_CHECKING:
    from mqn.data.dataset import Dataset

ACCEPTABLE = ("ok", "contended", "unsteady", "throttled")
"""Verdicts about the machine, which a user may accept; those about the model are none."""

_MOST_PARALLEL = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRequest:
    """What a user asks for.

    Attributes:
        space: a name in `search_spaces/` or a .toml file.
        profile: a name in `runners/` or a .toml file.
        trials: how many the study is to have in the end; None: the profile's budget, else the space's number.
        study: its name; None: the space's.
        resume: go on with a study that exists. Seed, data and settings that are not given stay as they were.
        seed: of the sampler, and of every training unless the space or a setting says otherwise.
        data: folder of HDR pictures or prepared dataset; None: the embedded scenes.
        overrides: the candidate's values by dotted key that replace the space's, and become part of the study.
        parallel: trials on their way at a time; None: as many as keep the machine busy.
        hours: begin no trial after so much time; None: the profile's budget.
        targets: what every trial is measured on; empty: what the profile says.
        checkpoint: a trained network that every trial takes; None: what the space says, else trainings.
        retry_failed: with `resume`: evaluate the candidates of failed trials once more.
        accept: verdicts that make a measurement count in this run, beyond those that the profile accepts.
    """

    space: str
    profile: str = "default"
    trials: int | None = None
    study: str | None = None
    resume: bool = False
    seed: int | None = None
    data: str | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    parallel: int | None = None
    hours: float | None = None
    targets: tuple[str, ...] = ()
    checkpoint: str | None = None
    retry_failed: bool = False
    accept: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check numbers and words.

        Raises:
            UsageError: names the option, what was given, and what is allowed.
        """
        _whole("--trials", self.trials, 1, MOST_TRIALS)
        _whole("--parallel", self.parallel, 1, _MOST_PARALLEL)
        _whole("--seed", self.seed, 0, 2**32 - 1)
        if self.hours is not None and not (math.isfinite(self.hours) and self.hours > 0):
            raise UsageError(f"--hours {self.hours:g} must be a number above 0")
        for verdict in self.accept:
            if verdict not in ACCEPTABLE:
                raise UsageError(f"--accept {verdict!r}: {nearest(verdict, ACCEPTABLE)}")
        if self.retry_failed and not self.resume:
            raise UsageError("--retry-failed goes on with a study: add --resume")


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A study that can be run, checked and not begun: nothing is written yet.

    Attributes:
        name: the study's.
        about: what it is made of.
        space: what it searches.
        dataset: its data.
        trials: how many it is to have in the end.
        opened: the study, where it exists already.
    """

    name: str
    about: About
    space: Space
    dataset: Dataset
    trials: int
    opened: Study | None = None

    def begin(self, where: str | StudyStore, lease: Lease | None = None) -> Study:
        """Make the study, or go on with it.

        Args:
            where: its database.
            lease: the driver's.

        Raises:
            StudyError: it was made meanwhile.
        """
        return self.opened or create_study(self.name, where, self.about, lease)


def plan_study(
    request: SearchRequest, profile: Profile, name: str, where: str | StudyStore, lease: Lease | None = None
) -> Planned:
    """Find out which study is meant, and check everything about it that can be checked without its devices.

    Args:
        request: what is asked for.
        profile: where it runs.
        name: the study's.
        where: its database.
        lease: the driver's.

    Raises:
        UsageError: the request cannot be understood.
        StudyError: the study exists already, or was made from another space, seed or data, or for other devices.
        DataError: the data cannot be used.
    """
    from mqn.data.dataset import locate

    if request.resume:
        study = open_study(name, where, lease)
        about = study.about
        loaded = _load(request, about.checkpoint)
        targets = about.targets or settle_targets(profile.targets, profile.devices)
        settle_targets(targets, profile.devices)
        if request.targets and settle_targets(request.targets, profile.devices) != targets:
            raise StudyError(
                f"study {name!r} is measured on {', '.join(targets)}, not on {', '.join(request.targets)}; leave "
                "--device out, or start a new study with --study NAME"
            )
        overrides = {**about.overrides, **_overrides(request, loaded)}
        check_unchanged(study, loaded.with_overrides(overrides, source=f"study {name!r}").with_targets(targets))
        check_runtime(study, _runtime(profile))
        if request.seed not in (None, about.seed):
            raise StudyError(f"study {name!r} was created with seed {about.seed}, not {request.seed}; leave --seed out")
        trials = count_trials(request, profile, study.space)
        dataset = locate(remembered_data(about.data, name) if request.data is None else request.data)
        if dataset.hash != about.data_hash:
            raise StudyError(
                f"study {name!r} was created on other data ({about.data or 'the embedded scenes'}, hash "
                f"{about.data_hash[:12]}, not {dataset.hash[:12]}); give that, or start a new study with --study NAME"
            )
        return Planned(name=name, about=about, space=study.space, dataset=dataset, trials=trials, opened=study)
    if name in list_studies(where):
        raise StudyError(f"study {name!r} exists already; go on with --resume, or start another with --study NAME")
    targets = settle_targets(request.targets or profile.targets, profile.devices)
    loaded = _load(request)
    overrides = _overrides(request, loaded)
    # Told apart by the study's name in messages.
    space = loaded.with_overrides(overrides, source=f"study {name!r}").with_targets(targets)
    trials = count_trials(request, profile, space)
    dataset = locate(request.data)
    about = About(
        space=space.definition,
        space_hash=space.hash,
        space_name=_kept_name(request.space),
        overrides=overrides,
        profile=_kept_name(request.profile),
        data=None if request.data is None else _kept_data(request.data),
        data_hash=dataset.hash,
        seed=request.seed or 0,
        targets=targets,
        checkpoint=None if request.checkpoint is None else str(Path(request.checkpoint).absolute()),
        runtime=_runtime(profile),
    )
    return Planned(name=name, about=about, space=space, dataset=dataset, trials=trials)


def _kept_name(name: str) -> str:
    """A shipped file's name as it is, a path such that it means the same from every folder."""
    return str(Path(name).absolute()) if name.endswith(".toml") else name


def _kept_data(data: str) -> str:
    """A folder such that it means the same from every folder; a URL as it is, without user and password."""
    return redact_url(data) if "://" in data else str(Path(data).absolute())


def remembered_data(data: str | None, name: str) -> str | None:
    """The data that a study was made with.

    Raises:
        StudyError: its address had a password, which is not kept.
    """
    if data is not None and "://" in data and MASK in data:
        raise StudyError(f"study {name!r} was made with {data}, whose password is not kept; give it again with --data")
    return data


def _runtime(profile: Profile) -> dict[str, Any]:
    plain = to_plain(profile.measure)
    return {key: plain[key] for key in ("threads", "delegate", "processors")}


def _load(request: SearchRequest, remembered: str | None = None) -> Space:
    """The space, on the trained network that the command line names, or named when the study was made."""
    checkpoint = request.checkpoint or remembered
    return load_space(request.space, None if checkpoint is None else Path(checkpoint))


def _overrides(request: SearchRequest, space: Space) -> dict[str, Any]:
    """The settings of the command line; a seed is the trainings' too, where there are any."""
    seed = {} if request.seed is None or space.trained else {"training.seed": request.seed}
    return {**seed, **request.overrides}


def count_trials(request: SearchRequest, profile: Profile, space: Space) -> int:
    """How many trials the study is to have in the end.

    Raises:
        UsageError: more than a grid has points.
    """
    points = len(space.grid())
    if request.trials is not None:
        if points and request.trials > points:
            raise UsageError(
                f"--trials {request.trials}: the grid of {space.name!r} has {points} points; give at most {points}"
            )
        return request.trials
    wanted = points or space.trials
    return wanted if profile.budget.trials is None else min(wanted, profile.budget.trials)


def _whole(option: str, given: int | None, low: int, high: int) -> None:
    if given is not None and not low <= given <= high:
        raise UsageError(f"{option} {given} must be {low} to {high}")
