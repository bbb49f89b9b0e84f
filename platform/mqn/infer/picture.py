"""A whole picture through an exported model, at the picture's own resolution."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mqn.errors import UsageError
from mqn.hdr.codec import in_scale, is_relative, most_light
from mqn.hdr.gains import brightened, gain_stops
from mqn.infer.guided import enlarge
from mqn.infer.runner import Runner
from mqn.infer.tiling import blend, match_level
from mqn.tflite.facts import read_facts
from mqn.tflite.flatbuffer import Network
from mqn.tflite.resize import retarget

TILE = 1440
"""Default side of a tile in pixels: 1440 x 1440 is as much as 1920 x 1080, so Full HD is reconstructed whole."""

OVERLAP = 160
"""Least pixels that neighbouring tiles share."""

GUIDE_CELL = 128
"""Side in pixels of the regions whose level comes from the reduced whole picture."""

MAP_PIXELS = 2**20
"""As many does a gain map need at most: phones write theirs with a quarter of the picture's sides."""

LEAST_TILE = 2 * OVERLAP + 32


class Expander:
    """Turns LDR pictures into HDR ones. Pictures of the same size share one set of resized files.

    `gives_gains` says whether the network's output is a gain on its input (the codec `gain`).
    """

    def __init__(
        self, files: Sequence[Path], codec: str, threads: int = 1, tile: int = TILE, white: float | None = None
    ) -> None:
        """Prepare a model.

        Args:
            files: of the model, one, or backbone and head.
            codec: one of `mqn.hdr.codec.CODECS`.
            threads: of the runtime.
            tile: pictures of more than tile x tile pixels are reconstructed in overlapping tiles of at most that side.
            white: what the input's white becomes, where the codec knows it (`gain`); None: 1.0 is the picture's scale
                there too.

        Raises:
            UsageError: tiles too small to overlap.
        """
        if tile < LEAST_TILE:
            raise UsageError(f"--tile {tile} is too small to overlap; give at least {LEAST_TILE} pixels")
        self._files = tuple(files)
        self._codec = codec
        self._threads = threads
        self.gives_gains = is_relative(codec)
        self._white = white if self.gives_gains else None
        self._stride = read_facts(Network.read(self._files[0])).stride
        self._tile = tile // self._stride * self._stride
        self._size: tuple[int, ...] | None = None
        self._runner: Runner | None = None

    def expand(self, ldr: np.ndarray) -> np.ndarray:
        """Reconstruct one picture.

        A whole picture needs memory: MQN about 450 bytes a pixel (float, width 0.35; 965 MB measured for 1920 x 1080,
        703 MB with an integer backbone), LHDR 1700, ExpandNet 2000 (4.1 GB for 1920 x 1080). `tile` bounds that: then
        only arrays of 12 bytes a pixel are as large as the picture.

        A network learns something from all that it sees (instance norms, channel attention, a global branch). From a
        tile it learns something else than from the whole picture, and the tile gets another level. So overlapping tiles
        are faded into each other, and each region is given the level that it has in a reduced copy of the whole
        picture. Measured on three photographs of 1280 x 853, MQN in float, tiles of 736 and 512: mean difference from
        the undivided picture 0.19 and 0.30 stops; without the reduced copy 0.35 and 0.47. A network that gives gains
        sees only the reduced copy, and its gains are enlarged along the picture's edges (`mqn.infer.guided`).

        Args:
            ldr: (H, W, 3) float32 in [0, 1], display-referred sRGB, any size.

        Returns:
            (H, W, 3) float32, linear light, 1.0 = the level that the network takes for the scene's 99.9 % point; or
            as `white` says.

        Raises:
            ModelFileError: the model's files are damaged.
            ExportError: the model has an operator that cannot be resized.
        """
        height, width, _ = ldr.shape
        tall, wide = -height % self._stride, -width % self._stride
        # The edge is repeated rather than mirrored: a picture may be smaller than what is added.
        padded = np.pad(ldr, ((0, tall), (0, wide), (0, 0)), mode="edge")
        if height * width <= self._tile**2:
            return self._in_unit(self._reconstruct(padded)[:height, :width])
        if self.gives_gains:
            return self._in_unit(self._enlarged(ldr))
        # Tiles that start off the stride would sample other pixels than the whole does.
        guide = self._reconstruct(self._reduced(ldr, self._tile**2))
        light = blend(padded, self._reconstruct, self._tile, OVERLAP, step=self._stride)[:height, :width]
        return self._in_unit(match_level(light, guide, GUIDE_CELL, most_light(self._codec)))

    def _in_unit(self, light: np.ndarray) -> np.ndarray:
        return in_scale(light, self._codec) if self._white is None else light * np.float32(self._white)

    def fitted(self, ldr: np.ndarray) -> np.ndarray:
        """A picture as small as a gain map has to be, to be expanded in its place.

        Args:
            ldr: as for `expand`.

        Returns:
            At most `MAP_PIXELS` pixels; the proportions change by less than the stride. A small picture as it is.
        """
        return ldr if ldr.shape[0] * ldr.shape[1] <= MAP_PIXELS else self._reduced(ldr, MAP_PIXELS)

    def _enlarged(self, ldr: np.ndarray) -> np.ndarray:
        """The gains of a reduced copy, on the whole picture: a gain changes slowly, but at edges of the input."""
        small = self._reduced(ldr, self._tile**2)
        light = np.empty_like(ldr)
        stops = gain_stops(self._runner_for(small.shape[:2]).infer(small), small)
        for rows, part in enlarge(stops, small, ldr):
            light[rows] = brightened(ldr[rows], part)
        return light

    def _reduced(self, ldr: np.ndarray, most: float) -> np.ndarray:
        """The whole picture at the largest size of so many pixels, sides at multiples of the stride."""
        import cv2

        height, width, _ = ldr.shape
        step, share = self._stride, math.sqrt(most / (height * width))
        wide, tall = (max(step, int(side * share) // step * step) for side in (width, height))
        reduced: np.ndarray = cv2.resize(ldr, (wide, tall), interpolation=cv2.INTER_AREA)
        return reduced

    def _reconstruct(self, ldr: np.ndarray) -> np.ndarray:
        return self._runner_for(ldr.shape[:2]).predict(ldr)

    def _runner_for(self, size: tuple[int, ...]) -> Runner:
        if self._runner is None or self._size != size:
            # Before the next one is made: two sets of feature maps would double the peak.
            self._runner = None
            self._runner = self._open(size)
            self._size = size
        return self._runner

    def _open(self, size: tuple[int, ...]) -> Runner:
        runner = Runner(self._files, self._codec, threads=self._threads)
        if runner.size == size:  # The very files: what is scored at their own size is what will be shipped.
            return runner
        del runner
        with tempfile.TemporaryDirectory() as folder:
            files = [retarget(file, Path(folder) / file.name, size[0], size[1]) for file in self._files]
            return Runner(files, self._codec, threads=self._threads)
