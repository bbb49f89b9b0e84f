"""Checks a bundle: is every file what its manifest says, does it run, does it give what it gave where it was written?

On the same version of LiteRT and a like processor a model gives the same bits. Elsewhere it may not: kernels of other
processors round the same sums another way, and where there are integers a step of one feature's scale spreads over the
layers behind it. So another output is compared as light, value by value, in stops, and passes within `ALLOWED`. How
much rounding makes was measured between kernels that round otherwise on one processor, XNNPACK's and LiteRT's
reference (stops, mean and most): 0.000002 and 0.00002 for a float network, 0.002 and 0.2 for the model in the box (int8
+ dynamic, gains), 0.03 and 0.6 for an int8 + dynamic network with the codec `log`, whose code spans 17 stops.
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mqn.errors import ExportError, ModelFileError, MqnError, PictureError
from mqn.hdr.codec import decode
from mqn.infer.default import located
from mqn.infer.exported import MANIFEST, files_of, open_exported
from mqn.parsing import file_hash
from mqn.records import Manifest
from mqn.report.bundle.bill import BILL
from mqn.report.bundle.review.folder import format_of, read_manifest
from mqn.report.bundle.samples.reference import output_of, read_input, read_output, sha256_of, unit_values
from mqn.report.bundle.samples.writing import ASSETS, write_asset
from mqn.report.bundle.strip import STRIP
from mqn.tflite.cutting import INPUT, OUTPUT
from mqn.tflite.flatbuffer import Network
from mqn.tflite.metadata import read_text

State = Literal["ok", "failed", "lacks"]

ALLOWED = {"floats": (0.001, 0.01), "integers": (0.1, 1.0)}
"""Stops, mean and most, for networks that compute in floats alone, and for those with integers."""

FLOOR = 2.0**-10
"""Added to light before it is compared: what is darker than a thousandth of 1.0 does not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question to a bundle.

    Attributes:
        name: what was looked at.
        state: `ok`, `failed`, or `lacks`: the bundle is older than what was looked for, or was written without it.
        said: the answer, a line.
    """

    name: str
    state: State
    said: str


def check_bundle(folder: Path) -> list[Check]:
    """Ask a bundle everything. Nothing in its folder is changed, and none of its code is run.

    Raises:
        ModelFileError: the folder is no bundle, or one of a later version.
    """
    folder, manifest = located(folder), read_manifest(folder)
    checks = [Check(name="manifest", state="ok", said=_origin(manifest)), _files(folder, manifest)]
    for name, ask in (("runs", _runs), ("output", _output), ("metadata", _metadata), ("app", _app), ("texts", _texts)):
        checks.append(_asked(name, ask, folder, manifest))
    return checks


def passed(checks: list[Check]) -> bool:
    """Whether none failed; what an old bundle lacks is no failure."""
    return all(check.state != "failed" for check in checks)


def difference_in_stops(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """How far two pictures of linear light are apart, value by value."""
    ratio: np.ndarray = np.log2((np.maximum(first, 0) + FLOOR) / (np.maximum(second, 0) + FLOOR))
    return np.abs(ratio)


def _asked(name: str, ask: Callable[[Path, Manifest], tuple[State, str]], folder: Path, manifest: Manifest) -> Check:
    try:
        state, said = ask(folder, manifest)
    except (MqnError, OSError, ValueError) as error:
        state, said = "failed", " ".join(str(error).split())
    except (KeyError, TypeError) as error:
        state, said = "failed", f"the manifest's details are damaged ({error!r}); select the model again"
    return Check(name=name, state=state, said=said)


def _origin(manifest: Manifest) -> str:
    study, trial = manifest.inputs.get("study"), manifest.inputs.get("trial")
    return (
        f"format {format_of(manifest)}, study {study!r}, trial {trial}, written by mqn {manifest.versions.get('mqn')}"
    )


def _files(folder: Path, manifest: Manifest) -> Check:
    missing = [name for name in manifest.files if not (folder / name).is_file()]
    changed = [
        name for name, sha256 in manifest.files.items() if name not in missing and file_hash(folder / name) != sha256
    ]
    beside = sorted(_beside(folder, manifest))
    told = [f"{words}: {_listed(names)}" for words, names in (("missing", missing), ("changed", changed)) if names]
    if not told:
        told = [f"all {len(manifest.files)} have the SHA-256 that the manifest names"]
    if beside:
        told.append(f"no part of the bundle: {_listed(beside)}")
    return Check(name="files", state="failed" if missing or changed else "ok", said="; ".join(told))


def _beside(folder: Path, manifest: Manifest) -> Iterator[str]:
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != MANIFEST and name not in manifest.files:
            yield name


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f", and {len(names) - 5} more" if len(names) > 5 else "")


def _runs(folder: Path, _: Manifest) -> tuple[State, str]:
    exported = open_exported(folder)
    files, size = exported.files, exported.input_size
    networks = [Network.read(file) for file in files]
    if INPUT not in networks[0].inputs() or OUTPUT not in networks[-1].outputs():
        raise ModelFileError(f"it does not go from {INPUT!r} to {OUTPUT!r}")
    output_of(files, np.zeros((size, size, 3), np.uint8))
    unsigned = [file.name for file, network in zip(files, networks, strict=True) if not network.model.signatureDefs]
    if unsigned:
        raise ModelFileError(f"{_listed(unsigned)} has no signature")
    named = " -> ".join(("ldr", *(", ".join(network.outputs()) for network in networks)))
    return "ok", f"{', '.join(file.name for file in files)}: {named}, {size} x {size} pixels, on {_runtime()}"


def _output(folder: Path, manifest: Manifest) -> tuple[State, str]:
    reference = manifest.details.get("reference")
    if reference is None:
        return "lacks", "no picture and output to compare with"
    exported = open_exported(folder)
    picture = read_input(folder / reference["input"])
    output = output_of(exported.files, picture)
    if sha256_of(output) == reference["sha256"]:
        return "ok", f"the same as where it was written, bit by bit ({picture.shape[1]} x {picture.shape[0]} pixels)"
    ldr = unit_values(picture)
    try:
        before = read_output(folder / reference["output"])
    except PictureError as error:
        raise ModelFileError(str(error)) from error
    apart = difference_in_stops(decode(output.astype(np.float64), exported.codec, ldr), before)
    mean, most = ALLOWED["integers" if any(_counts_in_integers(file) for file in exported.files) else "floats"]
    told = f"mean {apart.mean():.4f}, most {apart.max():.3f} stops (allowed: {mean}, {most})"
    if apart.mean() <= mean and apart.max() <= most:
        return "ok", f"as where it was written but for rounding: {told}; processor or runtime are others"
    return "failed", f"not what it was where it was written: {told}"


def _counts_in_integers(file: Path) -> bool:
    """Whether a file computes features in integers, or makes integers of them on the way, as dynamic schemes do."""
    network = Network.read(file)
    types = {tensor.type for tensor in network.tensors}
    return bool(types & {schema.TensorType.INT8, schema.TensorType.INT16, schema.TensorType.INT4})


def _metadata(folder: Path, manifest: Manifest) -> tuple[State, str]:
    texts = [read_text(Network.read(file)) for file in files_of(folder)]
    told = [text for text in texts if text is not None]
    if len(told) < len(texts):
        state: State = "lacks" if format_of(manifest) < 2 else "failed"
        return state, "the TFLite files tell nothing of themselves"
    return "ok", f"{told[0].name}, {told[0].version}; {told[0].licence}"


def _app(folder: Path, manifest: Manifest) -> tuple[State, str]:
    samples = manifest.details.get("samples")
    if samples is None:
        return "lacks", "no samples"
    if "no_app" in samples:
        return "lacks", f"no Android sample: {samples['no_app']}"
    with tempfile.TemporaryDirectory() as temporary:
        for file in open_exported(folder).files:
            made = Path(temporary) / file.name
            try:
                write_asset(file, made, samples["tile"])
            except ExportError as error:
                raise ModelFileError(str(error)) from error
            if file_hash(made) != file_hash(folder / ASSETS / file.name):
                raise ModelFileError(f"{ASSETS}/{file.name} is not the bundle's {file.name}; select the model again")
    return "ok", f"the app's files are the bundle's, at {samples['tile']} x {samples['tile']} pixels"


def _texts(folder: Path, manifest: Manifest) -> tuple[State, str]:
    lacking = [name for name in ("README.md", "MODEL_CARD.md", STRIP, BILL) if name not in manifest.files]
    if lacking:
        return "lacks", ", ".join(lacking)
    parts = len(json.loads((folder / BILL).read_text(encoding="utf-8"))["components"])
    return "ok", f"README, model card, pictures, and a bill of {parts} parts"


def _runtime() -> str:
    return f"ai-edge-litert {importlib.metadata.version('ai-edge-litert')}, {platform.machine()}"
