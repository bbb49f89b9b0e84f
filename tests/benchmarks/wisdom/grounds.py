"""From a recorded table to what methods are compared on."""

from __future__ import annotations

import statistics

from mqn.errors import ConfigError
from tests.benchmarks.wisdom.candidates import TableKind
from tests.benchmarks.wisdom.replay import MEASURE, Grounds, Recorded
from tests.benchmarks.wisdom.table import Table, architecture, read_table


def load_grounds(kind: TableKind) -> Grounds:
    """The grounds of a recorded table: its rows whose network is timed.

    Raises:
        ConfigError: nothing is recorded yet, or nothing is timed.
    """
    table = read_table(kind.path)
    if table is None or not table.latencies:
        raise ConfigError(f"{kind.path} has no latencies; README.md beside it says how they are recorded")
    return make_grounds(table)


def make_grounds(table: Table) -> Grounds:
    """The grounds of a table: accuracy counts from that of doing nothing, latency from the slowest plan."""
    timed = [(one.network, one) for one in table.latencies]
    rows = []
    for row in table.rows:
        latency = next((one for network, one in timed if network == architecture(row.network)), None)
        if latency is None:
            continue
        accuracy = {label: plan.scores[MEASURE] for label, plan in row.plans.items() if not plan.error}
        gate = {
            label: {
                "latency_ms": told["latency_ms"],
                "size_bytes": told["size_bytes"],
                "macs": float(latency.macs),
                "parameters": float(latency.parameters),
            }
            for label, told in latency.figures.items()
        }
        rows.append(
            Recorded(
                network=row.network,
                curve=row.curve,
                accuracy_float=row.scores.get(MEASURE),
                accuracy=accuracy,
                gate=gate,
            )
        )
    return Grounds(
        rows=tuple(rows),
        epochs=int(table.recording["epochs"]),
        floor=float(table.recording["doing_nothing"][MEASURE]),
        ceiling=max(told["latency_ms"] for row in rows for told in row.gate.values()),
    )


def halving_limit(grounds: Grounds) -> float:
    """The latency in ms that the fastest plans of half of the rows keep."""
    return statistics.median(min(told["latency_ms"] for told in row.gate.values()) for row in grounds.rows)


def fewest_trainings(grounds: Grounds, volume: float) -> int | None:
    """How many trainings reach a hypervolume if the best one is known each time; None: all do not."""
    offers = [[(value, row.gate[label]["latency_ms"]) for label, value in row.accuracy.items()] for row in grounds.rows]
    points: list[tuple[float, float]] = []
    for count in range(1, len(offers) + 1):
        reached, best = max((grounds.hypervolume(points + offer), i) for i, offer in enumerate(offers))
        points += offers.pop(best)
        if reached >= volume:
            return count
    return None
