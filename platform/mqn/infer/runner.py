"""Use exported files: LDR picture in, linear light out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mqn.errors import ModelFileError
from mqn.hdr.codec import decode
from mqn.infer.interpreter import open_interpreter, run
from mqn.tflite.cutting import INPUT, OUTPUT


class Runner:
    """An exported network, ready to run.

    Attributes:
        codec: how its output is turned into linear light.
        size: (height, width) of the pictures that it takes.
    """

    def __init__(self, files: Sequence[Path], codec: str, threads: int = 1) -> None:
        """Load the files.

        Args:
            files: one, or backbone and head.
            codec: one of `mqn.hdr.codec.CODECS`.
            threads: of the runtime.

        Raises:
            ModelFileError: a file is missing, truncated or damaged, or is not one of ours.
        """
        self.codec = codec
        self._files = tuple(files)
        self._interpreters = [open_interpreter(Path(file), threads=threads) for file in files]
        named = ", ".join(map(str, files)) or "no file"
        signatures = [interpreter.get_signature_list() for interpreter in self._interpreters]
        if not signatures or any(not signature for signature in signatures):
            raise ModelFileError(f"{named}: no signature; only files that mqn exported run here")
        first, last = (next(iter(signature.values())) for signature in (signatures[0], signatures[-1]))
        if INPUT not in first["inputs"] or OUTPUT not in last["outputs"]:
            raise ModelFileError(f"{named}: not from {INPUT!r} to {OUTPUT!r}; give one file, or backbone and head")
        runner = self._interpreters[0].get_signature_runner()
        _, height, width, _ = runner.get_input_details()[INPUT]["shape"]
        self.size = (int(height), int(width))

    def infer(self, ldr: np.ndarray) -> np.ndarray:
        """Run the network without decoding.

        Args:
            ldr: (H, W, 3) float32 in [0, 1], of the size that the files take.

        Returns:
            (H, W, 3) float32 in the codec's range.

        Raises:
            ModelFileError: the picture's size is not that of the files.
        """
        if ldr.shape != (*self.size, 3):
            raise ModelFileError(
                f"a picture of shape {ldr.shape} does not fit files for {(*self.size, 3)}; retarget them first"
            )
        values = {INPUT: np.ascontiguousarray(ldr[None], dtype=np.float32)}
        for interpreter in self._interpreters:
            values |= run(interpreter, values)
        return values[OUTPUT][0]

    def predict(self, ldr: np.ndarray) -> np.ndarray:
        """Run the network as `infer` does, and decode its output.

        The result is (H, W, 3) linear light; `mqn.hdr.codec.decode` says what 1.0 is.
        """
        return np.asarray(decode(self.infer(ldr), self.codec, ldr), dtype=np.float32)
