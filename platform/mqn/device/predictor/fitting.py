"""Rates for each kind of operator, fitted from profiles of one device.

Operators of the runtime and of the graph are not matched one by one: delegates fuse, split and rename them. What is
fitted is each family's total in a model (all its convolutions, ...), from what the graph asks of that family.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mqn.device.predictor.graph import MULTIPLYING, OTHER, OpFeatures
from mqn.device.predictor.profiles import KeptProfile

MODELS_A_RATE = 2
"""A key's second rate is fitted from twice as many models at least, its third from three times as many."""

_RIDGE = 1e-3
# The names that runtimes use, in the order of search: XNNPACK's `Convolution (NHWC, F32) DWConv` is
# depthwise.
_WORDS = (
    ("depthwise", "depthwise"),
    ("dwconv", "depthwise"),
    ("deconvolution", "transposed"),
    ("transpose_conv", "transposed"),
    ("transposed convolution", "transposed"),
    ("convolution", "convolution"),
    ("conv_2d", "convolution"),
    ("fully connected", "matrix"),
    ("fully_connected", "matrix"),
    ("batch matrix multiply", "matrix"),
    ("batch_matmul", "matrix"),
)

# A convolution may be run as a product of matrices, and the other way round.
_STAND_INS = {"matrix": ("convolution",), "convolution": ("matrix",), "transposed": ("convolution",)}

Key = tuple[str, str, str]
"""Family, kind and dtype: operators that share one cost alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What operators of one key cost, in ms; none is negative."""

    per_million_macs: float
    per_megabyte: float
    per_operator: float


def family_times(kept: KeptProfile) -> dict[str, float]:
    """What each family of operators takes in a profiled model, in ms.

    What the runtime runs as a family that this graph has no operator of is charged to the nearest that it has.
    """
    asked = {feature.family for feature in kept.features}
    times: dict[str, float] = defaultdict(float)
    for op in kept.profile.ops:
        family = runtime_family(op.kind)
        nearest = (family, *_STAND_INS.get(family, ()), OTHER)
        times[next((name for name in nearest if name in asked), OTHER)] += op.mean_ms
    return dict(times)


def runtime_family(kind: str) -> str:
    """The family of an operator as the runtime names it: `Convolution (NHWC, QS8) IGEMM` is a `convolution`."""
    lower = kind.lower()
    return next((family for word, family in _WORDS if word in lower), OTHER)


def fit(profiles: Sequence[KeptProfile]) -> dict[Key, Rate]:
    """Fit one device's rates family by family. Errors are relative, so that every model weighs the same."""
    times = [family_times(kept) for kept in profiles]
    weights = np.array([1.0 / max(sum(of_model.values()), 1e-9) for of_model in times])
    rates: dict[Key, Rate] = {}
    for family in (*dict.fromkeys(MULTIPLYING.values()), OTHER):
        keys = sorted({key for kept in profiles for key in map(_key, kept.features) if key[0] == family})
        if not keys:
            continue
        wanted = np.array([of_model.get(family, 0.0) for of_model in times])
        asked = np.array([_totals(kept.features, keys) for kept in profiles])
        asked = _leave_out(asked, multiplying=family != OTHER)
        found = _solve(asked * weights[:, None], wanted * weights)
        for index, key in enumerate(keys):
            macs, moved, each = map(float, found[3 * index : 3 * index + 3])
            rates[key] = Rate(per_million_macs=macs, per_megabyte=moved, per_operator=each)
    return rates


def predict_features(features: Sequence[OpFeatures], rates: Mapping[Key, Rate]) -> float:
    """Sum up what operators cost, in ms. A key that no profile has costs what the most similar key does."""
    total = 0.0
    for feature in features:
        rate = rates.get(_key(feature)) or _guess_rate(feature, rates)
        total += rate.per_million_macs * feature.macs / 1e6
        total += rate.per_megabyte * feature.bytes / 1e6 + rate.per_operator
    return total


def _key(feature: OpFeatures) -> Key:
    return feature.family, feature.kind, feature.dtype


def _totals(features: Sequence[OpFeatures], keys: Sequence[Key]) -> list[float]:
    """Of each key: millions of multiply-accumulates, megabytes, operators."""
    totals = {key: [0.0, 0.0, 0.0] for key in keys}
    for feature in features:
        if (found := totals.get(_key(feature))) is not None:
            found[0] += feature.macs / 1e6
            found[1] += feature.bytes / 1e6
            found[2] += 1.0
    return [value for key in keys for value in totals[key]]


def _leave_out(asked: np.ndarray, *, multiplying: bool) -> np.ndarray:
    """Let a key have only as many rates as its models can tell apart; the others become columns of zeros.

    Three rates of three models fit those exactly and mean nothing: the cost of an operator that does nothing took
    what multiplications cost.
    """
    order = (0, 1, 2) if multiplying else (1, 2, 0)  # The rate that explains most comes first.
    kept = asked.copy()
    for start in range(0, asked.shape[1], 3):
        models = int((asked[:, start + 2] > 0).sum())
        for rank, column in enumerate(order):
            if rank and models < MODELS_A_RATE * (rank + 1):
                kept[:, start + column] = 0.0
    return kept


def _solve(asked: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Least squares without negative rates: an operator may cost nothing, and never less."""
    from scipy.optimize import nnls

    # Columns of one length, and a small ridge: models of one design vary macs and bytes together.
    lengths = np.linalg.norm(asked, axis=0)
    lengths[lengths == 0] = 1.0
    count = asked.shape[1]
    a = np.vstack([asked / lengths, _RIDGE * np.eye(count)])
    rates: np.ndarray = nnls(a, np.concatenate([wanted, np.zeros(count)]), maxiter=100 * count)[0]
    return rates / lengths


def _guess_rate(feature: OpFeatures, rates: Mapping[Key, Rate]) -> Rate:
    """The middle of what the nearest kin of an unknown operator cost.

    The dearest of them would not do: one odd rate (an arithmetic that the runtime does not have and imitates) made a
    whole model of 25 ms look like seconds.
    """
    multiplies = feature.family != OTHER
    like = {key: rate for key, rate in rates.items() if (key[0] != OTHER) == multiplies}
    circles = (
        [rate for key, rate in like.items() if key[0] == feature.family and key[2] == feature.dtype],
        [rate for key, rate in like.items() if key[2] == feature.dtype],
        [rate for key, rate in like.items() if key[0] == feature.family],
        list(like.values()),
    )
    kin = next((circle for circle in circles if circle), list(rates.values()))
    return Rate(
        per_million_macs=statistics.median(rate.per_million_macs for rate in kin),
        per_megabyte=statistics.median(rate.per_megabyte for rate in kin),
        per_operator=statistics.median(rate.per_operator for rate in kin),
    )
