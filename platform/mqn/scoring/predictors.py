"""Runs methods: loads the function that a method stands for when the first prediction is asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mqn.metrics.protocol import do_nothing
from mqn.parsing import file_hash
from mqn.scoring.methods import NOISE, Kind, Method, hash_parts
from mqn.scoring.predictions import PredictionFolder

if TYPE_CHECKING:
    from mqn.data.pairs.evaluation import EvaluationPicture

Predict = Callable[["EvaluationPicture"], np.ndarray]


class Predictor:
    """A method that can predict. Its network or file is loaded at the first prediction and uses one thread."""

    def __init__(self, method: Method) -> None:
        self.method = method

    def fingerprint(self, picture_name: str) -> str:
        """Hash what decides one picture's prediction; raises `PictureError` if a folder has no prediction of it."""
        if self.method.kind != "folder":
            return self.method.fingerprint
        return hash_parts(file_hash(self._folder.find(picture_name)))

    def predict(self, picture: EvaluationPicture) -> np.ndarray:
        """Predict a picture: (H, W, 3) linear, 1.0 = the truth's 99.9 % point.

        Its LDR input is looked at; its name by a folder of predictions, its truth by the oracle alone.

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
    """Return the truth with 1 % Gaussian noise on each value, seeded by the picture's name."""
    seed = int.from_bytes(hashlib.sha256(picture.name.encode(errors="surrogateescape")).digest()[:8])
    noise = np.random.default_rng(seed).standard_normal(picture.truth.shape, np.float32)
    noisy: np.ndarray = np.maximum(picture.truth * (1 + np.float32(NOISE) * noise), np.float32(0))
    return noisy


def _open_exported(method: Method) -> Predict:
    from mqn.infer.exported import open_exported
    from mqn.infer.picture import Expander

    exported = open_exported(_path(method))
    expander = Expander(exported.files, exported.codec)
    return lambda picture: expander.expand(picture.ldr)


def _open_checkpoint(method: Method) -> Predict:
    import torch

    from mqn.hdr.codec import decode, in_scale
    from mqn.models.checkpoint import load

    arch, training, network = load(_path(method))

    def predict(picture: EvaluationPicture) -> np.ndarray:
        height, width, _ = picture.ldr.shape
        # Repeat the edge instead of mirroring it: a picture may be smaller than the padding.
        padded = np.pad(picture.ldr, ((0, -height % arch.stride), (0, -width % arch.stride), (0, 0)), mode="edge")
        with torch.inference_mode():
            output = network(torch.from_numpy(np.ascontiguousarray(padded.transpose(2, 0, 1)))[None])[0]
        light = decode(output.numpy().transpose(1, 2, 0)[:height, :width], training.codec, picture.ldr)
        return np.asarray(in_scale(light, training.codec), np.float32)

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
