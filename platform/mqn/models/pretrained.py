"""Pretrained weights (first simple form)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from mqn.errors import WeightsError
from mqn.models.encoder import BLOCKS, Encoder


def load_encoder(encoder: Encoder, source: str, width: float) -> None:
    """Load weights into the encoder: `random` keeps it, else a path to an .npz."""
    if source == "random":
        return
    path = Path(source)
    if source == "imagenet" or not path.is_file():
        raise WeightsError(f"no weights at {source!r} for width {width}; give a path to an .npz file")
    with np.load(path) as archive:
        arrays = {name.split("|", 1)[1]: archive[name] for name in archive.files}
    pairs = [("Conv1", "bn_Conv1", encoder.conv1)]
    for index in range(BLOCKS):
        block, prefix = encoder.block(index), f"block_{index}" if index else "expanded_conv"
        for part in ("expand", "depthwise", "project"):
            layer = getattr(block, part)
            if layer is not None:
                pairs.append((f"{prefix}_{part}", f"{prefix}_{part}_BN", layer))
    with torch.no_grad():
        for conv, norm, layer in pairs:
            kernel = arrays[f"{conv}|0"]
            order = (2, 3, 0, 1) if "depthwise" in conv else (3, 2, 0, 1)
            layer.conv.weight.copy_(torch.from_numpy(kernel.transpose(order).copy()))
            names = (layer.norm.weight, layer.norm.bias, layer.norm.running_mean, layer.norm.running_var)
            for position, tensor in enumerate(names):
                tensor.copy_(torch.from_numpy(arrays[f"{norm}|{position}"]))
