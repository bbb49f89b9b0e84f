"""How much of a cluster each of several drivers may use: pure functions of numbers.

A share is fair where nobody can get more of what he wants without somebody getting less who has no more for his weight
(weighted max-min fairness). What others do not want may be used. Drivers of a higher priority come first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_TINY = 1e-9

Amounts = Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one driver wants.

    Attributes:
        weight: of two drivers that want more than there is, one of twice the weight gets twice as much.
        priority: drivers of a higher one come first, whatever the weights.
        wanted: what its jobs that run and wait would take together, by resource.
        unit: what its largest job takes: less is of no use to it.
    """

    weight: float = 1.0
    priority: int = 0
    wanted: Amounts = field(default_factory=dict)
    unit: Amounts = field(default_factory=dict)


def fair_shares(total: Amounts, claims: Mapping[str, Claim]) -> dict[str, dict[str, float]]:
    """What each driver may use of each resource, in whole jobs; what is left over anybody may use.

    Args:
        total: what there is, by resource.
        claims: by driver.

    Returns:
        By driver and resource. Each has what is its own, and all that nobody claims.
    """
    found: dict[str, dict[str, float]] = {name: {} for name in claims}
    for resource, amount in total.items():
        own = _whole_jobs(resource, amount, claims, _divide(resource, amount, claims))
        left = max(0.0, amount - sum(own.values()))
        for name, part in own.items():
            found[name][resource] = part + left
    return found


def _divide(resource: str, amount: float, claims: Mapping[str, Claim]) -> dict[str, float]:
    """Fair shares as if jobs were as small as one likes."""
    own = dict.fromkeys(claims, 0.0)
    left = amount
    for priority in sorted({claim.priority for claim in claims.values()}, reverse=True):
        open_ = {
            name: claim.wanted.get(resource, 0.0)
            for name, claim in claims.items()
            if claim.priority == priority and claim.wanted.get(resource, 0.0) > 0
        }
        while open_ and left > _TINY:
            level = left / sum(claims[name].weight for name in open_)
            content = {name: wanted for name, wanted in open_.items() if wanted <= level * claims[name].weight}
            if not content:
                for name in open_:
                    own[name] = level * claims[name].weight
                return own
            for name, wanted in content.items():
                own[name] = wanted
                left -= wanted
                del open_[name]
    return own


def _whole_jobs(resource: str, amount: float, claims: Mapping[str, Claim], own: dict[str, float]) -> dict[str, float]:
    """Round shares to whole jobs: down, and what that leaves goes to those who have lost most by it."""
    units = {name: claims[name].unit.get(resource, 0.0) for name in own}
    whole = {name: _floor(part, units[name]) for name, part in own.items()}
    left = amount - sum(whole.values())
    while True:
        lost = {
            name: (claims[name].priority, (own[name] - whole[name]) / units[name], claims[name].weight, name)
            for name in own
            if 0 < units[name] <= left + _TINY and whole[name] + _TINY < claims[name].wanted.get(resource, 0.0)
        }
        if not lost:
            return whole
        name = max(lost, key=lost.__getitem__)
        whole[name] += units[name]
        left -= units[name]


def _floor(part: float, unit: float) -> float:
    return part if unit <= 0 else unit * int(part / unit + _TINY)
