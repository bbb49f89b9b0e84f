"""Does a study survive what happens to processes, machines, disks, networks, servers and clocks under it?

python -m tests.lab.faults [--seed 0] [--faults 100] [--minutes 30] [--drivers 3] [--s3] [--only NAME] [--without NAME]

Studies of trivial stages with real measurements, on PostgreSQL, MLflow, a Ray cluster of a head and two nodes, two
device agents, and several drivers from machines of their own (`mqn search --resume`). While they run, faults happen to
all of these, drawn from the seed. Drivers that end early are started again. Prints what was done when. Exits with 1
unless every study completed, with nothing lost, repeated or wrong, and no output has a `Traceback`.

Needs PostgreSQL. As root, one node has a network of its own, and disks fill up; with gcc, clocks jump.
"""

from __future__ import annotations

import argparse
import sys

from tests.lab.faults.plan import FAULTS
from tests.lab.faults.suite import run_suite


def main() -> int:
    """Run the suite, print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0, help="of faults and their targets (default: %(default)s)")
    parser.add_argument("--faults", type=int, default=100, help="how many (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=30.0, help="begin no study later (default: %(default)s)")
    parser.add_argument("--drivers", type=int, default=3, help="of each study (default: %(default)s)")
    parser.add_argument("--s3", action="store_true", help="keep artifacts in S3 instead of on a small disk")
    names = [fault.name for fault in FAULTS]
    parser.add_argument("--only", action="append", default=[], choices=names, metavar="NAME")
    parser.add_argument("--without", action="append", default=[], choices=names, metavar="NAME")
    parser.add_argument("--network", type=int, default=90, help="10.77.N.0/24 is the lab's (default: %(default)s)")
    given = parser.parse_args()
    only = [name for name in given.only or names if name not in given.without]
    findings, folder = run_suite(
        seed=given.seed,
        faults=given.faults,
        minutes=given.minutes,
        drivers=given.drivers,
        with_s3=given.s3,
        only=only,
        network=given.network,
    )
    happened = sum(findings.faults.values())
    for name, count in sorted(findings.faults.items()):
        print(f"{count:4d}  {name}")
    print(
        f"seed {given.seed}: {happened} faults in {findings.seconds:.0f} s, {findings.missed} without a target; "
        f"{findings.studies} studies, {findings.trials} trials, {findings.repeats} stages done once more"
    )
    for line in findings.wrong:
        print(f"WRONG  {line}")
    print(f"outputs lie in {folder}" if findings.wrong else "nothing lost, nothing repeated, nothing wrong")
    return 1 if findings.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
