"""What a fault is, and what it may do to."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.lab.faults.driver_process import DriverProcess
from tests.lab.faults.field import Field


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a fault acts on.

    Attributes:
        field: servers, nodes, devices, disk, clocks.
        drivers: of the study that runs.
        dice: chooses among several targets, and lengths; a fault's own, from the seed and its number.
    """

    field: Field
    drivers: list[DriverProcess]
    dice: random.Random

    def awake(self) -> list[DriverProcess]:
        """The drivers that run and are not frozen."""
        return [driver for driver in self.drivers if driver.runs and not driver.frozen]


@dataclass(frozen=True, slots=True, kw_only=True)
class Injected:
    """A fault that has happened.

    Attributes:
        what: in words, with its target.
        seconds: how long it lasts; 0: it is over.
        heal: what ends it; returns what was done, in words.
    """

    what: str
    seconds: float = 0.0
    heal: Callable[[], str] | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which something fails.

    Attributes:
        name: for the plan.
        component: what fails; of one component only one thing fails at a time.
        inject: lets it happen; None: there is nothing now that it could happen to.
        weight: how often it is drawn, against the others.
        can: whether it can happen on a field at all.
    """

    name: str
    component: str
    inject: Callable[[Scene], Injected | None]
    weight: float = 1.0
    can: Callable[[Field], bool] = lambda _: True
