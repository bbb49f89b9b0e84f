"""What a user asks of a search."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from mqn.errors import UsageError, nearest
from mqn.profile import Profile
from mqn.profile_tables.budget import COUNTED, MOST_TRIALS, TIMED, BudgetProfile
from mqn.profile_tables.ray import RayProfile
from mqn.records import Verdict
from mqn.search.space.ending import MOST_SEEDS, Confirm, Stall, parse_stall
from mqn.search.space.space import Space

ACCEPTABLE = ("ok", "contended", "unsteady", "throttled")
"""Verdicts about the machine, which a user may accept; those about the model are none."""

_BUDGETS = tuple(name for name in (*COUNTED, *TIMED) if name not in ("trials", "hours"))
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
        budget: further budgets by name (`mqn.profile_tables.budget`), in place of the profile's.
        targets: what every trial is measured on; empty: what the profile says.
        checkpoint: a trained network that every trial takes; None: what the space says, else trainings.
        retry_failed: with `resume`: evaluate the candidates of failed trials once more.
        weight: of the study on a shared cluster; None: the profile's.
        warm_start: earlier studies that the sampler of a new one learns from.
        accept: verdicts that make a measurement count in this run, beyond those that the profile accepts.
        stall: when the study ends because its front has stalled, as `--stall` takes it; None: as the space says.
        confirm: with how many further seeds the front is trained again when the search is over; None: as the space
            says.
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
    budget: Mapping[str, float] = field(default_factory=dict)
    targets: tuple[str, ...] = ()
    checkpoint: str | None = None
    retry_failed: bool = False
    weight: float | None = None
    accept: tuple[str, ...] = ()
    stall: str | None = None
    confirm: int | None = None
    warm_start: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check numbers and words. A UsageError names the option, what was given, and what is allowed."""
        _whole("--trials", self.trials, 1, MOST_TRIALS)
        _whole("--parallel", self.parallel, 1, _MOST_PARALLEL)
        _whole("--seed", self.seed, 0, 2**32 - 1)
        _whole("--confirm", self.confirm, 1, MOST_SEEDS)
        parse_stall(self.stall)
        if self.hours is not None and not (math.isfinite(self.hours) and self.hours > 0):
            raise UsageError(f"--hours {self.hours:g} must be a number above 0")
        if self.weight is not None:
            try:
                RayProfile(weight=self.weight)
            except ValueError as error:
                raise UsageError(f"--{error}") from error
        _check_budget(self.budget)
        for verdict in self.accept:
            if verdict not in ACCEPTABLE:
                raise UsageError(f"--accept {verdict!r}: {nearest(verdict, ACCEPTABLE)}")
        if self.warm_start and self.resume:
            raise UsageError("--warm-start is for new studies, and one that goes on keeps its own: leave it out")
        if self.retry_failed and not self.resume:
            raise UsageError("--retry-failed goes on with a study: add --resume")

    def ending(self, space: Space) -> tuple[Stall | None, Confirm | None]:
        """When the study ends, and how its front is confirmed: a space's tables, but for what the command line says.

        Raises:
            UsageError: the space trains nothing, so that nothing can stall or be confirmed.
        """
        for option, given in (("--stall", self.stall), ("--confirm", self.confirm)):
            if space.trained and given is not None:
                raise UsageError(
                    f"{option} {given}: every trial takes a checkpoint, so there is nothing to train again; leave "
                    f"{option} out"
                )
        stall = space.stall if self.stall is None else parse_stall(self.stall)
        return stall, space.confirm if self.confirm is None else Confirm(seeds=self.confirm)

    def settle(self, profile: Profile) -> Profile:
        """A profile with what the command line says instead of it.

        Raises:
            UsageError: a weight is given, and the profile's Ray has no other studies.
        """
        words = tuple(dict.fromkeys((*profile.measure.accept, *cast(tuple[Verdict, ...], self.accept))))
        ray = profile.ray if self.weight is None else replace(profile.ray, weight=self.weight)
        if self.weight is not None and profile.ray.local:
            raise UsageError(f"--weight is for a cluster that studies share; {self.profile!r} starts a Ray of its own")
        return replace(profile, measure=replace(profile.measure, accept=words), ray=ray)

    def limits(self, budget: BudgetProfile) -> BudgetProfile:
        """What the study may spend: a profile's budget, but for what the command line says."""
        given: dict[str, Any] = dict(self.budget)
        if self.hours is not None:
            given["hours"] = self.hours
        return replace(budget, **given)


def parse_budget(words: Sequence[str] | None) -> dict[str, float]:
    """Read `--budget` options: words of the form NAME=NUMBER. A UsageError says what is wrong with one."""
    budget: dict[str, float] = {}
    for word in words or ():
        name, separator, text = word.partition("=")
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not separator or math.isnan(number):
            raise UsageError(f"--budget {word!r}: write NAME=NUMBER, for example --budget trainings=20")
        budget[name] = int(number) if number.is_integer() else number
    return budget


def _check_budget(budget: Mapping[str, Any]) -> None:
    for name, number in budget.items():
        if name in ("trials", "hours"):
            raise UsageError(f"--budget {name}={number:g}: write --{name} {number:g}")
        if name not in _BUDGETS:
            raise UsageError(f"--budget {name}={number:g}: {nearest(name, _BUDGETS)}")
        if name in COUNTED and not isinstance(number, int):
            raise UsageError(f"--budget {name}={number:g} must be a whole number")
        try:
            replace(BudgetProfile(), **{name: number})
        except ValueError as error:
            raise UsageError(f"--budget {error}") from error


def _whole(option: str, given: int | None, low: int, high: int) -> None:
    if given is not None and not low <= given <= high:
        raise UsageError(f"{option} {given} must be {low} to {high}")
