"""What earlier studies have taught: kept with a new study, and read by its sampler."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from mqn.search.samplers.frontier.layout import Layout, name_of
from mqn.search.samplers.frontier.learnt import Training
from mqn.search.space.dimensions import Params

PRIOR = "mqn:prior"
"""Optuna's system attribute of a study: trials of earlier studies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorTrial:
    """A trial of an earlier study.

    Attributes:
        study: whose it is.
        point: in the dimensions of the new study.
        figures: accuracy, and what devices told where they are the new study's too, by full name.
        float_accuracy: of the float network, by measure.
        curve: validation PSNR-TM in dB after each epoch.
    """

    study: str
    point: Params
    figures: dict[str, float] = field(default_factory=dict)
    float_accuracy: dict[str, float] = field(default_factory=dict)
    curve: tuple[float, ...] = ()


def prior_attribute(trials: Iterable[PriorTrial]) -> dict[str, Any]:
    """The attribute that keeps them, as JSON."""
    return {PRIOR: [asdict(trial) for trial in trials]}


def read_prior(attributes: Mapping[str, Any], layout: Layout) -> list[Training]:
    """The trainings of earlier studies, each of which knows its source."""
    found: dict[tuple[str, str], Training] = {}
    for plain in attributes.get(PRIOR, ()):
        held = layout.hold(plain["point"])
        training = found.setdefault((plain["study"], name_of(held)), Training(held, source=plain["study"]))
        training.note(layout.plan(plain["point"]), plain["figures"])
        training.float_accuracy.update(plain["float_accuracy"])
        training.curve = max(training.curve, tuple(plain["curve"]), key=len)
    return list(found.values())
