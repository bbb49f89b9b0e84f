"""What a new study takes over from earlier ones."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from mqn.errors import UsageError
from mqn.quantities import figures_by_name
from mqn.records import TrialRecord
from mqn.search.samplers.frontier.prior import PriorTrial, prior_attribute
from mqn.search.space.settling import settle
from mqn.search.space.space import Space
from mqn.search.storage.store import StudyStore
from mqn.search.study.measuring_conditions import same_devices
from mqn.search.study.studies import open_study
from mqn.search.study.study import Study
from mqn.search.study.trials import records
from mqn.search.trials.knowledge import FLOAT, float_attribute, read_knowledge


def check_warm_start(names: Sequence[str], where: str | StudyStore, space: Space, *, simulated: bool) -> None:
    """Make sure that earlier studies can be learnt from.

    Args:
        names: of the earlier studies.
        where: the database of all.
        space: of the new study.
        simulated: whether the new study is.

    Raises:
        UnknownNameError: there is no such study; names the nearest.
        UsageError: the sampler does not learn from other studies, or only one of the two is simulated.
    """
    for name in names:
        if space.sampler != "frontier":
            raise UsageError(
                f"--warm-start {name}: the sampler {space.sampler} of {space.source} learns from no other study; "
                'write sampler = "frontier"'
            )
        if open_study(name, where).about.simulated != simulated:
            raise UsageError(f"--warm-start {name}: figures of a simulation and real ones do not mix")


def warm_start(study: Study, tell: Callable[[str], object]) -> None:
    """Let a study's sampler learn from the studies that it names, once. `tell` hears what fits, a line a study.

    Accuracy, losses and curves carry over from every trial whose point lies in this study's space. What a device told
    carries over where it is the same device, by its id, with the same settings of measurements.
    """
    names = study.about.warm_start
    if not names or study.prior:
        return
    trials: list[PriorTrial] = []
    for name in dict.fromkeys(names):
        earlier = open_study(name, study.store)
        same = same_devices(earlier, study)
        found, outside, count = _fitting(earlier, study.space, same)
        trials += found
        tell(_words(name, len(found), count, outside, same))
    study.keep_prior(prior_attribute(trials))


def _fitting(study: Study, space: Space, targets: Collection[str]) -> tuple[list[PriorTrial], list[str], int]:
    """The trials that lie in the space, the keys by which others do not, and how many trials there were."""
    ended = [record for record in records(study) if record.state == "complete"]
    frozen = {trial.number: trial for trial in study.trials()}
    varied = {dimension.key for dimension in study.space.dimensions}
    found, outside = [], dict[str, None]()
    for record in ended:
        flat = record.candidate.flat()
        unfit = _unfit(flat, space, varied)
        point = None if unfit else settle(space, flat)
        if point is None:
            outside |= dict.fromkeys(unfit or [one.key for one in space.dimensions if one.key not in flat])
            continue
        found.append(
            PriorTrial(
                study=study.name,
                point=point,
                figures=_figures(record, targets),
                float_accuracy=float_attribute(record.figures)[FLOAT],
                curve=read_knowledge(frozen[record.number]).curve,
            )
        )
    return found, list(outside), len(ended)


def _unfit(flat: Mapping[str, Any], space: Space, varied: set[str]) -> list[str]:
    """The keys by which a candidate does not lie in a space."""
    keys = {dimension.key for dimension in space.dimensions}
    fixed = space.candidate(flat if not keys else {key: flat[key] for key in keys & flat.keys()}).flat()
    unfit = [one.key for one in space.dimensions if one.active(flat) and one.nearest(flat.get(one.key)) is None]
    return unfit + [key for key in sorted(varied - keys) if key != "training.seed" and fixed.get(key) != flat.get(key)]


def _figures(record: TrialRecord, targets: Collection[str]) -> dict[str, float]:
    """Accuracy, size and the like, and what the same devices told."""
    kept = {target: figures for target, figures in record.device_figures.items() if target in targets}
    first = next(iter(record.device_figures), None)
    return figures_by_name(record.figures, kept, first if first in kept else "")


def _words(name: str, fitting: int, count: int, outside: Sequence[str], targets: Collection[str]) -> str:
    rest = f"; the others lie outside this space by {', '.join(outside)}" if outside else ""
    told = f"latency on {', '.join(targets)} too" if targets else "latency does not, its devices are others"
    return f"warm start from {name}: {fitting} of {count} trials fit; accuracy carries over, {told}{rest}"
