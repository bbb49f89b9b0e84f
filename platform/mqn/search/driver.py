"""From a request to a finished study: puts the parts together, holds the study alone, says what came of it."""

from __future__ import annotations

import contextlib
import math
import re
import shlex
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any

import filelock

from mqn import telemetry
from mqn.errors import ConfigError, StudyBusyError, UsageError
from mqn.home import home
from mqn.parsing import content_hash
from mqn.profile import Profile, load_profile
from mqn.search.artifacts import ArtifactStore
from mqn.search.devices import Devices
from mqn.search.engine import RayEngine
from mqn.search.loop import Limits, Loop, Stopped
from mqn.search.pipeline import MqnPipeline
from mqn.search.prediction import Predictions, nobody_knows
from mqn.search.progress import Progress
from mqn.search.request import SearchRequest, count_trials, prepare_study
from mqn.search.scheduler import Scheduler
from mqn.search.space import Space, load_space
from mqn.search.study import Study, count_states, count_trainings, hold_devices, records
from mqn.track.delivery import Backlog
from mqn.track.tracker import Tracker

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class StudySummary:
    """What came of a run.

    Attributes:
        study: the study's name.
        trials: how many are complete, failed, pruned, running, waiting.
        trainings: how many trainings they rest on.
        stopped: why the driver stopped.
        seconds: wall time of this run.
        advice: how to go on; empty where nothing is left.
        unsent: what the tracking server has not taken yet; empty where it has everything.
    """

    study: str
    trials: dict[str, int]
    trainings: int
    stopped: Stopped
    seconds: float
    advice: str = ""
    unsent: str = ""


def run_search(request: SearchRequest) -> StudySummary:
    """Run a study, or go on with one, until its trials are done, its time is over, or somebody stops it.

    Args:
        request: what is asked for.

    Returns:
        What came of it. Ctrl-C and SIGTERM are no failure: trials on their way are left to be taken up.

    Raises:
        UsageError: the request cannot be understood (space, profile, number of trials, ...).
        StudyError: the study exists already, is another driver's, or was made from another space or other data.
        MqnError: a failure that is not one candidate's: weights, data, a device that stays away.
    """
    began = time.monotonic()
    telemetry.switch_off()
    profile = load_profile(request.profile)
    _check_reach(profile, request.profile)
    name = request.study or load_space(request.space).name
    if not _NAME.fullmatch(name):
        raise UsageError(f"study {name!r}: only letters, digits, '.', '_' and '-' may stand in a study's name")
    with _hold(name):
        study, dataset = prepare_study(request, profile, name)
        trials = count_trials(request, profile, study.space)
        stopped: Stopped = "interrupted"
        backlog = Backlog()
        with (
            contextlib.suppress(KeyboardInterrupt),
            Devices(profile, study.about.targets or tuple(profile.devices), name) as devices,
            Tracker(profile.tracking_uri, home() / "spool") as tracker,
            RayEngine(profile.ray) as engine,
            Progress(name, study.space, trials, records(study), devices=devices.report) as progress,
            _sigterm_as_interrupt(),
        ):
            hold_devices(study, devices.identities())
            space = study.space
            pipeline = MqnPipeline(
                dataset, profile, devices, space.scoring, named=space.names_targets, trained=space.trained
            )
            loop = Loop(
                study=study,
                pipeline=pipeline,
                scheduler=Scheduler(
                    ArtifactStore(profile.artifacts),
                    engine,
                    places=devices,
                    predict=Predictions(devices.example, profile.measure) if profile.predictor else nobody_knows,
                    quiesce=tracker.quiesce,
                    patience_seconds=60 * profile.patience_minutes,
                    retry=profile.retry,
                    tell=progress.say,
                ),
                tracker=tracker,
                progress=progress,
                limits=Limits(
                    trials=trials,
                    parallel=request.parallel
                    or choose_parallel(study.space, profile.ray.training_cpus, engine.capacity),
                    hours=profile.budget.hours if request.hours is None else request.hours,
                ),
                tags={"data_hash": dataset.hash, "space_hash": study.about.space_hash},
            )
            tracker.open_study(name, _study_params(study), {"data_hash": dataset.hash})
            stopped = loop.run()
            found = records(study)
            backlog = tracker.close_study(name, {"trials": len(found), "trainings": count_trainings(found)})
        left = count_states(study)
        return StudySummary(
            study=name,
            trials=left,
            trainings=count_trainings(records(study)),
            stopped=stopped,
            seconds=time.monotonic() - began,
            advice=_advise(request, name) if stopped != "done" else "",
            unsent=f"{backlog}; send it with: {_resend(request)}" if backlog else "",
        )


def _resend(request: SearchRequest) -> str:
    """The command that sends what the tracking server has not taken."""
    words = ["mqn", "track", "resend"]
    return shlex.join(words if request.profile == "default" else [*words, "--profile", request.profile])


def _advise(request: SearchRequest, name: str) -> str:
    """The command that goes on."""
    words = ["mqn", "search", request.space, "--study", name, "--resume"]
    if request.profile != "default":
        words += ["--profile", request.profile]
    if request.trials is not None:
        words += ["--trials", str(request.trials)]
    return shlex.join(words)


def choose_parallel(space: Space, training_cpus: float, capacity: float) -> int:
    """How many trials to have on their way: all plans of the networks that can train at once, and of one more.

    Args:
        space: the space.
        training_cpus: processors of one training.
        capacity: processors in all.
    """
    points = space.grid()
    if points:
        networks = Counter(content_hash((c.arch, c.training)) for c in map(space.candidate, points))
        plans = max(networks.values())
    else:
        expanded = [dimension.values() or () for dimension in space.dimensions if dimension.key in space.expansion]
        plans = math.prod(len(values) for values in expanded)
    return plans * (max(1, int(capacity // max(training_cpus, 1))) + 1)


def _study_params(study: Study) -> dict[str, Any]:
    about = study.about
    return {
        "space": about.space_name,
        "sampler": study.space.sampler,
        "profile": about.profile,
        "data": about.data or "embedded scenes",
        "seed": about.seed,
        "targets": ", ".join(about.targets),
        **{f"fixed.{key}": value for key, value in about.space["fixed"].items()},
    }


def _check_reach(profile: Profile, name: str) -> None:
    if profile.ray.address.startswith("ray://"):
        for device, settings in profile.devices.items():
            if settings.backend is not None:
                raise ConfigError(
                    f"profile {name!r}: devices.{device} is {settings.url!r}, which workers behind "
                    f"{profile.ray.address} cannot reach; start `mqn agent serve` on a device and give its url"
                )


@contextlib.contextmanager
def _hold(name: str) -> Iterator[None]:
    """Hold a study alone.

    Raises:
        StudyBusyError: another driver does.
    """
    folder = home() / "studies"
    folder.mkdir(exist_ok=True)
    try:
        with filelock.FileLock(folder / f"{name}.lock", timeout=0):
            yield
    except filelock.Timeout as error:
        raise StudyBusyError(
            f"study {name!r} is being run by another process; wait for it, or start another with --study NAME"
        ) from error


@contextlib.contextmanager
def _sigterm_as_interrupt() -> Iterator[None]:
    """A polite kill ends a study as Ctrl-C does. Ray has a handler of its own, so this goes inside it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
