"""What drivers say of a study at this moment, as others read it: from the database only."""

from __future__ import annotations

from dataclasses import dataclass

from mqn.search.storage.drivers import Driver
from mqn.search.storage.snapshots import read_snapshots
from mqn.search.storage.store import StudyStore
from mqn.search.watch.snapshot import Snapshot, read_snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A living driver, and what it said last; `snapshot` is None where it said nothing that this version can read.

    `age_seconds` is how long ago it said so, by the database's clock.
    """

    driver: Driver
    snapshot: Snapshot | None = None
    age_seconds: float = 0.0


def read_told(store: StudyStore, study: str) -> list[Told]:
    """The living drivers of a study, each with what it said last."""

    def read(_again: bool) -> dict[str, tuple[Snapshot | None, float]]:
        with store.database.engine.connect() as connection:
            rows = read_snapshots(connection, study)
        return {row.driver: (read_snapshot(row.body), max(row.age_seconds, 0.0)) for row in rows}

    said = store.patience(read)
    found = []
    for driver in store.drivers(study):
        snapshot, age = said.get(driver.id, (None, 0.0))
        found.append(Told(driver=driver, snapshot=snapshot, age_seconds=age))
    return found


def steps_of(told: list[Told], trial: int) -> dict[str, str]:
    """The steps of a running trial that its driver has begun, each with its artifact's key; empty: nobody says."""
    for one in told:
        if one.snapshot is not None and str(trial) in one.snapshot.steps:
            return one.snapshot.steps[str(trial)]
    return {}
