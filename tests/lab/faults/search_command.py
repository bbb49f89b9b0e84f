"""`mqn search` as it is, but for the steps of its trials, which are `tests.lab.faults.stages`.

python -m tests.lab.faults.search_command HOST LOG SECONDS WORDS...

HOST is what this machine is called for other drivers: those of another name cannot see whether this process lives. LOG
takes the lines of the stages, each of which takes SECONDS. WORDS are those of `mqn`. Leases are shorter than usual.
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mqn.cli.app import run
from mqn.search.storage import drivers
from mqn.search.study import driver
from tests.lab.faults.stages import LEASE_SECONDS, LabPipeline


def main(host: str, log: str, seconds: str, *words: str) -> int:
    """Run the command; returns its exit code."""
    drivers.this_machine = functools.cache(lambda: host)
    drivers.LEASE_SECONDS = LEASE_SECONDS
    driver.drive = functools.partial(driver.drive, seconds=LEASE_SECONDS)  # type: ignore[assignment]

    def pipeline(_space: Any, _dataset: Any, profile: Any, devices: Any) -> LabPipeline:
        return LabPipeline(Path(log), float(seconds), profile, devices)

    driver.TrialPipeline = SimpleNamespace(of_space=pipeline)  # type: ignore[assignment, misc]
    return run(words)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
