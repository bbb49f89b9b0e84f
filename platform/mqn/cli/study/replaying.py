"""`mqn status --replay-rungs`: what stopping trainings early would have done in a study that has run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mqn.cli import output

if TYPE_CHECKING:
    from mqn.profile import Profile
    from mqn.records import TrialRecord
    from mqn.report.rungs.past import Replayed
    from mqn.search.study.study import Study


def show_replay(study: Study, profile: Profile, *, json: bool) -> None:
    """Say whether a member of the front would have been stopped, and how many epochs would have been saved.

    Raises `StudyError` if the study has no curves.
    """
    from mqn.report.front.front import front
    from mqn.report.rungs.past import replay_study
    from mqn.search.study.trials import records

    replayed = replay_study(study, lambda unread: _read_curves(unread, profile))
    found = front(records(study), study.space.objectives)
    lost = [point.record for point in found.points if point.record.number in replayed.stopped]
    if json:
        output.document(_document(study, replayed, lost))
    else:
        _tell(study, replayed, lost)


def _read_curves(unread: Sequence[TrialRecord], profile: Profile) -> Mapping[int, Sequence[float]]:
    from mqn.report.pages.view import read_curves
    from mqn.search.artifacts import ArtifactStore
    from mqn.search.stages.train import VALIDATION
    from mqn.search.work.steps import last_part

    told = read_curves(unread, ArtifactStore.of(profile.storage)) if unread else {}
    curves = {}
    for record in unread:
        epochs = told.get(last_part(record.artifacts) or "", [])
        curves[record.number] = [epoch[VALIDATION] for epoch in epochs if epoch.get(VALIDATION) is not None]
    return curves


def _tell(study: Study, replayed: Replayed, lost: Sequence[TrialRecord]) -> None:
    found, rungs = replayed.replay, replayed.rungs
    own = "its own rungs" if study.space.rungs_table else "the usual rungs"
    output.line(f"{study.name}, replayed with {own}: one of {rungs.factor} trainings that reach a rung goes on")
    output.line(f"trainings that would have been stopped: {len(found.stopped)} of {found.trainings}")
    output.line(
        f"epochs that would have been saved: {found.saved_epochs} of {found.epochs} "
        f"({found.saved_epochs / found.epochs:.0%})"
    )
    for record in lost:
        epochs = replayed.stopped[record.number]
        output.line(f"of its front this would have been stopped after epoch {epochs}: #{record.number} {record.label}")
    if not lost:
        output.line("no member of its front would have been stopped")


def _document(study: Study, replayed: Replayed, lost: Sequence[TrialRecord]) -> dict[str, Any]:
    found = replayed.replay
    return {
        "study": study.name,
        "rungs": replayed.rungs,
        "trainings": found.trainings,
        "stopped": len(found.stopped),
        "epochs": found.epochs,
        "saved_epochs": found.saved_epochs,
        "front_stopped": {record.number: replayed.stopped[record.number] for record in lost},
    }
