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

import numpy as np
import torch

from mqn.errors import UnknownNameError
from mqn.models.peers.expandnet import ExpandNet
from mqn.models.peers.lhdr import LHDR
from mqn.models.peers.weights import load_state

PEERS: dict[str, type[ExpandNet] | type[LHDR]] = {"expandnet": ExpandNet, "lhdr": LHDR}


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictor:
    """A network with its weights, on numpy pictures. Can be pickled.

    Attributes:
        name: out of `PEERS`.
        network: in eval mode, on the CPU.
    """

    name: str
    network: ExpandNet | LHDR

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
            light = self.network.predict(torch.from_numpy(pixels)[None])[0]
        return np.ascontiguousarray(np.moveaxis(light.numpy(), 0, -1))


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
    network = PEERS[name]()
    load_state(network, Path(path))
    return Predictor(name=name, network=network.eval())
