"""Which layers get which scheme: plans from fast to accurate, out of what each layer costs and what it loses alone.

Every plan begins with one scheme a side. Then rules give layers, or all of a module, a better scheme again, one at a
time: the rule that wins back most PSNR-TM for what it costs, until little is lost or there are as many rules as a
person still reads. What these paths pass is the pool. Within each of some shares of a budget the fastest plan of it is
suggested, and the smallest: of the pool, or of what becomes of the fastest where 4-bit kernels go in.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

import numpy as np

from mqn.export.choose.costs import SCHEMES, OperatorCosts
from mqn.export.quantize.rules import front_module, layer_name, matches
from mqn.export.quantize.schemes import WEIGHTED
from mqn.hdr.codec import output_range
from mqn.pareto import front_mask
from mqn.records import LayerSensitivity, Plan, Prediction, Scheme, Sensitivity
from mqn.records.suggestion import Side
from mqn.tflite.cutting import upstream
from mqn.tflite.flatbuffer import Network

SHARES = (0.25, 1.0, 3.0, 8.0)
"""Of the budget: a plan for each, by time and by bytes. Where most of the accuracy is gone, nobody starts a search."""

MOST_RULES = 8
_LEAST_GAIN = 0.05
"""Of the loss that is left: without it the cheapest rules, which win back nothing, would come first."""

_LEAST_SAVING = 0.05
"""Of bytes: a plan that loses more, or takes longer, is a suggestion for its size only where it saves so much."""

_BETTER: tuple[Scheme, ...] = ("float32", "static_wi8_ai8", "dynamic_wi8_afp32")
_BACKBONES: tuple[Scheme, ...] = SCHEMES
_HEADS: tuple[Scheme, ...] = ("static_wi8_ai8", "dynamic_wi8_afp32", "float32")

Losses = Mapping[tuple[str, str], float]
"""By layer and scheme: the PSNR-TM in dB that is lost where the layer alone has the scheme."""


def layer_losses(found: Iterable[Sensitivity], codec: str) -> dict[tuple[str, str], float]:
    """What every layer loses under every scheme that it was tried with (one `found` a scheme), carefully.

    A layer's error moves PSNR-TM up as often as down where it is small, and some pictures like even a large one. A
    search for the best sum would find those gains, which other pictures do not have. So a layer loses what it lost, and
    at least what random errors of the output as large as its own cost on top of the network's.
    """
    low, high = output_range(codec)
    return {
        (layer.layer, layer.scheme): max(
            layer.psnr_tm_drop, _cost_of_random_errors(layer, one.psnr_tm_float, high - low)
        )
        for one in found
        for layer in one.layers
    }


def _cost_of_random_errors(layer: LayerSensitivity, psnr_tm_float: float, span: float) -> float:
    if layer.output_psnr is None:
        return 0.0
    # Code values and tone-mapped light are curved much alike; the codes take a part of [0, 1] only.
    squares = 10 ** (-layer.output_psnr / 10) / span**2
    return float(10 * np.log10(1 + squares / 10 ** (-psnr_tm_float / 10)))


SideRatios = Mapping[tuple[Side, Scheme], float]
"""By side and scheme: the time of the side over its time in float32, as a device took it."""


def suggest(
    network: Network, tensor: str, base: Plan, losses: Losses, budget: float, ratios: SideRatios | None = None
) -> tuple[Prediction, ...]:
    """Plans from fast to accurate.

    Args:
        network: the float network, whole.
        tensor: name of the tensor at the plan's cut.
        base: gives cut, layout and calibration; its schemes and rules do not count.
        losses: what `layer_losses` gives; a layer that is not there loses nothing.
        budget: PSNR-TM in dB that may be lost; above 0.
        ratios: what times are estimated from; None: rates of one x86-64 processor (`mqn.export.choose.costs`).

    Returns:
        A handful, the fastest first, none twice. The last ones lose next to nothing; the plan that leaves everything in
        float is not among them.

    Raises:
        PlanError: no tensor of that name.
    """
    allocator = _Allocator(network, tensor, losses, ratios or {})
    pool = [found for start in _starts() for found in allocator.paths(start, SHARES[0] * budget)]
    quantized = [one for one in pool if allocator.quantizes(one)]
    chosen: dict[tuple[float, float, int], _Choice] = {}
    least_bytes = math.inf
    for share in SHARES:
        within = [one for one in quantized if one.loss <= share * budget]
        if not within:
            continue
        fastest = min(within, key=lambda one: (one.time, one.loss, len(one.rules)))
        smaller = [*within, *allocator.shrink(fastest, share * budget)]
        smallest = min(smaller, key=lambda one: (one.weight_bytes, one.loss, len(one.rules)))
        saves = smallest.weight_bytes <= (1 - _LEAST_SAVING) * min(least_bytes, fastest.weight_bytes)
        least_bytes = min(least_bytes, smallest.weight_bytes)
        for one in (fastest, smallest) if saves else (fastest,):
            chosen.setdefault((one.loss, one.time, one.weight_bytes), one)
    unbeaten = itertools.compress(chosen.values(), front_mask(list(chosen)))
    return tuple(
        Prediction(
            plan=replace(base, backbone=one.schemes[0], head=one.schemes[1], rules=one.rules),
            loss=one.loss,
            time=one.time,
            weight_bytes=one.weight_bytes,
        )
        for one in sorted(unbeaten, key=lambda one: (one.time, one.weight_bytes))
    )


def side_losses(network: Network, tensor: str, losses: Losses) -> dict[tuple[Side, Scheme], float]:
    """PSNR-TM in dB that each side loses under each scheme: the sum of what its layers lose alone.

    Args:
        network: the float network, whole.
        tensor: name of the tensor at the cut.
        losses: what `layer_losses` gives.
    """
    before = upstream(network, tensor)
    found: dict[tuple[Side, Scheme], float] = {}
    for position, operator in enumerate(network.operators):
        side: Side = "backbone" if position in before else "head"
        for scheme in SCHEMES:
            lost = losses.get((layer_name(network, operator), scheme), 0.0)
            found[side, scheme] = found.get((side, scheme), 0.0) + lost
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    """A plan on its way: schemes of both sides, rules behind them, and what comes of it.

    `asked` (N,) is an index into `SCHEMES` for every operator; a rule is a pattern and a scheme.
    """

    schemes: tuple[Scheme, Scheme]
    rules: tuple[tuple[str, Scheme], ...]
    asked: np.ndarray
    loss: float
    time: float
    weight_bytes: int


_Cost = Callable[[_Choice], float]


_by_time, _by_bytes = attrgetter("time"), attrgetter("weight_bytes")


def _starts() -> Iterator[tuple[tuple[Scheme, Scheme], _Cost]]:
    """Schemes of both sides, and what it is that rules shall cost little of. 4-bit kernels save bytes, never time."""
    for backbone, head, cost in itertools.product(_BACKBONES, _HEADS, (_by_time, _by_bytes)):
        if backbone != "static_wi4_ai8" or cost is _by_bytes:
            yield (backbone, head), cost


class _Allocator:
    """Follows paths on one network."""

    def __init__(self, network: Network, tensor: str, losses: Losses, ratios: SideRatios) -> None:
        self._costs = OperatorCosts(network)
        self._names = [layer_name(network, operator) for operator in network.operators]
        self._all = np.arange(len(self._names))
        before = upstream(network, tensor)
        self._in_backbone = np.array([position in before for position in range(len(self._names))])
        for (side, scheme), ratio in ratios.items():
            self._costs.scale(self._in_backbone if side == "backbone" else ~self._in_backbone, scheme, ratio)
        self._losses = np.array([[losses.get((name, scheme), 0.0) for name in self._names] for scheme in SCHEMES])
        weighted = [network.kind(operator) in WEIGHTED for operator in network.operators]
        self._units = _units([name for name, it in zip(self._names, weighted, strict=True) if it], self._names)

    def quantizes(self, one: _Choice) -> bool:
        """Whether anything is left that is not in float."""
        return bool(self._costs.carried(one.asked).any())

    def paths(self, start: tuple[tuple[Scheme, Scheme], _Cost], enough: float) -> Iterator[_Choice]:
        """Every choice that one path passes until so little is lost; none where a side would stay in float."""
        (backbone, head), cost = start
        asked = np.where(self._in_backbone, SCHEMES.index(backbone), SCHEMES.index(head))
        carried = self._costs.carried(asked)
        for side, scheme in ((self._in_backbone, backbone), (~self._in_backbone, head)):
            if scheme != "float32" and not carried[side].any():
                return
        one = self._choice((backbone, head), (), asked)
        yield one
        while one.loss > enough and len(one.rules) < MOST_RULES:
            suffering = self._losses[self._costs.carried(one.asked), self._all] > 0
            moves = self._moves(one, _BETTER, suffering)
            better = [other for other in moves if one.loss - other.loss >= _LEAST_GAIN * one.loss]
            if not better:
                return
            here = one
            one = max(better, key=lambda other: _worth(here, other, cost))
            yield one

    def shrink(self, one: _Choice, limit: float) -> Iterator[_Choice]:
        """Put 4-bit kernels in place of 8-bit ones: those first that save most bytes for what is lost."""
        while len(one.rules) < MOST_RULES:
            integer = self._costs.carried(one.asked) == SCHEMES.index("static_wi8_ai8")
            moves = self._moves(one, ("static_wi4_ai8",), integer)
            smaller = [other for other in moves if other.loss <= limit and other.weight_bytes < one.weight_bytes]
            if not smaller:
                return
            here = one
            # What loses next to nothing goes by its bytes alone.
            one = max(
                smaller,
                key=lambda other: (
                    (here.weight_bytes - other.weight_bytes) / max(other.loss - here.loss, _LEAST_GAIN * limit)
                ),
            )
            yield one

    def _moves(self, one: _Choice, schemes: Sequence[Scheme], touched: np.ndarray) -> Iterator[_Choice]:
        """All that one more rule can make of a choice, where it reaches an operator that is `touched`, (N,) bools."""
        for pattern, members in self._units.items():
            if not touched[members].any():
                continue
            # What a later rule covers wholly says nothing any more.
            left = tuple(rule for rule in one.rules if not set(self._units[rule[0]]) <= set(members))
            for scheme in schemes:
                asked = one.asked.copy()
                asked[members] = SCHEMES.index(scheme)
                # A rule that nothing within it can follow is refused.
                if (self._costs.carried(asked)[members] == SCHEMES.index(scheme)).any():
                    yield self._choice(one.schemes, (*left, (pattern, scheme)), asked)

    def _choice(
        self, schemes: tuple[Scheme, Scheme], rules: tuple[tuple[str, Scheme], ...], asked: np.ndarray
    ) -> _Choice:
        carried = self._costs.carried(asked)
        return _Choice(
            schemes=schemes,
            rules=rules,
            asked=asked,
            loss=float(self._losses[carried, self._all].sum()),
            time=self._costs.time(asked),
            weight_bytes=self._costs.weight_bytes(asked),
        )


def _worth(one: _Choice, other: _Choice, cost: _Cost) -> float:
    """What a move wins back for what it costs; a move that costs nothing is worth most."""
    return (one.loss - other.loss) / max(cost(other) - cost(one), 1e-9 * cost(one))


def _units(layers: Sequence[str], names: Sequence[str]) -> dict[str, list[int]]:
    """What a rule may name: layers with weights and the modules around them, each by its shortest pattern."""
    patterns, front = set(), front_module(names)
    for layer in layers:
        parts = layer.removeprefix(front).split(".")
        patterns |= {".".join(parts[:length]) for length in range(1, len(parts) + 1)}
    units: dict[tuple[int, ...], str] = {}
    for pattern in sorted(patterns, key=lambda pattern: (len(pattern), pattern)):
        members = tuple(position for position, name in enumerate(names) if matches(pattern, name, front))
        units.setdefault(members, pattern)
    return {pattern: list(members) for members, pattern in units.items()}
