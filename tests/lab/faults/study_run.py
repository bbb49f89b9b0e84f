"""One study under faults, from its start until it is complete and all faults of its time are mended."""

from __future__ import annotations

import contextlib
import random
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.lab.faults.driver_process import DriverProcess, Study
from tests.lab.faults.field import Field
from tests.lab.faults.kinds.fault import Scene
from tests.lab.faults.plan import Plan

_PAUSE_SECONDS = 0.2
_RESUME_SECONDS = 2.0
_TARGET_SECONDS = 20.0
"""How long a fault waits for something that it can happen to, before the next one comes."""


@dataclass(kw_only=True)
class Report:
    """What happened.

    Attributes:
        began: monotonic time.
        rows: seconds since then and what was done, in order.
    """

    began: float = field(default_factory=time.monotonic)
    rows: list[tuple[float, str]] = field(default_factory=list)

    def note(self, what: str) -> None:
        """Keep a row, and show it."""
        self.rows.append((time.monotonic() - self.began, what))
        print(f"{self.rows[-1][0]:7.1f} s  {what}", flush=True)


@dataclass(kw_only=True)
class _Open:
    """A fault that lasts. It is mended in a thread: a server takes its time to start.

    Attributes:
        due: monotonic time at which it is to be mended.
        component: nothing else happens to it until then.
        heal: mends it.
    """

    due: float
    component: str
    heal: Callable[[], str]
    thread: threading.Thread | None = None
    error: BaseException | None = None

    def begin(self, report: Report) -> None:
        """Begin to mend it, unless that was begun."""
        if self.thread is None:
            self.thread = threading.Thread(target=self._mend, args=(report,), daemon=True)
            self.thread.start()

    def is_over(self) -> bool:
        """Whether it is mended. Raises what went wrong meanwhile."""
        if self.thread is None or self.thread.is_alive():
            return False
        self.finish()
        return True

    def finish(self) -> None:
        """Wait until it is. Raises what went wrong meanwhile."""
        if self.thread is not None:
            self.thread.join()
        if self.error is not None:
            raise self.error

    def _mend(self, report: Report) -> None:
        try:
            report.note(self.heal())
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            self.error = error


class StudyRun:
    """A study, its drivers, and the faults of its time."""

    def __init__(self, stage: Field, study: Study, drivers: int, plan: Plan, report: Report) -> None:
        """Take faults off the plan while the study runs."""
        self._field, self._study, self._plan, self._report = stage, study, plan, report
        self.drivers = [DriverProcess(field=stage, study=study, number=number) for number in range(1, drivers + 1)]
        self._open: list[_Open] = []
        self._ended: dict[int, float] = {}
        self._complete = False
        self._last = time.monotonic()

    def run(self, deadline: float, most_starts: int) -> list[str]:
        """Run it to its end.

        Args:
            deadline: monotonic time at which it is given up.
            most_starts: how often its drivers may be started in all.

        Returns:
            What is wrong so far: it did not come to its end.
        """
        self.drivers[0].start(resume=False)
        try:
            while not self._complete or any(driver.runs for driver in self.drivers):
                if time.monotonic() > deadline or sum(driver.starts for driver in self.drivers) > most_starts:
                    return [f"study {self._study.name} did not come to its end"]
                self._step()
                time.sleep(_PAUSE_SECONDS)
        finally:
            for driver in self.drivers:
                driver.signal(signal.SIGCONT)
                driver.end()
            for one in self._open:
                one.begin(self._report)
            for one in self._open:
                one.finish()
        return []

    def _step(self) -> None:
        now = time.monotonic()
        for one in self._open:
            if one.due <= now:
                one.begin(self._report)
        self._open = [one for one in self._open if not one.is_over()]
        self._look_after_drivers(now)
        if not self._study.log.exists():
            self._last = now
        elif not self._complete:
            self._inject(now)

    def _look_after_drivers(self, now: float) -> None:
        for driver in self.drivers:
            if driver.runs:
                continue
            if driver.process is None:
                if self._study.log.exists() and not self._complete:
                    driver.start(resume=True)
                    self._report.note(f"{driver.place} joins")
                continue
            if driver.number not in self._ended:
                code = driver.process.returncode
                driver.codes.append(code)
                self._ended[driver.number] = now
                self._report.note(f"the driver on {driver.place} ended with code {code}")
                # One that ends in peace has seen the study's end, or left what remained to others.
                self._complete = self._complete or (code == 0 and self._is_complete())
            elif not self._complete and now >= self._ended[driver.number] + _RESUME_SECONDS:
                del self._ended[driver.number]
                # Where it was ended before it had made the study, there is nothing to resume.
                driver.start(resume=driver.number > 1 or self._study.log.exists())
                self._report.note(f"{driver.place} resumes")

    def _inject(self, now: float) -> None:
        planned = self._plan.next
        if planned is None or now < self._last + planned.gap_seconds:
            return
        injected = None
        if all(one.component != planned.fault.component for one in self._open):
            scene = Scene(field=self._field, drivers=self.drivers, dice=random.Random(planned.seed))
            injected = planned.fault.inject(scene)
        if injected is not None:
            self._report.note(f"[{planned.number}] {injected.what}")
            self._plan.take(happened=True)
            if injected.heal is not None:
                due = now + injected.seconds
                self._open.append(_Open(due=due, component=planned.fault.component, heal=injected.heal))
        elif now < self._last + planned.gap_seconds + _TARGET_SECONDS:
            return
        else:
            self._plan.take(happened=False)
        self._last = now

    def _is_complete(self) -> bool:
        """Whether the database has all trials; False also where it does not answer."""
        import psycopg

        wanted = "FROM trials JOIN studies USING (study_id) WHERE study_name = %s AND state = 'COMPLETE'"
        with contextlib.suppress(psycopg.Error), psycopg.connect(self._field.database.url) as connection:
            row = connection.execute(f"SELECT count(*) {wanted}", [self._study.name]).fetchone()
            return row is not None and row[0] >= self._study.trials
        return False
