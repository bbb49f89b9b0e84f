"""The whole suite: studies one after the other under the faults of a seed, each judged when it has ended."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab.faults.driver_process import Study, prepare_study
from tests.lab.faults.field import Field, open_field
from tests.lab.faults.judge import count_repeats, judge, read_log
from tests.lab.faults.plan import Plan
from tests.lab.faults.study_run import Report, StudyRun
from tests.lab.faults.watching import Watcher

SAMPLERS = (("grid", 1), ("random", 100), ("tpe", 100))
"""Samplers and numbers of seeds: the grid has 12 points, the others draw of 1600."""

_SEEDS_APART = 1000
"""Between the seeds of two studies: what one has trained must not be there already for the next."""

_STUDY_SECONDS = 600.0
_MOST_STARTS = 40


@dataclass(kw_only=True)
class Findings:
    """What came of it.

    Attributes:
        faults: how often each happened.
        missed: how many found no target.
        studies: how many came to their end.
        trials: how many were complete.
        repeats: stages that were done once more, because what they made could not be published.
        wrong: what is wrong, a line each.
        seconds: wall time.
    """

    faults: Counter[str] = field(default_factory=Counter)
    missed: int = 0
    studies: int = 0
    trials: int = 0
    repeats: int = 0
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0


def run_suite(
    *,
    seed: int,
    faults: int,
    minutes: float,
    drivers: int = 3,
    with_s3: bool = False,
    only: Sequence[str] = (),
    trials: int = 12,
    network: int = 90,
) -> tuple[Findings, Path]:
    """Run studies until so many faults have happened, or the time is over; one study at least.

    Args:
        seed: of the plan.
        faults: how many.
        minutes: no study is begun later than this.
        drivers: of each study, at most.
        with_s3: whether artifacts lie in S3.
        only: names of faults; empty: all.
        trials: of a study.
        network: see `open_field`.

    Returns:
        What came of it, and the folder with the outputs, which is gone where nothing is wrong.
    """
    findings, report = Findings(), Report()
    with contextlib.ExitStack() as stack:
        stage = stack.enter_context(open_field(with_s3=with_s3, network=network))
        _prepare_data(stage)
        report.note("everything is there" + ("" if stage.there else "; no network of its own for a node: needs root"))
        plan, end = Plan(seed, faults, stage, only), time.monotonic() + 60 * minutes
        while plan.next is not None and (findings.studies == 0 or time.monotonic() < end):
            sampler, seeds = SAMPLERS[findings.studies % len(SAMPLERS)]
            first = _SEEDS_APART * findings.studies
            study = prepare_study(stage, f"study{findings.studies + 1}", sampler, trials, range(first, first + seeds))
            _run_study(stage, study, drivers, plan, report, findings)
        findings.faults, findings.missed = Counter(plan.happened), len(plan.missed)
        if findings.wrong:
            stage.keep = True
    findings.seconds = time.monotonic() - report.began
    return findings, stage.folder


def _run_study(stage: Field, study: Study, drivers: int, plan: Plan, report: Report, findings: Findings) -> None:
    report.note(f"{study.name} begins: {study.trials} trials")
    watcher, run = Watcher(stage), StudyRun(stage, study, drivers, plan, report)
    watcher.start()
    wrong = run.run(time.monotonic() + _STUDY_SECONDS, _MOST_STARTS)
    if not wrong:
        # What the tracking server refused is sent now, as the commands have advised.
        wrong = [f"{driver.place} cannot send" for driver in run.drivers if driver.starts and driver.send() != 0]
    watcher.stop()
    outputs = [driver.output for driver in run.drivers if driver.output.exists()]
    wrong += judge(stage, study, watcher, outputs)
    findings.studies += 1
    findings.trials += study.trials if not wrong else 0
    findings.repeats += count_repeats(read_log(study.log))
    findings.wrong += [f"{study.name}: {line}" for line in wrong]
    report.note(f"{study.name}: {'; '.join(wrong[:20]) or 'complete, nothing lost, repeated or wrong'}")


def _prepare_data(stage: Field) -> None:
    """Prepare two small pictures once, for all drivers: stages look at none."""
    from mqn.data.preparation.prepare import prepare
    from mqn.hdr.io.files import write
    from mqn.hdr.scenes import scene

    pictures = stage.folder / "pictures"
    pictures.mkdir()
    for seed in range(2):
        write(pictures / f"{seed}.exr", scene(32, seed))
    prepare(pictures, stage.folder / "data", workers=1)
