"""The paper's Figure 5 for any exported file: features at an interface beside those of the float network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mqn.errors import PlanError
from mqn.export.quantize.equalization import channel_factors
from mqn.export.quantize.parity import dequantize
from mqn.features.channels import Choice
from mqn.features.differences import Grid, measure, pmf
from mqn.features.views import PictureFigures, QuantizedFigures, QuantizedMaps, QuantizedView, Shown
from mqn.hdr.codec import decode, in_scale
from mqn.infer.interpreter import open_interpreter, run
from mqn.tflite.cutting import INPUT, OUTPUT, cut_tensor, expose
from mqn.tflite.flatbuffer import DTYPES, Network

_FEATURES = "features"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedModel:
    """An exported model and the float network that it was made from.

    Attributes:
        name: what it is called.
        plan: its plan's label.
        cut: where its plan cuts the network.
        codec: how its output stands for linear light.
        files: one, or backbone and head.
        float_model: what `convert` wrote, with `cuts.json` beside it.
    """

    name: str
    plan: str
    cut: str
    codec: str
    files: Sequence[Path]
    float_model: Path


def compare_features(
    model: ComparedModel, interface: str | None, pictures: Sequence[Shown], choice: Choice
) -> QuantizedView:
    """Run file and float network on the same pictures and look at the same tensor.

    Args:
        model: both.
        interface: one of the names in `cuts.json`, None: the plan's cut; the tensor may lie anywhere in the files.
        pictures: of the files' input size; at least one.
        choice: which channels are shown, the same in all pictures.

    Raises:
        PlanError: no such interface (names the nearest), or the files and the float network are not the same network.
        UsageError: no such channel.
        ModelFileError: a file is missing or damaged.
    """
    interface = interface or model.cut
    tensor = cut_tensor(model.float_model, interface)
    before = _Opened([Network.read(model.float_model)], tensor)
    after = _Opened([Network.read(file) for file in model.files], tensor)
    if before.shape != after.shape:
        raise PlanError(
            f"{model.name} has features of shape {after.shape} at {interface}, its float network {before.shape}: not "
            "the same network, export it again"
        )
    runs = [(before.run(shown.ldr), after.run(shown.ldr)) for shown in pictures]
    expected, found = (np.stack([run[side][_FEATURES] for run in runs]) for side in (0, 1))
    squares = np.square(found - expected, dtype=np.float64).mean(axis=(0, 1, 2))
    chosen = choice.of(squares if choice.by == "different" else expected.std(axis=(0, 1, 2), dtype=np.float64))
    figures = QuantizedFigures(
        model=model.name,
        plan=model.plan,
        interface=interface,
        dtype=after.dtype.name,
        grids=after.grids,
        shape=before.shape,
        chosen=chosen,
        chosen_by=choice.words,
        all=measure(expected, found, after.grid, after.factors),
        pictures=tuple(
            _figures(shown.name, one, other, after, chosen)
            for shown, one, other in zip(pictures, expected, found, strict=True)
        ),
    )
    maps = tuple(
        QuantizedMaps(
            ldr=shown.ldr,
            light=in_scale(decode(outputs[0][OUTPUT], model.codec, shown.ldr), model.codec),
            light_found=in_scale(decode(outputs[1][OUTPUT], model.codec, shown.ldr), model.codec),
            expected=np.stack([one[..., channel] for channel in chosen]),
            found=np.stack([other[..., channel] for channel in chosen]),
        )
        for shown, outputs, one, other in zip(pictures, runs, expected, found, strict=True)
    )
    return QuantizedView(figures=figures, maps=maps)


def _figures(
    picture: str, expected: np.ndarray, found: np.ndarray, model: _Opened, chosen: Sequence[int]
) -> PictureFigures:
    """Of features (H, W, C)."""
    grids = model.grids or [None] * model.shape[2]
    channels = [(expected[..., k], found[..., k], grid) for k, grid in enumerate(grids)]
    return PictureFigures(
        picture=picture,
        all=measure(expected, found, model.grid, model.factors),
        channels=tuple(measure(*channel) for channel in channels),
        pmfs=tuple(pmf(*channels[k]) for k in chosen),
    )


class _Opened:
    """A model's files, ready to run, with one tensor as a further output."""

    def __init__(self, parts: Sequence[Network], tensor: str) -> None:
        """Open a model's networks, in the order they run.

        Raises:
            PlanError: none of them computes the tensor; names the nearest.
        """
        holding = next((p for p in parts if any(p.tensors[i].name == tensor for i in p.computed())), parts[0])
        opened = [expose(part, {_FEATURES: tensor}) if part is holding else part for part in parts]
        self._part, self._tensor = holding, tensor
        self._interpreters = [open_interpreter(part.to_bytes()) for part in opened]
        details = holding.tensors[holding.index(tensor)]
        _, *sides = (int(side) for side in details.shape)
        self.shape: tuple[int, int, int] = (sides[0], sides[1], sides[2])
        self.dtype = np.dtype(DTYPES[details.type])
        self.factors = np.broadcast_to(channel_factors(holding, tensor), self.shape[2:])
        self.grid = Grid.of(details, self.dtype)
        self.grids = tuple(self.grid.times(float(factor)) for factor in self.factors) if self.grid else ()

    def run(self, ldr: np.ndarray) -> dict[str, np.ndarray]:
        """Run the networks on a picture, (S, S, 3). Output (S, S, 3) and features (H, W, C) are floats."""
        values = {INPUT: np.ascontiguousarray(ldr[None], np.float32)}
        for interpreter in self._interpreters:
            values |= run(interpreter, values)
        features = dequantize(values[_FEATURES], self._part, self._tensor)
        return {OUTPUT: values[OUTPUT][0], _FEATURES: features[0]}
