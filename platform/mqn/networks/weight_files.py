"""Files of weights as Keras and we write them: layers in order, with arrays that go into torch's tensors.

* `.npz`, arrays named `NNN|layer|index` or `layer/kernel`, `layer/bias`;
* `.h5`, Keras's old format: a group a layer, in the model's order (what Keras publishes);
* `.weights.h5`, Keras's new format: groups named by class and count (`conv2d_3`), in no order across classes.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mqn.errors import WeightsError
from mqn.faults import fault_of

IMAGENET = "imagenet"
_LARGEST_BYTES = 4 << 30
_POSITIONS = {"kernel": 0, "bias": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer's arrays, in Keras's order: kernel, bias; or gamma, beta, mean, variance."""

    name: str
    arrays: tuple[np.ndarray, ...]


def read_layers(path: Path, classes: Sequence[str]) -> list[Layer]:
    """Read every layer that has weights.

    Args:
        path: an .npz or .h5 file.
        classes: Keras's class of each layer with weights, in the model's order, as the new format spells it (`conv2d`,
            `depthwise_conv2d`, `batch_normalization`): that format says only the order within a class.

    Returns:
        The layers in the model's order, arrays float32.

    Raises:
        WeightsError: the file is missing, damaged, or of another kind.
        DiskError: the disk failed.
    """
    if not path.is_file():
        raise WeightsError(f"no weights file {path}; give 'imagenet', 'random' or the path to an .npz or .h5 file")
    try:
        if path.suffix == ".npz":
            return _read_npz(path)
        if path.suffix == ".h5":
            return _read_h5(path, classes)
    except Exception as error:
        # A damaged file can ask for any amount of memory: only what the system says is a fault.
        if fault := (fault_of(error) if isinstance(error, OSError) else None):
            raise fault from error
        words = " ".join(str(error).split())[:200] or type(error).__name__
        raise WeightsError(f"{path} cannot be read as a file of weights: {words}") from error
    raise WeightsError(f"{path} is no file of weights; its name must end in .npz or .h5")


def copy_layer(layer: Layer, name: str, kind: str, tensors: Sequence[Tensor], where: str) -> None:
    """Copy one layer's arrays, kernels from Keras's order of axes to torch's."""
    arrays = [_to_torch(array, kind) for array in layer.arrays]
    found, wanted = [array.shape for array in arrays], [tuple(tensor.shape) for tensor in tensors]
    if found != wanted:
        raise WeightsError(f"{where}: {name} has arrays of shapes {found}, wanted {wanted} (in torch's order of axes)")
    if not all(np.isfinite(array).all() for array in arrays):
        raise WeightsError(f"{where}: {name} holds values that are not finite")
    with torch.no_grad():
        for tensor, array in zip(tensors, arrays, strict=True):
            tensor.copy_(torch.from_numpy(array))


def _to_torch(array: np.ndarray, kind: str) -> np.ndarray:
    if array.ndim != 4:
        return array
    # HWIO -> OIHW; a depthwise kernel is (H, W, channels, 1) in Keras and (channels, 1, H, W) in torch.
    return np.ascontiguousarray(array.transpose((2, 3, 0, 1) if kind == "depthwise_conv2d" else (3, 2, 0, 1)))


def present(tensor: Tensor | None) -> Tensor:
    """A tensor that torch's types call optional and that is always there."""
    assert tensor is not None
    return tensor


def _read_npz(path: Path) -> list[Layer]:
    found: dict[str, dict[int, np.ndarray]] = {}
    with zipfile.ZipFile(path) as archive:
        if (whole := sum(info.file_size for info in archive.infolist())) > _LARGEST_BYTES:
            raise ValueError(f"it would grow to {whole} bytes; at most {_LARGEST_BYTES}")
    with np.load(path) as archive:
        # The numbers are the order; without them the file's own order is all there is.
        for entry in sorted(archive.files, key=lambda name: name.split("|")[0] if "|" in name else ""):
            numbered = re.fullmatch(r"\d+\|(.+)\|(\d+)", entry)
            named = re.fullmatch(r"(.+)/(kernel|bias)", entry)
            if numbered:
                layer, position = numbered[1], int(numbered[2])
            elif named:
                layer, position = named[1], _POSITIONS[named[2]]
            else:
                raise ValueError(f"array {entry!r} is named neither NNN|layer|index nor layer/kernel, layer/bias")
            found.setdefault(layer, {})[position] = archive[entry].astype(np.float32)
    return [Layer(name=name, arrays=tuple(arrays[i] for i in sorted(arrays))) for name, arrays in found.items()]


def _read_h5(path: Path, classes: Sequence[str]) -> list[Layer]:
    import h5py

    with h5py.File(path, "r") as file:
        if "layer_names" in file.attrs:
            return _read_old_h5(file)
        if "layers" in file:
            return _read_new_h5(file["layers"], classes)
    raise ValueError("neither 'layer_names' nor 'layers' is in it")


def _read_old_h5(file: Any) -> list[Layer]:
    layers = []
    for name in map(_text, file.attrs["layer_names"]):
        group = file[name]
        arrays = tuple(np.asarray(group[_text(weight)], np.float32) for weight in group.attrs["weight_names"])
        if arrays:
            layers.append(Layer(name=name, arrays=arrays))
    return layers


def _read_new_h5(groups: Any, classes: Sequence[str]) -> list[Layer]:
    layers = []
    counts: dict[str, int] = {}
    for kind in classes:
        count = counts.get(kind, 0)
        counts[kind] = count + 1
        name = f"{kind}_{count}" if count else kind
        if name not in groups:
            break
        variables = groups[name]["vars"]
        arrays = tuple(np.asarray(variables[str(i)], np.float32) for i in range(len(variables)))
        layers.append(Layer(name=name, arrays=arrays))
    return layers


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
