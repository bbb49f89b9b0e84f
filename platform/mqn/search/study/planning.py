"""The study that a request means, new or resumed: everything is checked, nothing is written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optuna.trial import TrialState

from mqn.device.pool.targets import settle_targets
from mqn.errors import StudyError, UsageError
from mqn.networks.fetched import is_url
from mqn.profile import Profile
from mqn.search.samplers.making import check_sampler
from mqn.search.simulation.dataset import no_pictures
from mqn.search.space.ending import Confirm, Stall
from mqn.search.space.space import Space
from mqn.search.space.space_file import load_space, names_sampler
from mqn.search.storage.lease import Lease
from mqn.search.storage.store import StudyStore
from mqn.search.study.about import About
from mqn.search.study.commands import resume_command
from mqn.search.study.measuring_conditions import check_runtime, check_unchanged, runtime_of
from mqn.search.study.request import SearchRequest
from mqn.search.study.studies import create_study, list_studies, open_study
from mqn.search.study.study import Study
from mqn.search.warming import check_warm_start
from mqn.text.redaction import MASK, redact_url

if TYPE_CHECKING:
    from mqn.data.dataset import Dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A study that was checked and can be run. Nothing of it is written yet.

    `opened` is the study if it exists already; None for a new one. `stall` and `confirm` are those of this run: a study
    may be resumed with others.
    """

    name: str
    about: About
    space: Space
    dataset: Dataset
    trials: int
    opened: Study | None = None
    stall: Stall | None = None
    confirm: Confirm | None = None

    def remarks(self, profile: str) -> list[str]:
        """What a user should know before the study runs, in lines."""
        gated = self.space.gate_table is not None and self.space.trained is not None
        ungated = (
            "nothing is gated: every trial takes the given checkpoint, whose own file is measured" if gated else ""
        )
        return [line for line in (self.say_finished(profile), ungated) if line]

    def say_finished(self, profile: str) -> str:
        """The line on a study that has all its trials already, and how to have more; empty for every other one.

        `profile` is the profile's name.
        """
        if self.opened is None or self.confirm is not None or self.opened.trials(TrialState.RUNNING):
            return ""
        count, points = self.opened.begun(), len(self.space.grid())
        if count < self.trials:
            return ""
        command = resume_command(
            self.name, self.about.space_name, profile=profile, trials=min(2 * count, points or 2 * count)
        )
        more = "each point of its grid has been tried" if points and count >= points else f"for more: {command}"
        return f"study {self.name!r} is finished: it has {count} trials; {more}"

    def begin(self, where: str | StudyStore, lease: Lease | None = None) -> Study:
        """Make the study, or go on with it.

        Raises:
            StudyError: it was made meanwhile.
        """
        study = self.opened or create_study(self.name, where, self.about, lease, self.space)
        study.name_objectives()  # Studies of earlier versions have no names yet.
        return study


def plan_study(
    request: SearchRequest, profile: Profile, name: str, where: str | StudyStore, lease: Lease | None = None
) -> Planned:
    """Find the study that is meant, and check all that can be checked without its devices.

    Raises:
        UsageError: the request cannot be understood.
        StudyError: the study exists already, or was made from another space, seed or data, or for other devices.
        DataError: the data cannot be used.
        ConfigError: the space's sampler is a class that cannot be had.
    """
    if request.resume:
        planned = _resumed(request, profile, open_study(name, where, lease))
    elif name in list_studies(where):
        raise StudyError(f"study {name!r} exists already; go on with --resume, or start another with --study NAME")
    else:
        planned = _new(request, profile, name)
        check_warm_start(request.warm_start, where, planned.space, simulated=planned.about.simulated)
    check_sampler(planned.space)
    return planned


def _resumed(request: SearchRequest, profile: Profile, study: Study) -> Planned:
    """An earlier study, if it still is what the request asks for: same space, seed, data and devices."""
    name, about = study.name, study.about
    _check_simulated(name, about, profile)
    loaded = _load(request, about.checkpoint)
    if not names_sampler(request.space):
        loaded = replace(loaded, sampler=study.space.sampler)  # The default was another one in older versions.
    targets = about.targets or settle_targets(profile.targets, profile.devices)
    settle_targets(targets, profile.devices)
    if request.targets and settle_targets(request.targets, profile.devices) != targets:
        raise StudyError(
            f"study {name!r} is measured on {', '.join(targets)}, not on {', '.join(request.targets)}; leave "
            "--device out, or start a new study with --study NAME"
        )
    overrides = {**about.overrides, **_overrides(request, loaded)}
    check_unchanged(study, loaded.with_overrides(overrides, source=f"study {name!r}").with_targets(targets))
    check_runtime(study, runtime_of(profile))
    if request.seed not in (None, about.seed):
        raise StudyError(f"study {name!r} was created with seed {about.seed}, not {request.seed}; leave --seed out")
    trials = count_trials(request, profile, study.space)
    joins = study.lease is not None and bool(study.lease.others())
    if request.trials is None and study.goal and (joins or request.confirm):
        trials = study.goal  # Who joins other drivers leaves their goal as it is, and so does who only confirms.
    stall, confirm = request.ending(loaded)
    dataset = _locate(remembered_data(about.data, name) if request.data is None else request.data, profile)
    if dataset.hash != about.data_hash:
        raise StudyError(
            f"study {name!r} was created on other data ({about.data or 'the embedded scenes'}, hash "
            f"{about.data_hash[:12]}, not {dataset.hash[:12]}); give that, or start a new study with --study NAME"
        )
    return Planned(
        name=name,
        about=about,
        space=study.space,
        dataset=dataset,
        trials=trials,
        opened=study,
        stall=stall,
        confirm=confirm,
    )


def _new(request: SearchRequest, profile: Profile, name: str) -> Planned:
    """A study that is not made yet."""
    targets = settle_targets(request.targets or profile.targets, profile.devices)
    loaded = _load(request)
    overrides = _overrides(request, loaded)
    # Messages name the study.
    space = loaded.with_overrides(overrides, source=f"study {name!r}").with_targets(targets)
    trials = count_trials(request, profile, space)
    dataset = _locate(request.data, profile)
    if profile.simulate is not None and space.trained:
        raise UsageError(
            f"space {request.space!r} takes a trained network, and profile {request.profile!r} simulates trainings; "
            "leave the checkpoint out, or give another --profile"
        )
    about = About(
        space=space.definition,
        space_hash=space.hash,
        space_name=_kept_name(request.space),
        overrides=overrides,
        profile=_kept_name(request.profile),
        data=None if request.data is None else kept_data(request.data),
        data_hash=dataset.hash,
        seed=request.seed or 0,
        targets=targets,
        checkpoint=_kept_checkpoint(request.checkpoint),
        runtime=runtime_of(profile),
        simulated=profile.simulate is not None,
        warm_start=request.warm_start,
    )
    stall, confirm = request.ending(space)
    return Planned(name=name, about=about, space=space, dataset=dataset, trials=trials, stall=stall, confirm=confirm)


def _locate(data: str | None, profile: Profile) -> Dataset:
    """The data that are asked for; a simulation reads none."""
    if profile.simulate is not None:
        if data is not None:
            raise UsageError(f"--data {data}: a simulated study reads no pictures; leave --data out")
        return no_pictures(profile.simulate)
    from mqn.data.location import locate

    return locate(data)


def _check_simulated(name: str, about: About, profile: Profile) -> None:
    """Make sure that a study stays real, or stays simulated."""
    simulates = profile.simulate is not None
    if about.simulated != simulates:
        was, now = ("simulated", "runs for real") if about.simulated else ("run for real", "simulates")
        raise StudyError(
            f"study {name!r} was {was}, and this profile {now}: their figures do not mix; resume it with --profile "
            f"{about.profile}, or start a new study with --study NAME"
        )


def _kept_name(name: str) -> str:
    """A shipped file's name, or a path made absolute, so that it works in every folder."""
    return str(Path(name).absolute()) if name.endswith(".toml") else name


def kept_data(data: str) -> str:
    """A folder's absolute path, or a URL without user and password."""
    return redact_url(data) if "://" in data else str(Path(data).absolute())


def remembered_data(data: str | None, name: str) -> str | None:
    """The data that a study was made with.

    Raises:
        StudyError: its address had a password, which is not kept; or the study came from another machine without it.
    """
    if data is not None and "://" in data and MASK in data:
        raise StudyError(f"study {name!r} was made with {data}, whose password is not kept; give it again with --data")
    if data is not None and "://" not in data and not Path(data).is_absolute():
        raise StudyError(
            f"study {name!r} came from another machine, where its pictures were called {data!r}; they do not travel "
            "with it: give their folder here with --data"
        )
    return data


def _load(request: SearchRequest, remembered: str | None = None) -> Space:
    """The space, with the checkpoint that the command line names now or named when the study was made."""
    checkpoint = request.checkpoint or remembered
    return load_space(request.space, checkpoint)


def _kept_checkpoint(checkpoint: str | None) -> str | None:
    """A URL, or a path made absolute, so that it works in every folder."""
    return checkpoint if checkpoint is None or is_url(checkpoint) else str(Path(checkpoint).absolute())


def _overrides(request: SearchRequest, space: Space) -> dict[str, Any]:
    """The settings of the command line. `--seed` sets the trainings' seed too, where networks are trained."""
    seed = {} if request.seed is None or space.trained else {"training.seed": request.seed}
    return {**seed, **request.overrides}


def count_trials(request: SearchRequest, profile: Profile, space: Space) -> int:
    """How many trials the study is to have in the end. A UsageError if its grid has fewer points."""
    points = len(space.grid())
    if request.trials is not None:
        if points and request.trials > points:
            raise UsageError(
                f"--trials {request.trials}: the grid of {space.name!r} has {points} points; give at most {points}"
            )
        return request.trials
    wanted = points or space.trials
    return wanted if profile.budget.trials is None else min(wanted, profile.budget.trials)
