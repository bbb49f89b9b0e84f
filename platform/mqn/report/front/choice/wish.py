"""What a user asks for when a trial is picked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mqn.errors import UnknownNameError
from mqn.quantities import quantity, split_target
from mqn.report.front.choice.limits import limits_of, on_devices
from mqn.report.front.points import Axis
from mqn.search.space.goals import Constraint, Objective


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked for.

    Attributes:
        by: the figure to be best in; None: the knee of the front.
        at_most: largest value by figure.
        at_least: smallest value by figure.
        devices: targets whose figures count. A limit that names none holds on each of them, and `by` is the worst of
            theirs. Empty: names without a target mean the study's first.
    """

    by: str | None = None
    at_most: Mapping[str, float] = field(default_factory=dict)
    at_least: Mapping[str, float] = field(default_factory=dict)
    devices: tuple[str, ...] = ()

    @property
    def limits(self) -> tuple[Constraint, ...]:
        """The limits, on every device one. An `UnknownNameError` if there is no such figure."""
        return limits_of(self.at_most, self.at_least, self.devices)

    @property
    def text(self) -> str:
        """The limits in words: ` within latency_ms <= 20 on board and phone`; empty without any."""
        texts = [text for limit in limits_of(self.at_most, self.at_least, ()) for text in limit.texts]
        where = f" on {' and '.join(self.devices)}" if self.devices and texts else ""
        return f" within {', '.join(texts)}{where}" if texts else ""

    def deciding(self, objectives: Sequence[Objective]) -> tuple[Axis, ...]:
        """What decides: the figure to be best in, on each device; or the objectives, but those of other devices.

        Raises:
            UnknownNameError: there is no such figure, or every objective is of another device.
        """
        if self.by is not None:
            found = (quantity(name) for name in on_devices(self.by, self.devices))
            return tuple(Axis(quantity=one, direction=one.direction) for one in found)
        count = {one: split_target(one.metric)[1] for one in objectives}
        own = [one for one, target in count.items() if not self.devices or target in (None, *self.devices)]
        if not own:
            others = [target for target in count.values() if target is not None]
            raise UnknownNameError("device", self.devices[0], others, "every objective is one of theirs")
        return tuple(
            Axis(quantity=quantity(name), direction=one.settled)
            for one in own
            for name in on_devices(one.metric, self.devices)
        )
