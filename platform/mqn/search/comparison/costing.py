"""One row of a comparison: export, measure, score; what cannot be had is a row that says why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from mqn.errors import CandidateError, DeviceAwayError, DeviceError, MeasurementError, MqnError
from mqn.records import Interval, Measurement, NetworkCost
from mqn.search.comparison.contenders import Contender, Exported, Exporting

Measure = Callable[[Exported], Measurement]
"""Measures files on the device."""

Score = Callable[[Exported], Mapping[str, Interval]]
"""Scores files on pictures."""


def cost_of(
    contender: Contender,
    exporting: Exporting,
    measure: Measure | None,
    score: Score | None,
    tell: Callable[[str], object] = lambda _: None,
) -> NetworkCost:
    """Find out what a contender costs.

    Args:
        contender: what is compared.
        exporting: exports it.
        measure: measures its files; None: nothing is measured.
        score: scores them; None: nothing is scored. What is not trained is never scored.
        tell: told what is done, before it is.

    Raises:
        DeviceAwayError: the device went away: no later contender could be measured either.
    """
    row = NetworkCost(name=contender.name, family=contender.family)
    tell(f"{contender.name}: export")
    try:
        exported = exporting.export(contender)
    except CandidateError as error:
        return replace(row, why=f"not exported: {error}")
    row = replace(
        row,
        family=exported.family,
        plan=exported.plan,
        trained=exported.trained,
        parameters=exported.parameters,
        macs=exported.macs,
        side=exported.side,
        size_bytes=exported.size_bytes,
    )
    if measure is not None:
        tell(f"{contender.name}: measure")
        row = _measured(row, exported, measure)
    if score is not None and exported.trained:
        tell(f"{contender.name}: score")
        try:
            row = replace(row, accuracy=dict(score(exported)))
        except MqnError as error:
            row = replace(row, why="; ".join(filter(None, (row.why, f"not scored: {error}"))))
    return row


def _measured(row: NetworkCost, exported: Exported, measure: Measure) -> NetworkCost:
    try:
        found = measure(exported)
    except DeviceAwayError:
        raise
    except MeasurementError as error:
        kept = error.measurement
        if not isinstance(kept, Measurement) or kept.latency_ms is None:
            return replace(row, why=f"not measured: {error}")
        found, row = kept, replace(row, why=f"does not count: {kept.verdict}")
    except DeviceError as error:
        return replace(row, why=f"not measured: {error}")
    assert found.latency_ms is not None
    taken = [part.delegation for part in found.parts]
    return replace(
        row,
        latency_ms=found.latency_ms.p50,
        latency_range=found.latency_ms.p50_range,
        peak_memory_mb=found.peak_memory_mb,
        verdict=found.verdict,
        outside=sum(sum(one.outside.values()) for one in taken if one) if all(taken) else None,
    )
