"""A recorded table: a file of JSON lines, appended as rows finish, so that a kill costs the row in hand and no other.

The lines are of four kinds, told apart by their only key:

- `recording`: how trainings are made, the first line;
- `row`: a training, all its plans scored;
- `timing`: the device and how it measures, before the first latency;
- `latency`: of one network, by plan, which every row with this network shares.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mqn.errors import ConfigError
from mqn.files.json_lines import append_line, end_torn_line, read_lines
from mqn.parsing import from_mapping, to_plain
from mqn.search.space.dimensions import Params


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFigures:
    """What a training gives with one plan.

    Attributes:
        scores: of the quantized file, by measure.
        size_bytes: of the quantized file; None where there is none.
        error: why there is none; empty where there is.
    """

    scores: dict[str, float] = field(default_factory=dict)
    size_bytes: int | None = None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One training.

    Attributes:
        number: of the row; its candidate is `candidates.networks(kind, number + 1)[number]`.
        network: by dimension its value, plans left out.
        seed: of the training.
        curve: validation PSNR-TM in dB after each epoch; shorter than the training where that failed.
        scores: of the float file, by measure.
        plans: by the plan's label.
        macs: multiply-accumulates of one inference; None where the training failed.
        parameters: of the network; likewise.
        epoch_seconds: median wall time of an epoch.
        seconds: wall time of the whole row.
        error: why the training or the conversion failed; empty where it did not.
    """

    number: int
    network: Params
    seed: int
    curve: tuple[float, ...]
    scores: dict[str, float] = field(default_factory=dict)
    plans: dict[str, PlanFigures] = field(default_factory=dict)
    macs: int | None = None
    parameters: int | None = None
    epoch_seconds: float | None = None
    seconds: float
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """The latencies of one untrained network, exported with every plan.

    Attributes:
        network: by dimension its value; only dimensions of the architecture.
        macs: multiply-accumulates of one inference.
        parameters: of the network.
        figures: by the plan's label, what the measure stage tells: `latency_ms`, `size_bytes`, ... A plan that cannot
            be carried out is missing.
        verdicts: of the measurement, by the plan's label.
    """

    network: Params
    macs: int
    parameters: int
    figures: dict[str, dict[str, float]] = field(default_factory=dict)
    verdicts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What a table's file holds.

    Attributes:
        recording: how trainings are made.
        rows: by their number, ascending.
        timing: the device and how it measures; None before the first latency.
        latencies: of networks.
    """

    recording: Mapping[str, Any]
    rows: tuple[Row, ...]
    timing: Mapping[str, Any] | None
    latencies: tuple[Latency, ...]

    def latency_of(self, row: Row) -> Latency | None:
        """That of the row's network; None where it is not measured."""
        key = architecture(row.network)
        return next((one for one in self.latencies if one.network == key), None)


def architecture(network: Params) -> Params:
    """The part of a network's values that latency depends on."""
    return {key: value for key, value in network.items() if key.startswith("arch.")}


def read_table(path: Path) -> Table | None:
    """Read a table's file; None where nothing is recorded yet.

    Raises:
        ConfigError: a line is not what it should be.
    """
    recording: Mapping[str, Any] | None = None
    timing: Mapping[str, Any] | None = None
    rows: dict[int, Row] = {}
    latencies: list[Latency] = []
    for kind, content in _lines(path):
        match kind:
            case "recording":
                recording = content
            case "timing":
                timing = content
            case "row":
                row = from_mapping(Row, content, source=str(path))
                rows[row.number] = row
            case "latency":
                latencies.append(from_mapping(Latency, content, source=str(path)))
            case _:
                raise ConfigError(f"{path}: no line of a table has the key {kind!r}")
    if recording is None:
        return None
    ordered = tuple(rows[number] for number in sorted(rows))
    return Table(recording=recording, rows=ordered, timing=timing, latencies=tuple(latencies))


def begin_table(path: Path, recording: Mapping[str, Any]) -> Table:
    """Open a table to go on with it, or begin it.

    Raises:
        ConfigError: what is recorded there was made otherwise.
    """
    end_torn_line(path)
    table = read_table(path)
    if table is None:
        append_line(path, {"recording": dict(recording)}, sync=True)
        return Table(recording=recording, rows=(), timing=None, latencies=())
    changed = sorted(key for key in recording if table.recording.get(key) != recording[key])
    if changed:
        raise ConfigError(
            f"{path}: its rows were made with another {', '.join(changed)}; record on with what the file says, "
            "or move it away and begin anew"
        )
    return table


def append(path: Path, kind: str, content: Any) -> None:
    """Write one line, and wait for the disk."""
    append_line(path, {kind: lean(to_plain(content))}, sync=True)


def _lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for line in read_lines(path, past_damage=True):  # a kill may have left half a line
        if len(line) != 1 or not isinstance(content := next(iter(line.values())), dict):
            raise ConfigError(f"{path}: a line of a table is an object with one key")
        yield next(iter(line)), content


def lean(content: Any) -> Any:
    """What a line holds of a content: what is empty is left out, for it is the default."""
    if isinstance(content, dict):
        return {key: lean(value) for key, value in content.items() if value not in (None, "", {}, [])}
    return content
