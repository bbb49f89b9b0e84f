"""Methods by name: what a user types, and what is known of it.

| name | method |
| --- | --- |
| `do-nothing` | the linearised input, the baseline that every figure stands beside |
| `oracle` | the truth with 1 % seeded noise: about the best that can be reached |
| `banterle`, ... | the classical operators of `mqn.hdr.expansion` |
| `expandnet:FILE`, `lhdr:FILE` | networks of other people with their weights (`mqn.models.peers`) |
| FILE.pt | a training's checkpoint, run in float by torch |
| DIR | what `mqn export` or `mqn select` wrote (it has a manifest.json), else a folder of predictions |

Names are turned into a `Method`, a record that travels to other processes; each of them opens it for itself
(`mqn.scoring.predictors`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mqn.errors import ModelFileError, UnknownNameError
from mqn.parsing import content_hash, file_hash
from mqn.scoring.predictions import PredictionFolder

Kind = Literal["do-nothing", "oracle", "operator", "peer", "exported", "checkpoint", "folder"]

DO_NOTHING = "do-nothing"
ORACLE = "oracle"
NOISE = 0.01
"""Of the oracle: the standard deviation of its values, as a share of the truth's."""

_VERSION = 1
_PREDICTIONS = "a folder of pictures"
_EXPORTED_CODE = (
    *("mqn.export.picture", "mqn.export.tiling", "mqn.export.resize", "mqn.export.runner"),
    "mqn.hdr.codec",
)
"""What an exported model's predictions depend on besides its files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """Something that makes an HDR picture of an LDR one.

    Attributes:
        name: as it was given.
        kind: how it is opened.
        path: its file or folder; None where it is built in.
        variant: which operator or network, where the kind has several.
        fingerprint: SHA-256 of everything that decides its predictions. A folder of predictions has one a picture.
        input_size: side in pixels of the square that it was made for; None where it is made for any.
    """

    name: str
    kind: Kind
    fingerprint: str
    path: Path | None = None
    variant: str = ""
    input_size: int | None = None


def parse_method(name: str) -> Method:
    """Find out what a name stands for, and that it can be opened.

    Args:
        name: see the table above.

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
    if path.is_dir():
        return _folder(name, path)
    if path.suffix == ".tflite" and path.is_file():
        return _exported(name, path.parent)
    if path.suffix == ".pt" and path.is_file():
        return _checkpoint(name, path)
    variant, separator, file = name.partition(":")
    if separator:
        return _peer(name, variant, Path(file))
    known = (DO_NOTHING, ORACLE, *EXPANSIONS, "expandnet:FILE", "lhdr:FILE")
    advice = f"or give an exported model's folder, a checkpoint.pt or {_PREDICTIONS}; nothing lies at {name}"
    raise UnknownNameError("method", name, known, advice)


def _folder(name: str, path: Path) -> Method:
    from mqn.export.exported import MANIFEST, files_of

    if (path / MANIFEST).is_file():
        return _exported(name, path)
    try:
        files_of(path)
    except ModelFileError:
        return Method(name=name, kind="folder", path=path, fingerprint=PredictionFolder(path).fingerprint())
    raise ModelFileError(f"{path} holds a model without its {MANIFEST}, which says how to read its output")


def _exported(name: str, path: Path) -> Method:
    from mqn.export.exported import open_exported

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
        fingerprint=hash_parts(file_hash(path), _code("mqn.models", "mqn.hdr.codec")),
        input_size=arch.input_size,
    )


def _peer(name: str, variant: str, path: Path) -> Method:
    from mqn.models.peers import load

    load(variant, path)
    return Method(
        name=name,
        kind="peer",
        path=path,
        variant=variant,
        fingerprint=hash_parts(variant, file_hash(path), _code("mqn.models.peers")),
    )


def hash_parts(*parts: object) -> str:
    """SHA-256 of whatever decides a prediction."""
    return content_hash([_VERSION, *parts])


def _code(*names: str) -> list[str]:
    """Hashes of the source of modules or packages: an operator that was put right must not keep its old figures."""
    from importlib.util import find_spec

    hashes = []
    for name in names:
        spec = find_spec(name)
        assert spec is not None
        source = Path(str(spec.origin))
        files = sorted(source.parent.glob("*.py")) if source.name == "__init__.py" else [source]
        hashes += [file_hash(file) for file in files]
    return hashes
