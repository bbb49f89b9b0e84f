"""Runs a study: takes its lease, puts the parts together, runs the loop, sums up."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mqn.home import home
from mqn.net import telemetry
from mqn.processes.interruption import signals_as_interrupt
from mqn.profile import Profile, load_profile
from mqn.profile_tables.budget import BudgetProfile
from mqn.search.artifacts import ArtifactStore
from mqn.search.budget.budgets import Budgets
from mqn.search.budget.limits import Limits
from mqn.search.budget.opening import open_budgets, spent_in, spent_of
from mqn.search.budget.parallelism import follow_capacity
from mqn.search.budget.spent import Spent, UsedUp
from mqn.search.budget.stall import Stalled, Stalling
from mqn.search.notify.notices import open_notices
from mqn.search.pipeline import TrialPipeline
from mqn.search.retracking import Retracking
from mqn.search.space.ending import OFF
from mqn.search.space.space_file import space_name
from mqn.search.storage.lease import drive
from mqn.search.storage.once import first_time
from mqn.search.storage.store import connect
from mqn.search.study.about import check_name
from mqn.search.study.commands import resend_command, resume_command, say_held
from mqn.search.study.description import run_tags, track_study
from mqn.search.study.loop import Loop, Stopped
from mqn.search.study.measuring_conditions import hold_devices
from mqn.search.study.planning import Planned, plan_study
from mqn.search.study.progress import Progress, ProgressMaker
from mqn.search.study.readiness import check_reach, reach_store, ready_devices, ready_store
from mqn.search.study.request import SearchRequest
from mqn.search.study.study import Study
from mqn.search.study.trials import VolumeOf, count_all, count_both, count_trainings, records, volume_in
from mqn.search.tracked_front import WriteFront, track_front
from mqn.search.warming import warm_start
from mqn.search.watch.observing import Observer
from mqn.search.watch.opening import open_watch
from mqn.search.work.devices import Devices
from mqn.search.work.engine import Engine
from mqn.search.work.prediction import Predictions
from mqn.search.work.scheduler import Scheduler
from mqn.search.world import World, make_world
from mqn.track.sending.delivery import Backlog
from mqn.track.tracker import Tracker


@dataclass(frozen=True, slots=True, kw_only=True)
class StudySummary:
    """The result of one run of a driver.

    Attributes:
        study: the study's name.
        trials: how many are complete, failed, pruned, running, interrupted, held, waiting; confirmations do not count.
        confirmations: the same of trials that confirm the front.
        trainings: how many trainings they use.
        stopped: why the driver stopped.
        used_up: the line on the budget that is used up, or on the front that has stalled; empty: neither.
        unmet: the line on hard constraints that no candidate meets; empty: one may.
        spent: what all drivers of the study have spent.
        limits: what they may spend.
        seconds: wall time of this run.
        advice: the command that resumes the study; empty: nothing is left to do.
        held: lines on trials that wait; empty: none does.
        unsent: what the tracking server has not taken; empty: it has everything.
    """

    study: str
    trials: dict[str, int]
    confirmations: Mapping[str, int] = field(default_factory=dict)
    trainings: int
    stopped: Stopped
    seconds: float
    used_up: str = ""
    unmet: str = ""
    spent: Spent = field(default_factory=Spent)
    limits: BudgetProfile = field(default_factory=BudgetProfile)
    advice: str = ""
    held: tuple[str, ...] = ()
    unsent: str = ""

    @property
    def why(self) -> str:
        """Why the driver stopped, in words."""
        return self.used_up or self.stopped


@signals_as_interrupt()
def run_search(
    request: SearchRequest,
    tell: Callable[[str], object] = lambda _: None,
    show: ProgressMaker | None = None,
    world: World | None = None,
    volume: VolumeOf | None = None,
    front: WriteFront | None = None,
) -> StudySummary:
    """Run a new or an earlier study until its trials are done, its time is over, or it is stopped.

    Artifacts, devices and Ray are reached before a new study is made. So a start that fails leaves no study behind.
    Who resumes a study waits for its database and for the machines of its cluster, as long as the profile's patience.

    Args:
        request: what is asked for.
        tell: told what a user should know before the study begins.
        show: makes what shows the study while it runs; None: `tell` takes lines on that too.
        world: what the study runs on; None: what the profile says.
        volume: gives the hypervolume for `/metrics`, which `mqn.report` can measure; None: it is not told.
        front: writes the front for the study's run in MLflow, which `mqn.report` can; None: it is not shown there.

    Returns:
        What came of it. Ctrl-C, SIGTERM and SIGHUP are no failures: `--resume` takes up the trials that were running.

    Raises:
        UsageError: the request cannot be understood (space, profile, number of trials, ...).
        StudyError: the study exists already, or was made from another space or other data.
        StudyBusyError: this driver has lost its lease; others do what it did.
        MqnError: a failure that is not one candidate's: weights, data, a device that stays away.
        KeyboardInterrupt: a signal came before a new study was made.
    """
    began = time.monotonic()
    telemetry.switch_off()
    profile = request.settle(load_profile(request.profile))
    check_reach(profile, request.profile)
    name = check_name(request.study or space_name(request.space))
    world = world or make_world(profile)
    patience_seconds = 60 * profile.patience_minutes
    store = connect(
        profile.study_url,
        patience_seconds=patience_seconds,
        wait=request.resume,
        say=tell,
        clock=world.clock,
        sleep=world.sleep,
    )
    study: Study | None = None
    stopped: Stopped = "interrupted"
    backlog = Backlog()
    used_up: UsedUp | Stalled | None = None
    unmet = ""
    limits = request.limits(profile.budget)
    with drive(store.database, name, store.patience, tell) as lease:
        planned = plan_study(request, profile, name, store, lease)
        for line in planned.remarks(request.profile):
            tell(line)
        artifacts = reach_store(profile, tell)
        world.watch(store)
        with (
            contextlib.suppress(KeyboardInterrupt),
            world.devices(planned.about.targets or tuple(profile.devices), name) as devices,
            Tracker(profile.tracking_uri, home() / "spool", allowed=lease.confirm) as tracker,
            world.engine(tell, patience_seconds if request.resume else 0.0) as engine,
        ):
            ready_store(artifacts, planned, engine)
            ready_devices(planned.space, devices, profile)
            with lease.alone("begin"):  # Of two drivers that begin at the same moment, one goes first.
                study = planned.begin(store, lease)
                artifacts.note_database(profile.study_url)
                hold_devices(study, devices.identities())
                warm_start(study, tell)
                study.set_goal(planned.trials)
                study.accept(request.accept)
                if request.retry_failed:
                    count = study.retry_failed()
                    tell(f"failed trials that are tried again: {count}" if count else "no trial has failed")
            make = show or functools.partial(Progress, tell)
            with (
                make(name, study.space, planned.trials, records(study), devices=devices.report) as progress,
                open_budgets(limits, study.optuna, store, lease, lambda: records(study), world.clock) as budgets,
            ):
                store.patience.say = progress.say
                track_study(tracker, study, _advise(request, name))
                shown = functools.partial(track_front, tracker, name, study.space, store=artifacts, write=front)
                if planned.opened is not None:
                    shown(records(study), say=progress.say)
                parts = (devices, tracker, engine, artifacts, progress, budgets, world)
                loop = _loop(request, profile, planned, study, *parts)
                engine.share_by(loop.scheduler.demand)
                retracking = Retracking(
                    study, tracker, artifacts, loop.pipeline.logged, loop.tags, others=lease.others, say=progress.say
                )
                capacity, report = lambda: engine.capacity, devices.report
                observer = Observer(name, goal=planned.trials, devices=report, capacity=capacity, date=world.date)
                spent, of_front = functools.partial(spent_in, name), functools.partial(volume_in, name, volume)
                say = progress.say
                seen = open_watch(observer, store, lease, profile.metrics, spent=spent, volume=of_front, say=say)
                first, past = functools.partial(first_time, store.database.engine, study.id), lambda: records(study)
                told = open_notices(profile.notify, study, first, past, say)
                with seen as publisher, retracking, told as notices:
                    loop.watch = publisher
                    publisher.listeners.append(notices.finish)
                    (stopped, used_up), unmet = loop.run_and_confirm(planned.confirm, progress.say), loop.unmet
                    if stopped != "budget" or not lease.others():  # They end the study's run.
                        notices.end(stopped, str(used_up or unmet or stopped), functools.partial(count_all, study))
            found = records(study)
            if stopped == "budget" and lease.others():  # They end the study's run.
                backlog = tracker.flush(study=name)
            else:
                shown(found, say=tell)
                backlog = tracker.close_study(name, {"trials": len(found), "trainings": count_trainings(found)})
            if not backlog:
                retracking.confirm()
    if study is None:
        raise KeyboardInterrupt
    backlog = backlog or tracker.waiting()
    if stopped == "interrupted":  # A user who stopped it should not wait for a database that is away.
        store.patience.seconds = 0.0
    found = records(study)
    counts, confirmations = count_both(study, found)
    left = sum(told["interrupted"] + told["held"] for told in (counts, confirmations))
    goes_on = stopped in ("budget", "stalled", "interrupted") or left > 0
    return StudySummary(
        study=name,
        trials=counts,
        confirmations=confirmations,
        trainings=count_trainings(found),
        stopped=stopped,
        seconds=time.monotonic() - began,
        used_up="" if used_up is None else str(used_up),
        unmet=unmet,
        spent=spent_of(study.optuna, store),
        limits=limits,
        advice=_advise(request, name, used_up) if goes_on else "",
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
    engine: Engine,
    store: ArtifactStore,
    progress: Progress,
    budgets: Budgets,
    world: World,
) -> Loop:
    """Make the loop and its parts."""
    return Loop(
        study=study,
        pipeline=TrialPipeline.of_space(study.space, planned.dataset, profile, devices),
        scheduler=Scheduler(
            store,
            engine,
            places=devices,
            account=budgets,
            claims=None if study.lease is None else study.lease.jobs,
            predict=Predictions(devices.example, profile.measure, store) if profile.predictor else lambda _: None,
            quiesce=tracker.quiesce,
            patience_seconds=60 * profile.patience_minutes,
            retry=profile.retry,
            tell=progress.say,
            clock=world.clock,
            date=world.date,
            sleep=world.sleep,
        ),
        tracker=tracker,
        progress=progress,
        limits=Limits(
            trials=planned.trials,
            parallel=request.parallel or follow_capacity(study.space, profile.ray, lambda: engine.capacity),
        ),
        tags=run_tags(study),
        budgets=budgets,
        stalling=Stalling(study, planned.stall),
        clock=world.clock,
        sleep=world.sleep,
    )


def _advise(request: SearchRequest, name: str, used_up: UsedUp | Stalled | None = None) -> str:
    """The command that resumes the study, with a larger budget where one is used up, and whatever its front does."""
    hours = {} if request.hours is None else {"hours": request.hours}
    return resume_command(
        name,
        request.space,
        profile=request.profile,
        trials=request.trials,
        accept=request.accept,
        budget={**request.budget, **hours, **(used_up.larger if isinstance(used_up, UsedUp) else {})},
        stall=OFF if isinstance(used_up, Stalled) else request.stall,
        confirm=request.confirm,
    )
