"""From a request to a finished study: puts the parts together, holds the study alone, says what came of it."""

from __future__ import annotations

import contextlib
import math
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import FrameType
from typing import Any, cast

from mqn import telemetry
from mqn.errors import ConfigError
from mqn.home import home
from mqn.parsing import content_hash
from mqn.profile import Profile, load_profile
from mqn.records import Verdict
from mqn.search.about import check_name
from mqn.search.advice import resend_command, resume_command, say_held
from mqn.search.artifacts import ArtifactStore
from mqn.search.census import count_states, count_trainings, records
from mqn.search.constancy import hold_devices
from mqn.search.description import describe_study, varied_keys
from mqn.search.devices import Devices
from mqn.search.engine import RayEngine
from mqn.search.lease import drive
from mqn.search.loop import Limits, Loop, Stopped
from mqn.search.pipeline import MqnPipeline
from mqn.search.prediction import Predictions, nobody_knows
from mqn.search.progress import Progress
from mqn.search.request import Planned, SearchRequest, plan_study
from mqn.search.scheduler import Scheduler
from mqn.search.space import Space, load_space
from mqn.search.store import connect
from mqn.search.study import Study
from mqn.track.delivery import Backlog
from mqn.track.tracker import Tracker

_SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class StudySummary:
    """What came of a run.

    Attributes:
        study: the study's name.
        trials: how many are complete, failed, pruned, running, interrupted, held, waiting.
        trainings: how many trainings they rest on.
        stopped: why the driver stopped.
        seconds: wall time of this run.
        advice: how to go on; empty where nothing is left.
        held: which trials wait, for what, and how to go on with them; empty where none does.
        unsent: what the tracking server has not taken yet; empty where it has everything.
    """

    study: str
    trials: dict[str, int]
    trainings: int
    stopped: Stopped
    seconds: float
    advice: str = ""
    held: tuple[str, ...] = ()
    unsent: str = ""


def run_search(request: SearchRequest, tell: Callable[[str], object] = lambda _: None) -> StudySummary:
    """Run a study, or go on with one, until its trials are done, its time is over, or somebody stops it.

    Devices and Ray are reached before a new study is made: a start that is refused leaves nothing behind.

    Args:
        request: what is asked for.
        tell: told what a user should know before the study begins.

    Returns:
        What came of it. Ctrl-C, SIGTERM and SIGHUP are no failure: trials on their way are left to be taken up.

    Raises:
        UsageError: the request cannot be understood (space, profile, number of trials, ...).
        StudyError: the study exists already, is another driver's, or was made from another space or other data.
        MqnError: a failure that is not one candidate's: weights, data, a device that stays away.
        KeyboardInterrupt: a signal came before a new study was made.
    """
    began = time.monotonic()
    telemetry.switch_off()
    profile = _with_accepted(load_profile(request.profile), request.accept)
    _check_reach(profile, request.profile)
    name = check_name(request.study or load_space(request.space).name)
    store = connect(profile.study_url, patience_seconds=60 * profile.patience_minutes)
    study: Study | None = None
    stopped: Stopped = "interrupted"
    backlog = Backlog()
    with drive(store.database, name, store.patience, tell) as lease:
        planned = plan_study(request, profile, name, store, lease)
        with (
            contextlib.suppress(KeyboardInterrupt),
            Devices(profile, planned.about.targets or tuple(profile.devices), name) as devices,
            Tracker(profile.tracking_uri, home() / "spool") as tracker,
            RayEngine(profile.ray) as engine,
            _signals_as_interrupt(),
        ):
            study = planned.begin(store, lease)
            hold_devices(study, devices.identities())
            study.set_goal(planned.trials)
            study.accept(request.accept)
            if request.retry_failed:
                count = study.retry_failed()
                tell(f"failed trials that are tried again: {count}" if count else "no trial has failed")
            with Progress(name, study.space, planned.trials, records(study), devices=devices.report) as progress:
                store.patience.say = progress.say
                goals = zip(study.space.objectives, study.space.directions, strict=True)
                tracker.open_study(
                    name,
                    _study_params(study),
                    {"data_hash": planned.dataset.hash},
                    about=describe_study(study, _advise(request, name)),
                    goals={goal.metric: direction for goal, direction in goals},
                    varied=varied_keys(study),
                )
                stopped = _loop(request, profile, planned, study, devices, tracker, engine, progress).run()
            found = records(study)
            backlog = tracker.close_study(name, {"trials": len(found), "trainings": count_trainings(found)})
    if study is None:
        raise KeyboardInterrupt
    backlog = backlog or tracker.waiting()
    if stopped == "interrupted":  # Whoever stopped it does not wait for a database that is away.
        store.patience.seconds = 0.0
    found, counts = records(study), count_states(study)
    goes_on = stopped in ("hours", "interrupted") or counts["interrupted"] + counts["held"] > 0
    return StudySummary(
        study=name,
        trials=counts,
        trainings=count_trainings(found),
        stopped=stopped,
        seconds=time.monotonic() - began,
        advice=_advise(request, name) if goes_on else "",
        held=say_held(found, _advise(request, name)),
        unsent=f"{backlog}; send it with: {resend_command(request.profile)}" if backlog else "",
    )


def _loop(
    request: SearchRequest,
    profile: Profile,
    planned: Planned,
    study: Study,
    devices: Devices,
    tracker: Tracker,
    engine: RayEngine,
    progress: Progress,
) -> Loop:
    """Put the parts together that evaluate trials."""
    space = study.space
    return Loop(
        study=study,
        pipeline=MqnPipeline(
            planned.dataset, profile, devices, space.scoring, named=space.names_targets, trained=space.trained
        ),
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
            trials=planned.trials,
            parallel=request.parallel or choose_parallel(space, profile.ray.training_cpus, engine.capacity),
            hours=profile.budget.hours if request.hours is None else request.hours,
        ),
        tags={"data_hash": planned.dataset.hash, "space_hash": study.about.space_hash},
    )


def _advise(request: SearchRequest, name: str) -> str:
    """The command that goes on."""
    return resume_command(name, request.space, profile=request.profile, trials=request.trials, accept=request.accept)


def _with_accepted(profile: Profile, accept: tuple[str, ...]) -> Profile:
    words = tuple(dict.fromkeys((*profile.measure.accept, *cast(tuple[Verdict, ...], accept))))
    return replace(profile, measure=replace(profile.measure, accept=words))


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
def _signals_as_interrupt() -> Iterator[None]:
    """A polite kill, and a terminal that goes away, end a study as Ctrl-C does.

    Ray has a handler of its own, so this goes inside it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    # What is ignored, as under nohup, stays so.
    wanted = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, interrupt) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
