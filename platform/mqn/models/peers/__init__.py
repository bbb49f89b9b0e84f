"""Published networks of other people, rebuilt so that their weights load: what our own are compared with.

| name | network | parameters | MACs at 256 x 256 | output |
| --- | --- | --- | --- | --- |
| `expandnet` | ExpandNet, Marnerides et al. 2018 | 0.457 M | 13.62 G | sigmoid, linear |
| `lhdr` | LHDR, Guo and Jiang 2022 | 0.271 M | 5.43 G | light to the power 0.45 |

The weights are their authors' files of a state dict, which are not shipped with this package.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mqn.errors import UnknownNameError
from mqn.families.contract import build_network, find_family
from mqn.hdr.codec import decode
from mqn.home import home
from mqn.models import checkpoint
from mqn.parsing import file_hash, from_mapping
from mqn.records import Arch, Training

PEERS = ("expandnet", "lhdr")
"""Their families: `arch.weights` names the file of weights, and their networks can `predict` a picture in tiles."""

SIZE = 256
"""Default side in pixels of their exported files' input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictor:
    """A network with its weights, on numpy pictures. Can be pickled.

    Attributes:
        name: out of `PEERS`.
        network: in eval mode, on the CPU.
    """

    name: str
    network: Any

    def __call__(self, ldr: np.ndarray) -> np.ndarray:
        """Reconstruct a picture of any size.

        A large picture goes through in tiles, with the same result. The process's memory at its peak, torch's 0.28 GB
        among it, was 0.47 GB (ExpandNet) and 0.43 GB (LHDR) for 512 x 384, 0.55 and 0.80 GB for 1920 x 1080.

        Args:
            ldr: (H, W, 3) floats in [0, 1], display-referred, as the network was trained: sRGB or alike.

        Returns:
            (H, W, 3) float32, linear, not negative. 1.0 is the network's own 1.0: the brightest value of the HDR
            pictures that it was trained on, each divided by its own maximum.
        """
        pixels = np.ascontiguousarray(np.moveaxis(np.asarray(ldr, np.float32), -1, 0))
        with torch.inference_mode():
            picture = torch.from_numpy(pixels)
            light = decode(self.network.predict(picture[None])[0], find_family(self.name).codecs[0], picture)
        return np.ascontiguousarray(np.moveaxis(light.numpy(), 0, -1))


def write_checkpoint(name: str, path: Path, *, size: int = SIZE) -> Path:
    """Write its authors' weights as a checkpoint, so that a peer goes the way of every trained network.

    It lies under `$MQN_HOME`, named for network, weights and size, and is written once.

    Args:
        name: out of `PEERS`.
        path: as in `load`.
        size: side in pixels of the square input that the exported file gets.

    Raises:
        UnknownNameError: as in `load`.
        WeightsError: as in `load`.
        ConfigError: no such network takes pictures of this size.
    """
    network, family = load(name, path).network, find_family(name)
    arch = from_mapping(Arch, {"family": name, "input_size": size}, source=f"{name} of {size} pixels")
    target = home() / "cache" / "published" / f"{name}-{file_hash(path)[:16]}-{size}.pt"
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        training = from_mapping(Training, {"codec": family.codecs[0]}, source=name)
        checkpoint.save(target, arch, training, network)
    return target


def load(name: str, path: Path | str) -> Predictor:
    """Make a network and load its authors' weights.

    Args:
        name: out of `PEERS`.
        path: a file of the network's state dict, as torch writes it.

    Raises:
        UnknownNameError: there is no such network; names the nearest.
        WeightsError: the file is missing, damaged, or another network's.
    """
    if name not in PEERS:
        raise UnknownNameError("peer network", name, PEERS)
    arch = find_family(name).arch(weights=str(Path(path).absolute()))  # type: ignore[call-arg]
    return Predictor(name=name, network=build_network(arch).eval())
