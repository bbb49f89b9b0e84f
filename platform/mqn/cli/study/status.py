"""`mqn status`: where a study stands."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Annotated

import typer

from mqn.cli import output
from mqn.cli.options import Json, ProfileName
from mqn.errors import UsageError
from mqn.profile import load_profile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqn.cli.study.standing import Standing
    from mqn.search.watch.reading import Told

EXAMPLE = "mqn status smoke --watch"

_MOST_NAMED = 5
"""Trials of one failure that are named."""


def status(
    study: Annotated[str | None, typer.Argument(help="A study's name. Without one: all studies.")] = None,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Show it anew every 2 s, until no driver works on it any more.")
    ] = False,
    replay_rungs: Annotated[
        bool,
        typer.Option(
            "--replay-rungs",
            help="Say what stopping trainings at rungs would have saved, and whether it would have cost the front a "
            "member.",
        ),
    ] = False,
    profile: ProfileName = "default",
    json: Json = False,
) -> None:
    """Show a study's trials and trainings, its drivers and what they do now, its failures and its hypervolume.

    Everything comes from the study's database, so it works from any machine that reaches it.
    """
    from mqn.search.study.studies import list_studies

    if watch and (json or study is None):
        raise UsageError("--watch shows one study live; name it, and leave out --json")
    if replay_rungs and (watch or study is None):
        raise UsageError("--replay-rungs is about one study that has run; name it, and leave out --watch")
    url = load_profile(profile).study_url
    if study is None:
        names = list(list_studies(url))
        if json:
            output.document({"studies": names})
        elif names:
            output.line("\n".join(names))
        else:
            output.line("no study yet; start one with: mqn search smoke")
        return
    if replay_rungs:
        from mqn.cli.study.replaying import show_replay
        from mqn.search.study.studies import open_study

        show_replay(open_study(study, url), load_profile(profile), json=json)
        return
    _show(study, url, profile, json, watch)


def _show(name: str, url: str, profile: str, json: bool, watched: bool) -> None:
    from mqn.cli.study.standing import stand, status_document
    from mqn.cli.study.watching import watch
    from mqn.search.study.studies import open_study

    opened = open_study(name, url)
    if watched and not watch(opened):
        output.note(f"no driver works on {name!r} now: there is nothing to watch")
    standing = stand(opened)
    if json:
        output.document(status_document(standing))
    else:
        _tell(standing, profile)


def _tell(standing: Standing, profile: str) -> None:
    from mqn.report.front.words import SIMULATED
    from mqn.search.budget.opening import limits_of
    from mqn.search.study.trials import say_counts

    study, history, name = standing.study, standing.history, standing.study.name
    if study.about.simulated:
        output.line(f"{name} is {SIMULATED}")
    output.line(f"{name}: {say_counts(standing.states)}")
    if any(standing.confirmations.values()):
        output.line(f"confirmations of the front: {say_counts(standing.confirmations)}")
    rungs = "".join(f", {count} {state}" for state, count in standing.rungs.items())
    output.line(f"trainings: {standing.trainings}{rungs}")
    if spent := standing.spent.text(limits_of(study.optuna)):
        output.line(f"spent: {spent}")
    if history.trials:
        output.line(f"hypervolume: {history.text}, from {history.reference_text} (a tenth behind the worst trial)")
    for numbers, error in alike(standing.failures):
        output.line(f"{_named(numbers)} failed: {error}")
    if broken := sum(record.state == "complete" and not record.feasible for record in standing.records):
        output.line(f"complete trials that break a constraint: {broken}; why: mqn trials {name} --profile {profile}")
    if gated := standing.states["gated"]:
        output.line(f"gated before their training: {gated}; why: mqn trials {name} --profile {profile}")
    for line in standing.files:
        output.line(line)
    if study.accepted:
        output.line(f"measurements count that are {' or '.join(study.accepted)}")
    for one in standing.told:
        trials = standing.holds.get(one.driver.id)
        held = f": trials {', '.join(map(str, trials))}" if trials else ""
        output.line(f"driven by {one.driver.shown} since {one.driver.since_text}{held}")
        _tell_now(one)
    if not standing.told:
        _advise(standing, profile)


def alike(failures: Mapping[int, str]) -> list[tuple[list[int], str]]:
    """Failures that differ in numbers alone, together: the trials, and what the first of them said; the most first."""
    found: dict[str, list[int]] = {}
    for number, error in failures.items():
        found.setdefault(re.sub(r"\d+", "0", error), []).append(number)
    return sorted(((numbers, failures[numbers[0]]) for numbers in found.values()), key=lambda one: -len(one[0]))


def _named(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"trial {numbers[0]}"
    more = len(numbers) - _MOST_NAMED
    named = ", ".join(map(str, numbers[:_MOST_NAMED])) + (f" and {more} more" if more > 0 else "")
    return f"{len(numbers)} trials ({named})"


def _tell_now(told: Told) -> None:
    """What a driver does now: what runs, and what waits for what."""
    if told.snapshot is None:
        return
    running = [f"{stage} {count}" for stage, count in told.snapshot.running.items()]
    output.line(f"  running: {', '.join(running) or 'nothing'}")
    for one in told.snapshot.waiting:
        output.line(f"  waiting: {one.stage} {one.count}, for {one.why}")


def _advise(standing: Standing, profile: str) -> None:
    """Say how to resume the study, if something is left to do."""
    from mqn.search.budget.standstill import stall_of
    from mqn.search.space.ending import OFF
    from mqn.search.study.commands import resume_command, say_held

    study, states, confirming = standing.study, standing.states, standing.confirmations
    space, points = study.about.space_name, len(study.space.grid())
    usual = points or study.space.trials
    goal = study.goal or usual
    command = functools.partial(
        resume_command, study.name, space, profile=profile, trials=None if goal == usual else goal
    )
    begun = sum(states.values()) - states["waiting"]
    held, stalled = say_held(standing.records, command()), stall_of(study.optuna, study.begun())
    cut_short = states["interrupted"] + states["paused"] + confirming["interrupted"] + confirming["waiting"] > 0
    for line in held:
        output.line(line)
    if stalled and not held and not cut_short:
        output.line(f"{stalled}; go on with: {command(stall=OFF)}")
    elif not held and (cut_short or begun < goal):
        output.line(f"go on with: {command()}")
    if states["failed"]:
        output.line(f"try the failed ones again with: {command(retry_failed=True)}")
