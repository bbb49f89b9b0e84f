"""The table `[gate]` of a space: what is measured and tuned before a training, and which constraints are hard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mqn.errors import ConfigError, UnknownNameError, nearest
from mqn.parsing import to_plain
from mqn.quantities import DEVICE_FIGURES, canonical, measure_of, quantity, split_target
from mqn.search.space.goals import Constraint
from mqn.search.space.trained import Trained

GIVE_UP = 30
_OTHERS = ("size_bytes", "parameters", "macs")

Tune = Literal["no", "each", "all"]
"""For whom a network's graph is tuned: not at all, a file for each device, one file for all devices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Before a network is trained, it is exported untrained and measured.

    Attributes:
        hard: figures whose constraints are hard: a candidate that breaks one is not trained. `latency_ms` means every
            target's. Without any the gate only measures.
        give_up: the study stops after so many gated candidates if none has passed.
        tune: whether the devices choose the rewrites of plans whose `lowering` is `auto`, before the training. `no`:
            the default stays. `each`: each device has a file of its own. `all`: one choice for all devices.
    """

    hard: tuple[str, ...] = ()
    give_up: int = GIVE_UP
    tune: Tune = "no"

    @property
    def plain(self) -> dict[str, Any]:
        """As the file says it. Without tuning that word is left out, as in older studies."""
        return {name: value for name, value in to_plain(self).items() if (name, value) != ("tune", "no")}

    def covers(self, metric: str) -> bool:
        """Whether the constraints on a figure are hard."""
        return any(_same(name, metric) for name in self.hard)


def known_at_gate(metric: str) -> bool:
    """Whether a figure is known without training: size, parameters, MACs, and what a device tells."""
    return measure_of(split_target(metric)[0]) is None


def check_gate(gate: Gate, constraints: Sequence[Constraint], trained: Trained | None, *, source: str) -> None:
    """Check the table against the constraints of its space, and against its trained network.

    Raises:
        ConfigError: a figure that only training gives, or that no constraint is on; or a number below 1; or tuning
            where nothing is trained.
    """
    if gate.tune != "no" and trained is not None:
        raise ConfigError(
            f"{source}: gate.tune = {gate.tune!r} tunes before a training, and every trial takes a checkpoint; leave "
            "it out, and tune what is selected: mqn export CHECKPOINT --tune DEVICE"
        )
    if gate.give_up < 1:
        raise ConfigError(f"{source}: gate.give_up {gate.give_up} must be at least 1")
    for i, name in enumerate(gate.hard):
        where = f"{source}: gate.hard[{i}]"
        try:
            metric = quantity(name).name
        except UnknownNameError as error:
            raise ConfigError(f"{where}: {error}") from error
        if not known_at_gate(metric):
            allowed = ", ".join((*_OTHERS, *sorted(DEVICE_FIGURES)))
            raise ConfigError(
                f"{where}: {metric} is known only after training, and constraints on accuracy stay soft; the gate "
                f"knows {allowed}"
            )
        if not any(_same(metric, constraint.metric) for constraint in constraints):
            named = [constraint.metric for constraint in constraints if known_at_gate(constraint.metric)]
            wanted = f"; {nearest(metric, named)}" if named else ""
            raise ConfigError(f"{where}: no constraint is on {metric}; add [[constraints]] metric = '{metric}'{wanted}")


def _same(name: str, metric: str) -> bool:
    """Whether two names of figures may mean the same figure: those without a target mean every target's."""
    first, second = split_target(canonical(name)), split_target(canonical(metric))
    return first[0] == second[0] and (None in (first[1], second[1]) or first[1] == second[1])
