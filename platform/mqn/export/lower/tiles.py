"""Convolve several pixels of a row in one step, until they fill the tiles of AMX: the same sums.

Intel's AMX multiplies 64 channels in by 16 out in one instruction, and XNNPACK's kernels for it compute 64 channels out
at a time. The layers at full and half resolution have 3 to 48 channels, so most of a tile is zeros. Four pixels of 16
channels are one pixel of 64 (`folding.py`): the head's first convolution, 16 to 12 channels of 3 x 3, takes a quarter
of the tiles. With it a fused file takes 0.76 of its time at one thread and 0.80 at two (CA, 256 x 256, int8 + dynamic,
Intel Xeon with AMX, `tests/benchmarks/bench_fused.py`).

On a processor without AMX the blocks are smaller, and there most of what is added here are multiplications by zero.
So this rewrite is not made by default. `mqn export --tune` finds out where it pays.
"""

from __future__ import annotations

import math
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from mqn.export.lower.folding import can_fold, divides, fold_pixels
from mqn.export.lower.rewriting import replace_operators
from mqn.tflite.flatbuffer import Network

TILE = 64
"""Channels, in or out, of 8 bits that a kernel takes at once."""

_FOLDS = (1, 2, 4, 8, 16, 32, 64)
_READ = (schema.TensorType.FLOAT32, schema.TensorType.INT8)  # Of 16-bit integers there is no such kernel.


def fill_tiles(network: Network) -> int:
    """Rewrite, in place, every convolution of 8-bit weights that takes fewer tiles so. Returns how many there were."""
    count = 0
    for operator in list(network.operators):
        if can_fold(network, operator) and (fold := _best_fold(network, operator)) > 1:
            replace_operators(network, [operator], fold_pixels(network, operator, fold))
            count += 1
    if count:
        network.drop_unused()
    return count


def _best_fold(network: Network, convolution: Any) -> int:
    source, kernel = convolution.inputs[:2]
    result = convolution.outputs[0]
    if network.tensors[kernel].type != schema.TensorType.INT8 or network.tensors[source].type not in _READ:
        return 1
    # The delegate finds a range for the pixels of a 1x1 convolution one by one, so that folding would change it.
    if network.tensors[source].type == schema.TensorType.FLOAT32 and _is_pointwise(network, kernel):
        return 1
    # Edges of the file keep their shape.
    if network.producer(source) is None or result in network.graph.outputs:
        return 1
    out, _, _, channels = network.tensors[kernel].shape
    possible = [fold for fold in _FOLDS if divides(network, fold, source)]
    return min(possible, key=lambda fold: (_tiles(fold * channels) * _tiles(fold * out) / fold, fold), default=1)


def _is_pointwise(network: Network, kernel: int) -> bool:
    return list(network.tensors[kernel].shape[1:3]) == [1, 1]


def _tiles(channels: int) -> int:
    return math.ceil(channels / TILE)
