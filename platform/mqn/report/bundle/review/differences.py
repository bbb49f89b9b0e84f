"""How two bundles differ: candidates, figures, files, operators, and what they make of one picture."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mqn.errors import ModelFileError
from mqn.export.quantize.audit import AuditedKind, audit_file
from mqn.hdr.codec import decode, in_scale
from mqn.parsing import flatten
from mqn.report.bundle.against_input import AgainstInput, against_input
from mqn.report.bundle.bundle import Bundle, load_bundle
from mqn.report.bundle.review.checks import difference_in_stops
from mqn.report.bundle.review.folder import read_manifest
from mqn.report.bundle.samples.reference import output_of, read_input, sha256_of, unit_values
from mqn.search.stages.measure import MEASUREMENT
from mqn.search.stages.score import SCORES


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """One thing of two bundles: what it is, and what each has; None where it has none."""

    name: str
    first: Any
    second: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFigure:
    """One figure of a device, and the 95 % range of each, where it has one.

    `apart` is None where that cannot be said: a figure without a range.
    """

    device: str
    figure: str
    first: float
    second: float
    first_range: tuple[float, float] | None
    second_range: tuple[float, float] | None
    apart: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """What two bundles make of the first one's picture.

    Attributes:
        compared: whether they could be; `why` says what hindered.
        same: whether the networks give the same, bit by bit.
        mean_stops: of |difference| of their light; each is scaled to its own 99.9 % point if one gives gains.
        most_stops: the largest.
    """

    compared: bool
    why: str = ""
    same: bool = False
    mean_stops: float = 0.0
    most_stops: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """The second bundle against the first.

    Attributes:
        candidate: fields of the candidate, study and trial that differ.
        scores: measures that both have, on the same pictures: `input` is the first's mean; verdicts are of the second.
        scores_beside: means of measures, where the pictures are others, so that no difference can be told.
        devices: figures of devices that both were measured on.
        files: sizes in bytes of files that differ, or that only one has.
        operators: how many of each kind and types, where the number differs.
        outputs: what they make of a picture.
    """

    candidate: tuple[Beside, ...]
    scores: tuple[AgainstInput, ...]
    scores_beside: tuple[Beside, ...]
    devices: tuple[DeviceFigure, ...]
    files: tuple[Beside, ...]
    operators: tuple[Beside, ...]
    outputs: Outputs


def compare_bundles(first: Path, second: Path) -> Differences:
    """Compare two bundles.

    Raises:
        ModelFileError: one is no bundle, or not whole.
    """
    bundles = tuple(_open(folder) for folder in (first, second))
    scores = [_read(bundle, SCORES) for bundle in bundles]
    compared = tuple(against_input(scores[1], scores[0]))
    return Differences(
        candidate=_differing(*(_fields(bundle) for bundle in bundles)),
        scores=compared,
        scores_beside=() if compared else _differing(*(_means(one) for one in scores)),
        devices=tuple(_devices(*(_read(bundle, MEASUREMENT) for bundle in bundles))),
        files=_differing_files(*bundles),
        operators=_differing(*(_operators(bundle) for bundle in bundles)),
        outputs=_outputs(*bundles),
    )


def _open(folder: Path) -> Bundle:
    read_manifest(folder)  # Says more plainly what it is that is no bundle.
    try:
        return load_bundle(folder)
    except ModelFileError as error:
        raise ModelFileError(f"{error}; `mqn bundle verify {folder}` says all") from error


def _fields(bundle: Bundle) -> dict[str, Any]:
    inputs = bundle.manifest.inputs
    about = {name: inputs.get(name) for name in ("study", "trial")}
    details = {name: bundle.manifest.details.get(name) for name in ("codec", "input_size", "lowering", "tuned_for")}
    return {**about, **flatten(inputs.get("candidate", {})), **details}


def _differing(first: Mapping[str, Any], second: Mapping[str, Any]) -> tuple[Beside, ...]:
    names = dict.fromkeys((*first, *second))
    return tuple(
        Beside(name=name, first=first.get(name), second=second.get(name))
        for name in names
        if first.get(name) != second.get(name)
    )


def _means(scores: Mapping[str, Any]) -> dict[str, float]:
    return {name: interval["mean"] for name, interval in scores.get("scores", {}).items()}


def _devices(first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[DeviceFigure]:
    for device in [name for name in first if name in second]:
        both = first[device], second[device]
        latencies = [one["latency_ms"] for one in both]
        if all(latencies):
            for figure in ("p50", "p90"):
                ranges = [_range(one.get(f"{figure}_range")) for one in latencies]
                yield _figure(device, f"latency_ms.{figure}", [one[figure] for one in latencies], ranges)
        memory = [one["peak_memory_mb"] for one in both]
        if None not in memory:
            yield _figure(device, "peak_memory_mb", memory, [None, None])


def _figure(
    device: str, name: str, values: Sequence[float], ranges: Sequence[tuple[float, float] | None]
) -> DeviceFigure:
    known = [one for one in ranges if one is not None]
    apart = (known[0][1] < known[1][0] or known[1][1] < known[0][0]) if len(known) == 2 else None
    return DeviceFigure(
        device=device,
        figure=name,
        first=values[0],
        second=values[1],
        first_range=ranges[0],
        second_range=ranges[1],
        apart=apart,
    )


def _range(found: Mapping[str, float] | None) -> tuple[float, float] | None:
    return (found["low"], found["high"]) if found else None


def _differing_files(first: Bundle, second: Bundle) -> tuple[Beside, ...]:
    hashes = _differing(first.manifest.files, second.manifest.files)
    return tuple(Beside(name=one.name, first=_size(first, one.name), second=_size(second, one.name)) for one in hashes)


def _size(bundle: Bundle, name: str) -> int | None:
    return (bundle.folder / name).stat().st_size if name in bundle.manifest.files else None


def _operators(bundle: Bundle) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for file in bundle.files:
        audit = audit_file(file)
        for kind in audit.kinds:
            counted[_kind_text(kind)] += kind.count
        counted["partitions of the delegate"] += audit.partitions
        counted["operators outside the delegate"] += len(audit.outside)
    return dict(counted)


def _kind_text(kind: AuditedKind) -> str:
    weights = f" x {kind.weights}" if kind.weights else ""
    return f"{kind.kind} {kind.inputs}{weights} -> {kind.outputs}"


def _outputs(first: Bundle, second: Bundle) -> Outputs:
    reference = first.manifest.details.get("reference")
    if reference is None:
        return Outputs(compared=False, why=f"{first.folder} has no picture to compare by")
    if first.input_size != second.input_size:
        return Outputs(compared=False, why=f"one takes {first.input_size} pixels, the other {second.input_size}")
    picture = read_input(first.folder / reference["input"])
    outputs = [output_of(bundle.files, picture) for bundle in (first, second)]
    ldr = unit_values(picture)
    lights: list[np.ndarray] = [
        decode(output.astype(np.float64), bundle.codec, ldr)
        for output, bundle in zip(outputs, (first, second), strict=True)
    ]
    if first.codec != second.codec:
        lights = [in_scale(light, bundle.codec) for light, bundle in zip(lights, (first, second), strict=True)]
    apart = difference_in_stops(lights[0], lights[1])
    return Outputs(
        compared=True,
        same=sha256_of(outputs[0]) == sha256_of(outputs[1]) and first.codec == second.codec,
        mean_stops=float(apart.mean()),
        most_stops=float(apart.max()),
    )


def _read(bundle: Bundle, name: str) -> Any:
    return json.loads((bundle.folder / name).read_text(encoding="utf-8"))
