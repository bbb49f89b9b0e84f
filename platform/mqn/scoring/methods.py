"""Methods by name: what a user may type, and the record that each name becomes.

| name | method |
| --- | --- |
| `do-nothing` | the linearised input, the baseline that every figure stands beside |
| `oracle` | the truth with 1 % seeded noise: about the best that can be reached |
| `banterle`, ... | the classical operators of `mqn.hdr.expansion` |
| `expandnet:FILE`, `lhdr:FILE` | networks of other people with their weights (`mqn.models.peers`) |
| FILE.pt | a training's checkpoint, run in float by torch |
| `default` | the model in the box (`mqn.infer.default`) |
| DIR | what `mqn export` or `mqn select` wrote (it has a manifest.json), else a folder of predictions |

`parse_method` turns a name into a `Method`, a record that can be sent to other processes. Each process opens it for
itself (`mqn.scoring.predictors`).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mqn.errors import ModelFileError, UnknownNameError
from mqn.infer.default import DEFAULT, FOLDER
from mqn.parsing import content_hash, file_hash
from mqn.scoring.predictions import PredictionFolder

Kind = Literal["do-nothing", "oracle", "operator", "peer", "exported", "checkpoint", "folder"]

DO_NOTHING = "do-nothing"
ORACLE = "oracle"
NOISE = 0.01
"""The oracle's noise: its standard deviation as a share of each true value."""

_VERSION = 1
_PREDICTIONS = "a folder of pictures"
_DECODING = ("mqn.hdr.codec", "mqn.hdr.gains", "mqn.hdr.reach")
_EXPORTED_CODE = (
    *("mqn.infer.picture", "mqn.infer.tiling", "mqn.infer.guided", "mqn.tflite.resize", "mqn.infer.runner"),
    *_DECODING,
)
"""What an exported model's predictions depend on besides its files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A way to make an HDR picture from an LDR picture.

    Attributes:
        name: what the user typed.
        kind: how it is opened.
        path: its file or folder; None for a built-in method.
        variant: the operator or network, for kinds that have several.
        fingerprint: SHA-256 of everything that decides its predictions; for a folder of predictions, of all its files.
        input_size: side in pixels of the square input that it was made for; None: any size.
    """

    name: str
    kind: Kind
    fingerprint: str
    path: Path | None = None
    variant: str = ""
    input_size: int | None = None


def parse_method(name: str) -> Method:
    """Find out what a name of the table above stands for, and check that it can be opened.

    Raises:
        UnknownNameError: nothing goes by this name, and nothing lies at this path.
        ModelFileError: a folder with a manifest is no exported model, or a file in it was changed.
        WeightsError: a checkpoint or a file of weights is missing or damaged.
    """
    from mqn.hdr.expansion import EXPANSIONS

    path = Path(name)
    if name in (DO_NOTHING, ORACLE):
        return Method(name=name, kind="oracle" if name == ORACLE else "do-nothing", fingerprint=hash_parts(name, NOISE))
    if name in EXPANSIONS:
        return Method(
            name=name, kind="operator", variant=name, fingerprint=hash_parts(name, _code("mqn.hdr.expansion"))
        )
    if name == DEFAULT:
        return _exported(name, FOLDER)
    if path.is_dir():
        return _folder(name, path)
    if path.suffix == ".tflite" and path.is_file():
        return _exported(name, path.parent)
    if path.suffix == ".pt" and path.is_file():
        return _checkpoint(name, path)
    variant, separator, file = name.partition(":")
    if separator:
        return _peer(name, variant, Path(file))
    known = (DO_NOTHING, ORACLE, DEFAULT, *EXPANSIONS, "expandnet:FILE", "lhdr:FILE")
    advice = f"or give an exported model's folder, a checkpoint.pt or {_PREDICTIONS}; nothing lies at {name}"
    raise UnknownNameError("method", name, known, advice)


def _folder(name: str, path: Path) -> Method:
    from mqn.infer.exported import MANIFEST, files_of

    if (path / MANIFEST).is_file():
        return _exported(name, path)
    try:
        files_of(path)
    except ModelFileError:
        return Method(name=name, kind="folder", path=path, fingerprint=PredictionFolder(path).fingerprint())
    raise ModelFileError(f"{path} holds a model without its {MANIFEST}, which says how to read its output")


def _exported(name: str, path: Path) -> Method:
    from mqn.infer.exported import open_exported

    exported = open_exported(path)
    return Method(
        name=name,
        kind="exported",
        path=path,
        fingerprint=hash_parts(*(file_hash(file) for file in exported.files), exported.codec, _code(*_EXPORTED_CODE)),
        input_size=exported.input_size,
    )


def _checkpoint(name: str, path: Path) -> Method:
    from mqn.models.checkpoint import load

    arch, _, _ = load(path)
    return Method(
        name=name,
        kind="checkpoint",
        path=path,
        fingerprint=hash_parts(file_hash(path), _code("mqn.models.checkpoint", *_DECODING), _network_code(type(arch))),
        input_size=arch.input_size,
    )


def _peer(name: str, variant: str, path: Path) -> Method:
    from mqn.families.contract import find_family
    from mqn.models.peers import load

    load(variant, path)
    return Method(
        name=name,
        kind="peer",
        path=path,
        variant=variant,
        fingerprint=hash_parts(
            variant,
            file_hash(path),
            _code("mqn.models.peers", *_DECODING),
            _network_code(find_family(variant).arch),
        ),
    )


def hash_parts(*parts: object) -> str:
    """Hash everything that decides a prediction (SHA-256)."""
    return content_hash([_VERSION, *parts])


def _network_code(arch: type) -> list[str]:
    """Hash the source of a family of networks: all of its package, or its file if it is a lone module."""
    source = Path(str(sys.modules[arch.__module__].__file__))
    return [file_hash(file) for file in (sorted(source.parent.glob("*.py")) if "." in arch.__module__ else [source])]


def _code(*names: str) -> list[str]:
    """Hash the source of modules or packages: figures of an operator must not outlive a correction of its code."""
    from importlib.util import find_spec

    hashes = []
    for name in names:
        spec = find_spec(name)
        assert spec is not None
        source = Path(str(spec.origin))
        files = sorted(source.parent.glob("*.py")) if source.name == "__init__.py" else [source]
        hashes += [file_hash(file) for file in files]
    return hashes
