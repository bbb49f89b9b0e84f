"""`mqn status --watch`: a study while its drivers run it, drawn anew every two seconds from the database alone."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from mqn.cli import output
from mqn.cli.study.standing import Standing, stand
from mqn.errors import FaultError
from mqn.search.watch.words import amount_text, long_text
from mqn.text.terminal import open_console

if TYPE_CHECKING:
    from rich.console import Console, Group, RenderableType
    from rich.table import Table

    from mqn.search.study.study import Study
    from mqn.search.watch.reading import Told
    from mqn.search.watch.snapshot import Snapshot

PERIOD_SECONDS = 2.0
_RUNNING, _WAITING = 12, 8


def watch(
    study: Study,
    *,
    console: Console | None = None,
    sleep: Callable[[float], object] = time.sleep,
    read: Callable[[Study], Standing] = stand,
) -> bool:
    """Show a study until no driver works on it any more.

    Args:
        study: the study.
        console: where; None: stdout. On a terminal it is drawn over and over, elsewhere it is told in lines.
        sleep: waits between two looks.
        read: reads where it stands.

    Returns:
        Whether any driver was there.
    """
    from rich.live import Live

    console = console or open_console(sys.stdout)
    looks = _looks(study, sleep, read)
    driven, said = False, ""
    if not console.is_terminal:
        for standing, trouble in looks:
            driven = driven or standing is not None
            line = trouble if standing is None else line_of(standing)
            if line != said:
                output.line(line)
            said = line
        return driven
    with Live(console=console, auto_refresh=False, screen=False) as live:
        shown: Standing | None = None
        for standing, trouble in looks:
            shown, driven = standing or shown, driven or standing is not None
            live.update(draw(shown, trouble), refresh=True)
    return driven


def _looks(
    study: Study, sleep: Callable[[float], object], read: Callable[[Study], Standing]
) -> Iterator[tuple[Standing | None, str]]:
    """What is seen at each look: where the study stands, or why that cannot be seen. Ends when nobody drives it."""
    while True:
        try:
            standing = read(study)
        except FaultError as error:
            yield None, f"{error}; looking again"
        else:
            if not standing.told:
                return
            yield standing, ""
        sleep(PERIOD_SECONDS)


def line_of(standing: Standing) -> str:
    """A study in a line."""
    from mqn.search.study.trials import say_counts

    jobs = [f"{stage} {count}" for stage, count in standing.jobs("running").items()]
    queued = sum(standing.jobs("queued").values())
    parts = [
        f"{standing.study.name}: {standing.done} of {standing.goal}",
        say_counts(standing.states),
        f"running: {', '.join(jobs) or 'nothing'}",
        *([f"{queued} jobs wait"] if queued else []),
        *([f"hypervolume {standing.history.text}"] if standing.history.trials else []),
    ]
    return "; ".join(part for part in parts if part)


def draw(standing: Standing | None, trouble: str = "") -> Group:
    """A study as a page of a terminal; `trouble` says why it may be out of date."""
    from rich.console import Group
    from rich.text import Text

    # What matters most stands first: a small terminal shows no more.
    parts: list[RenderableType] = [Text(trouble, style="bold red")] if trouble else []
    if standing is not None:
        snapshots = [one.snapshot for one in standing.told if one.snapshot is not None]
        parts += [_head(standing), *map(Text, _sums(standing)), *map(Text, standing.last_failures)]
        parts += [_drivers(standing.told), *_jobs(standing, snapshots)]
        parts += [*_waiting(snapshots), *_devices(snapshots)]
    return Group(*parts)


def _head(standing: Standing) -> Table:
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    from mqn.search.study.trials import say_counts

    head = Table.grid(padding=(0, 1))
    rate, left = standing.trials_an_hour, standing.seconds_left
    pace = "" if rate is None or left is None else f"; {rate:.3g} trials an hour, about {long_text(left)} left"
    words = f"{standing.done} of {standing.goal} trials: {say_counts(standing.states)}{pace}"
    bar = ProgressBar(total=max(standing.goal, 1), completed=standing.done, width=30)
    head.add_row(standing.study.name, bar, words)
    return head


def _drivers(told: list[Told]) -> Table:
    table = _table("driver", "heartbeat", "trials", "machines", "resources")
    for one in told:
        snapshot = one.snapshot
        there = {} if snapshot is None else snapshot.there
        table.add_row(
            f"{one.driver.shown}, since {one.driver.since_text}",
            f"{max(one.driver.silent_seconds, 0.0):.0f} s ago",
            "it says nothing" if snapshot is None else f"{snapshot.active} on their way, {snapshot.finished} ended",
            "" if snapshot is None else str(snapshot.nodes),
            ", ".join(amount_text(name, amount) for name, amount in there.items()),
        )
    return table


def _jobs(standing: Standing, snapshots: list[Snapshot]) -> Iterator[RenderableType]:
    from rich.text import Text

    running, queued = standing.jobs("running"), standing.jobs("queued")
    table = _table("stage", "running", "waiting")
    for stage in dict.fromkeys((*running, *queued)):
        table.add_row(stage, str(running[stage] or ""), str(queued[stage] or ""))
    yield table
    jobs = sorted(
        ((snapshot.at - (job.since or snapshot.at), job) for snapshot in snapshots for job in snapshot.jobs),
        key=lambda pair: -pair[0],
    )
    if jobs:
        table = _table("running", "trial", "for")
        for seconds, job in jobs[:_RUNNING]:
            table.add_row(job.doing, str(job.trial), long_text(seconds))
        yield table
    if (more := sum(running.values()) - min(len(jobs), _RUNNING)) > 0:
        yield Text(f"  and {more} jobs more")


def _waiting(snapshots: list[Snapshot]) -> Iterator[RenderableType]:
    groups = sorted((one for snapshot in snapshots for one in snapshot.waiting), key=lambda one: -one.count)
    if groups:
        table = _table("waiting", "jobs", "of trial", "for what")
        for one in groups[:_WAITING]:
            trials = ", ".join(map(str, one.trials)) + (", ..." if one.count > len(one.trials) else "")
            table.add_row(one.stage, str(one.count), trials, one.why)
        yield table


def _devices(snapshots: list[Snapshot]) -> Iterator[RenderableType]:
    devices = {device.name: device for snapshot in snapshots for device in snapshot.devices}
    if devices:
        table = _table("device", "state", "why")
        for device in devices.values():
            table.add_row(device.name, device.state, device.error)
        yield table


def _sums(standing: Standing) -> Iterator[str]:
    from mqn.search.budget.opening import limits_of

    if spent := standing.spent.text(limits_of(standing.study.optuna)):
        yield f"spent: {spent}"
    history = standing.history
    if history.trials:
        yield f"hypervolume: {history.text}, from {history.reference_text}"
    yield from standing.files


def _table(*columns: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
    for column in table.columns:
        column.overflow = "fold"
    return table
