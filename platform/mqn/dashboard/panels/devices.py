"""Devices on the page: how warm they are, who has them, what their verdicts were; asked beside, never waited for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from dash import MATCH, Dash, Input, Output, State, dcc, html

from mqn.dashboard.answering import answer_in_thread
from mqn.dashboard.panels.elements import draw_blocks, section
from mqn.dashboard.panels.running import describe_running
from mqn.dashboard.studies.devices import DeviceWatch, Sight, last_measured
from mqn.dashboard.studies.live import Live
from mqn.dashboard.studies.reading import State as Study
from mqn.look.blocks import Block, Cell, Heading, Row, Table, Text
from mqn.report.pages.dashboard import Panel
from mqn.report.pages.sections import title_of
from mqn.search.watch.snapshot import RunningJob, Snapshot
from mqn.search.watch.words import long_text

_TICK_MS = 2500
_SLOW_SECONDS = 2.0
_HEAD = ("device", "driver's view", "temperature", "load, clock, battery", "lease", "verdicts so far", "why")
_NOTE = (
    "Agents say how many leases there are, not whose they are: a lease that none of this study's jobs uses belongs to "
    "another study or user. A lease lives as long as its holder gives signs of life."
)


def draw_running(state: Study, watch: DeviceWatch, index: int, panel: Panel) -> Any:
    """What runs now, and below it the devices; `follow_devices` looks at these again and again."""
    parts = [
        *([html.P(panel.note)] if panel.note else []),
        html.Div(draw_blocks(describe_running(state)), id={"type": "running", "index": index}),
        html.Div(draw_blocks(look_at_devices(state, watch)), id={"type": "devices", "index": index}),
        dcc.Interval(id={"type": "device-tick", "index": index}, interval=_TICK_MS),
    ]
    return section(title_of(panel), parts, wide=True)


def follow_devices(app: Dash, live: Live, watch: DeviceWatch) -> None:
    """Let the devices be looked at again and again while they are seen."""

    @app.callback(
        Output({"type": "devices", "index": MATCH}, "children"),
        Input({"type": "device-tick", "index": MATCH}, "n_intervals"),
        State("shown", "data"),
        prevent_initial_call=True,
    )
    @answer_in_thread
    def look(_: int, shown: Mapping[str, Any]) -> Any:
        return draw_blocks(look_at_devices(live.state(shown["study"]), watch))


def look_at_devices(state: Study, watch: DeviceWatch) -> list[Block]:
    """The devices of a study as blocks of a page."""
    names = names_of(state)
    return describe_devices(state, watch.look(names, last_measured(state.records)))


def names_of(state: Study) -> list[str]:
    """The devices that drivers speak of, and those that trials were measured on."""
    spoken = (device.name for snapshot in _snapshots(state) for device in snapshot.devices)
    return list(dict.fromkeys((*spoken, *(name for record in state.records for name in record.verdicts))))


def describe_devices(state: Study, sights: Mapping[str, Sight]) -> list[Block]:
    """A row for each device; nothing where a study has none."""
    snapshots = _snapshots(state)
    names = names_of(state)
    if not names:
        return []
    told = {device.name: device for snapshot in snapshots for device in snapshot.devices}
    jobs = [(snapshot.at, job) for snapshot in snapshots for job in snapshot.jobs]
    verdicts: dict[str, Counter[str]] = {}
    for record in state.records:
        for name, verdict in record.verdicts.items():
            verdicts.setdefault(name, Counter())[verdict] += 1
    rows = []
    for name in names:
        device, sight = told.get(name), sights.get(name, Sight())
        own = [(at, job) for at, job in jobs if job.device == name]
        why = [device.error] if device is not None and device.error else []
        why += [f"agent: {sight.error}"] if sight.error else []
        away = bool(sight.error) or (device is not None and device.error != "")
        counted = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.get(name, Counter()).most_common())
        cells = (
            Cell(text=name, kind="key"),
            Cell(text=_driver(device), tone="bad" if away else ""),
            Cell(text=tell_temperature(sight)),
            Cell(text=_machine(sight)),
            Cell(text=tell_lease(sight, own), kind="long"),
            Cell(text=counted),
            Cell(text="; ".join(why), kind="long", tone="bad" if why else ""),
        )
        rows.append(Row(cells=cells))
    table = Table(head=tuple(Cell(text=text) for text in _HEAD), rows=tuple(rows))
    asked = any(sights.get(name, Sight()).asked for name in names)
    return [Heading("Devices"), table, *([Text(_NOTE)] if asked else [])]


def tell_temperature(sight: Sight) -> str:
    """How warm a device is, and how it is known."""
    if sight.answer is not None and sight.answer.state.temperature_c is not None:
        when = "before its agent fell silent" if sight.silent_seconds > _SLOW_SECONDS else "now"
        return f"{sight.answer.state.temperature_c:.0f} °C {when}"
    if sight.measured is not None and sight.measured.temperature_c is not None:
        return f"{sight.measured.temperature_c:.0f} °C when #{sight.measured_in} was measured"
    return "not known"


def tell_lease(sight: Sight, jobs: Sequence[tuple[float, RunningJob]]) -> str:
    """Who has a device now, as far as drivers and its agent tell.

    Args:
        sight: what its agent said.
        jobs: of the study's that run there, each with the time of its driver's snapshot.
    """
    parts = [
        f"#{job.trial} of this study has it: {job.doing or job.stage}"
        + (f", for {long_text(at - job.since)}" if job.since is not None else "")
        for at, job in jobs
    ]
    answer = sight.answer
    if sight.silent_seconds > _SLOW_SECONDS:
        parts.append(f"its agent has not answered for {sight.silent_seconds:.0f} s")
    elif answer is not None and answer.held is not None:
        if not parts:
            parts.append("another holder has it" if answer.held else "free")
        if answer.waiting:
            parts.append(f"{answer.waiting} wait for their turn")
    elif sight.asked and sight.error:
        parts.append("its agent is away")
    return "; ".join(parts)


def _machine(sight: Sight) -> str:
    if sight.answer is None:
        return "" if sight.asked else "no agent to ask"
    state = sight.answer.state
    charge = "" if state.battery_percent is None else f"battery {state.battery_percent:.0f} %"
    parts = [
        "" if state.load_1m is None else f"load {state.load_1m:.1f}",
        "" if state.frequency_mhz is None else f"{state.frequency_mhz:,.0f} MHz",
        charge + (", charging" if charge and state.charging else ""),
    ]
    return ", ".join(part for part in parts if part)


def _driver(device: Any) -> str:
    if device is None:
        return "no driver speaks of it"
    return f"{device.state} since {device.since[11:16]} UTC" if len(device.since) > 16 else str(device.state)


def _snapshots(state: Study) -> list[Snapshot]:
    return [one.snapshot for one in state.told if one.snapshot is not None]
