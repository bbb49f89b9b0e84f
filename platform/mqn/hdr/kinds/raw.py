"""Camera raw files to linear light: demosaiced and white-balanced, nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mqn.errors import PictureError
from mqn.hdr.decoding.noise import captured_noise

RAW_SUFFIXES = (".dng", ".nef", ".cr2", ".arw")

_WHITE = np.float32(65535)


def decode_raw(path: Path) -> np.ndarray:
    """Develop a camera raw file (.dng, .nef, .cr2, .arw), turned upright as its metadata say.

    LibRaw subtracts the black level, balances by the camera's own white balance, demosaics (AHD) and goes to BT.709
    primaries with the camera's matrix. No tone curve, no automatic brightness, no noise reduction. Where one channel of
    the sensor is full, all three are cut there ("clip"): a burnt-out sky stays white instead of turning magenta.

    Returns:
        (H, W, 3) float32, linear, BT.709, 0 to 1: 1.0 is where the sensor is full. In steps of 1/65535.

    Raises:
        PictureError: damaged, cut short, not a raw file, or of a camera that LibRaw does not know.
    """
    import rawpy

    failure: Exception | None = None
    with captured_noise() as noise:
        try:
            # An open file: LibRaw's binding takes no path that is not UTF-8.
            with path.open("rb") as stream, rawpy.imread(stream) as raw:
                codes = raw.postprocess(
                    gamma=(1, 1),
                    no_auto_bright=True,
                    # LibRaw would take a picture's own maximum for the sensor's: each picture another scale.
                    adjust_maximum_thr=0.0,
                    use_camera_wb=True,
                    output_bps=16,
                    output_color=rawpy.ColorSpace.sRGB,
                    highlight_mode=rawpy.HighlightMode.Clip,
                    demosaic_algorithm=rawpy.DemosaicAlgorithm.AHD,
                )
        except (rawpy.LibRawError, rawpy.NotSupportedError, OSError, ValueError, MemoryError) as error:
            failure = error
    if failure is not None:
        said = _words(failure)
        what = "damaged or cut short" if "nsupported" not in said else "is not a raw file that LibRaw supports"
        raise PictureError(f"{path}: {what} ({said})") from failure
    # A sensor's rows that do not decode are only mentioned; what stands there is not light.
    if noise.first_line:
        raise PictureError(f"{path}: damaged or cut short ({' '.join(noise.first_line.split())})")
    linear: np.ndarray = codes.astype(np.float32) / _WHITE
    return linear


def _words(failure: Exception) -> str:
    said = failure.args[0] if failure.args else failure
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)
