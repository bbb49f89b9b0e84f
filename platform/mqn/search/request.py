"""What a user asks for, and the study that it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqn.device.pool.targets import settle_targets
from mqn.errors import StudyError, UsageError
from mqn.parsing import to_plain
from mqn.profile import Profile
from mqn.search.changes import check_unchanged
from mqn.search.space import Space, load_space
from mqn.search.study import About, Study, check_runtime, create_study, list_studies, open_study

if TYPE_CHECKING:
    from mqn.data.dataset import Dataset


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


def prepare_study(request: SearchRequest, profile: Profile, name: str) -> tuple[Study, Dataset]:
    """Make the study or open it, and find its data.

    Args:
        request: what is asked for.
        profile: where it runs.
        name: the study's.

    Raises:
        UsageError: the request cannot be understood.
        StudyError: the study exists already, or was made from another space, seed or data, or for other devices.
        DataError: the data cannot be used.
    """
    from mqn.data.dataset import locate

    url = profile.study_url
    if request.resume:
        study = open_study(name, url)
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
        count_trials(request, profile, study.space)
        dataset = locate(about.data if request.data is None else request.data)
        if dataset.hash != about.data_hash:
            raise StudyError(
                f"study {name!r} was created on other data ({about.data or 'the embedded scenes'}, hash "
                f"{about.data_hash[:12]}, not {dataset.hash[:12]}); give that, or start a new study with --study NAME"
            )
        return study, dataset
    if name in list_studies(url):
        raise StudyError(f"study {name!r} exists already; go on with --resume, or start another with --study NAME")
    targets = settle_targets(request.targets or profile.targets, profile.devices)
    loaded = _load(request)
    overrides = _overrides(request, loaded)
    # Told apart by the study's name in messages.
    space = loaded.with_overrides(overrides, source=f"study {name!r}").with_targets(targets)
    count_trials(request, profile, space)  # What cannot be run is not created.
    dataset = locate(request.data)
    about = About(
        space=space.definition,
        space_hash=space.hash,
        space_name=request.space,
        overrides=overrides,
        profile=request.profile,
        data=None if request.data is None else str(Path(request.data).absolute()),
        data_hash=dataset.hash,
        seed=request.seed or 0,
        targets=targets,
        checkpoint=None if request.checkpoint is None else str(Path(request.checkpoint).absolute()),
        runtime=_runtime(profile),
    )
    return create_study(name, url, about), dataset


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
        UsageError: fewer than one, or more than a grid has points.
    """
    points = len(space.grid())
    if request.trials is not None:
        if request.trials < 1:
            raise UsageError(f"--trials {request.trials} must be at least 1")
        if points and request.trials > points:
            raise UsageError(
                f"--trials {request.trials}: the grid of {space.name!r} has {points} points; give at most {points}"
            )
        return request.trials
    wanted = points or space.trials
    return wanted if profile.budget.trials is None else min(wanted, profile.budget.trials)
