"""Two studies on one real cluster share it by their weights, and one alone has it all."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from tests.support.rigs.ray_cluster import RayCluster

pytestmark = pytest.mark.integration

CPUS = 6
LONGEST_SECONDS = 400


def drive(cluster: RayCluster, weight: float, count: int, log: Path) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "tests.support.sharing_driver", cluster.address, str(weight), str(count), str(log)]
    environment = {**os.environ, **cluster.environment, "MQN_HOME": str(log.parent)}
    with log.with_suffix(".err").open("w") as stream:
        return subprocess.Popen(words, env=environment, stderr=stream)


def steps(log: Path) -> list[tuple[float, int, int]]:
    """When, how many jobs were handed out, how many waited."""
    rows = [line.split() for line in log.read_text().splitlines()]
    return [(float(when), int(running), int(waiting)) for when, running, waiting in rows]


def handed_out(found: list[tuple[float, int, int]], begin: float, end: float) -> float:
    """How many jobs were handed out at a time between two moments: the median over time.

    A mean would count the moments in which one driver has not yet heard that the other has come. They are short, but
    longer on a busy machine.
    """
    seconds: defaultdict[int, float] = defaultdict(float)
    for (since, running, _), (until, _, _) in itertools.pairwise(found):
        seconds[running] += max(0.0, min(until, end) - max(since, begin))
    half = 0.5 * sum(seconds.values())
    passed = itertools.accumulate(seconds[running] for running in sorted(seconds))
    return next(running for running, so_far in zip(sorted(seconds), passed, strict=True) if so_far >= half)


def unbound(found: list[tuple[float, int, int]]) -> float:
    """When a driver had got to know its share: before, it hands out one job."""
    return next(when for when, running, _ in found if running > 1)


def busy(found: list[tuple[float, int, int]]) -> tuple[float, float]:
    """From when to when a driver had jobs that waited."""
    times = [when for when, _, waiting in found if waiting]
    return times[0], times[-1]


def test_weights_count_while_both_have_work_and_what_one_leaves_the_other_uses(tmp_path: Path) -> None:
    with RayCluster() as cluster:
        cluster.add_node(cpus=CPUS)
        heavy = drive(cluster, 2, 80, tmp_path / "heavy.log")
        light = drive(cluster, 1, 160, tmp_path / "light.log")
        for driver, log in ((heavy, "heavy"), (light, "light")):
            assert driver.wait(LONGEST_SECONDS) == 0, (tmp_path / f"{log}.err").read_text()
    first, second = steps(tmp_path / "heavy.log"), steps(tmp_path / "light.log")
    # From when both have got to know of each other, until the first has nothing more that waits.
    begin = max(unbound(first), unbound(second)) + 1
    end = min(busy(first)[1], busy(second)[1])
    assert end - begin > 3
    assert handed_out(first, begin, end) == pytest.approx(4, abs=1)  # Between a job's end and the next step: one less.
    assert handed_out(second, begin, end) == pytest.approx(2, abs=1)
    assert handed_out(first, begin, end) > handed_out(second, begin, end)
    # The light one alone, a few seconds after the heavy one has left.
    gone = first[-1][0] + 5
    assert busy(second)[1] - gone > 1
    assert handed_out(second, gone, busy(second)[1]) == pytest.approx(CPUS, abs=1)
