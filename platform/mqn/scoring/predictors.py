"""Methods by name: what a user types, what is known of it, and the function that it stands for.

| name | method |
| --- | --- |
| `do-nothing` | the linearised input, the baseline that every figure stands beside |
| `oracle` | the truth with 1 % seeded noise: about the best that can be reached |
| `banterle`, ... | the classical operators of `mqn.hdr.expansion` |
| `expandnet:FILE`, `lhdr:FILE` | networks of other people with their weights (`mqn.models.peers`) |
| FILE.pt | a training's checkpoint, run in float by torch |
| DIR | what `mqn export` or `mqn select` wrote (it has a manifest.json), else a folder of predictions |

Names are turned into a `Method`, a record that travels to other processes; each of them opens it for itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from mqn.errors import ModelFileError, UnknownNameError
from mqn.metrics.protocol import do_nothing
from mqn.parsing import content_hash, file_hash
from mqn.scoring.predictions import PredictionFolder

if TYPE_CHECKING:
    from mqn.data.pairs import EvaluationPicture

Kind = Literal["do-nothing", "oracle", "operator", "peer", "exported", "checkpoint", "folder"]

DO_NOTHING = "do-nothing"
ORACLE = "oracle"
NOISE = 0.01
STRIDE = 32
"""Networks halve their input five times; other sizes are padded to a multiple of this."""

_VERSION = 1
_PREDICTIONS = "a folder of pictures"

Predict = Callable[["EvaluationPicture"], np.ndarray]


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
        return Method(name=name, kind="oracle" if name == ORACLE else "do-nothing", fingerprint=_hash(name, NOISE))
    if name in EXPANSIONS:
        return Method(name=name, kind="operator", variant=name, fingerprint=_hash(name, _code("mqn.hdr.expansion")))
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


class Predictor:
    """A method at work; what it needs is loaded at the first prediction, one thread each."""

    def __init__(self, method: Method) -> None:
        self.method = method

    def fingerprint(self, picture_name: str) -> str:
        """What decides the prediction of one picture, so that nothing is judged twice.

        Raises:
            PictureError: a folder of predictions holds none for this picture.
        """
        if self.method.kind != "folder":
            return self.method.fingerprint
        return _hash(file_hash(self._folder.find(picture_name)))

    def predict(self, picture: EvaluationPicture) -> np.ndarray:
        """Predict a picture.

        Args:
            picture: its LDR input is looked at; its name by a folder of predictions, its truth by the oracle alone.

        Returns:
            (H, W, 3) linear, 1.0 = the truth's 99.9 % point.

        Raises:
            ModelFileError: an exported model is damaged.
            WeightsError: a checkpoint or a file of weights is damaged.
            PictureError: a folder of predictions holds none for this picture, or a damaged one.
        """
        return self._predict(picture)

    @cached_property
    def _predict(self) -> Predict:
        if self.method.kind == "folder":
            return lambda picture: self._folder.read(picture.name)
        return _OPENERS[self.method.kind](self.method)

    @cached_property
    def _folder(self) -> PredictionFolder:
        return PredictionFolder(_path(self.method))


def oracle(picture: EvaluationPicture) -> np.ndarray:
    """The truth with noise of 1 % of each value, normally distributed and seeded by the picture's name."""
    seed = int.from_bytes(hashlib.sha256(picture.name.encode()).digest()[:8])
    noise = np.random.default_rng(seed).standard_normal(picture.truth.shape, np.float32)
    noisy: np.ndarray = np.maximum(picture.truth * (1 + np.float32(NOISE) * noise), np.float32(0))
    return noisy


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
        fingerprint=_hash(*(file_hash(file) for file in exported.files), exported.codec),
        input_size=exported.input_size,
    )


def _checkpoint(name: str, path: Path) -> Method:
    from mqn.models.checkpoint import load

    arch, _, _ = load(path)
    return Method(
        name=name, kind="checkpoint", path=path, fingerprint=_hash(file_hash(path)), input_size=arch.input_size
    )


def _peer(name: str, variant: str, path: Path) -> Method:
    from mqn.models.peers import load

    load(variant, path)
    return Method(
        name=name,
        kind="peer",
        path=path,
        variant=variant,
        fingerprint=_hash(variant, file_hash(path), _code("mqn.models.peers")),
    )


def _open_exported(method: Method) -> Predict:
    from mqn.export.exported import open_exported
    from mqn.export.picture import Expander

    exported = open_exported(_path(method))
    expander = Expander(exported.files, exported.codec)
    return lambda picture: expander.expand(picture.ldr)


def _open_checkpoint(method: Method) -> Predict:
    import torch

    from mqn.hdr.codec import decode
    from mqn.models.checkpoint import load

    _, training, network = load(_path(method))

    def predict(picture: EvaluationPicture) -> np.ndarray:
        height, width, _ = picture.ldr.shape
        # The edge is repeated rather than mirrored: a picture may be smaller than what is added.
        padded = np.pad(picture.ldr, ((0, -height % STRIDE), (0, -width % STRIDE), (0, 0)), mode="edge")
        with torch.inference_mode():
            output = network(torch.from_numpy(np.ascontiguousarray(padded.transpose(2, 0, 1)))[None])[0]
        return np.asarray(decode(output.numpy().transpose(1, 2, 0)[:height, :width], training.codec), np.float32)

    return predict


def _open_operator(method: Method) -> Predict:
    from mqn.hdr.expansion import EXPANSIONS

    expand = EXPANSIONS[method.variant]
    return lambda picture: expand(picture.ldr)


def _open_peer(method: Method) -> Predict:
    from mqn.models.peers import load

    network = load(method.variant, _path(method))
    return lambda picture: network(picture.ldr)


_OPENERS: dict[Kind, Callable[[Method], Predict]] = {
    "do-nothing": lambda _: lambda picture: do_nothing(picture.ldr),
    "oracle": lambda _: oracle,
    "operator": _open_operator,
    "peer": _open_peer,
    "exported": _open_exported,
    "checkpoint": _open_checkpoint,
}


def _path(method: Method) -> Path:
    assert method.path is not None
    return method.path


def _hash(*parts: object) -> str:
    return content_hash([_VERSION, *parts])


def _code(package: str) -> list[str]:
    """Hashes of a package's source: an operator that was put right must not keep its old figures."""
    from importlib import import_module

    folder = Path(str(import_module(package).__file__)).parent
    return [file_hash(file) for file in sorted(folder.glob("*.py"))]
