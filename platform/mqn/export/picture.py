"""A whole picture through an exported model, at the picture's own resolution."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from mqn.export.exported import Exported
from mqn.export.resize import MULTIPLE, retarget
from mqn.export.runner import Runner


class Expander:
    """Turns LDR pictures into HDR ones. Pictures of the same size share one set of resized files."""

    def __init__(self, exported: Exported, threads: int = 1) -> None:
        """Prepare a model.

        Args:
            exported: the model.
            threads: of the runtime.
        """
        self._exported = exported
        self._threads = threads
        self._size: tuple[int, int] | None = None
        self._runner: Runner | None = None

    def expand(self, ldr: np.ndarray) -> np.ndarray:
        """Reconstruct one picture.

        Args:
            ldr: (H, W, 3) float32 in [0, 1], display-referred sRGB, any size.

        Returns:
            (H, W, 3) float32, linear light, 1.0 = the level that the network takes for the scene's 99.9 % point. Memory
            grows with the picture: the network holds every feature map of its full resolution.

        Raises:
            ModelFileError: the model's files are damaged.
            ExportError: the model has an operator that cannot be resized.
        """
        height, width, _ = ldr.shape
        tall, wide = -height % MULTIPLE, -width % MULTIPLE
        # The edge is repeated rather than mirrored: a picture may be smaller than what is added.
        padded = np.pad(ldr, ((0, tall), (0, wide), (0, 0)), mode="edge")
        return self._runner_for(padded.shape[:2]).predict(padded)[:height, :width]

    def _runner_for(self, size: tuple[int, int]) -> Runner:
        if self._runner is None or self._size != size:
            with tempfile.TemporaryDirectory() as folder:
                files = [retarget(file, Path(folder) / file.name, *size) for file in self._exported.files]
                self._runner = Runner(files, self._exported.codec, threads=self._threads)
            self._size = size
        return self._runner
