"""Encodes pictures with OpenCV, OpenEXR and tifffile, and decodes with OpenCV."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mqn.errors import PictureError
from mqn.files.publishing import replacing
from mqn.hdr.decoding.noise import Noise, captured_noise, fault, in_one_line
from mqn.hdr.primaries import primaries


def encode_with_opencv(path: Path, image: np.ndarray) -> None:
    """Write an array, (H, W, 3) RGB, as Radiance, PFM or PNG; the path's suffix says which.

    Raises:
        PictureError: the file cannot be written.
    """
    import cv2

    with captured_noise() as noise:
        done, data = cv2.imencode(path.suffix.lower(), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    if not done:
        raise PictureError(f"{path}: cannot be written as {path.suffix}{in_one_line(noise.first_line)}")
    with replacing(path) as temporary:
        temporary.write_bytes(data.tobytes())


def encode_exr(path: Path, image: np.ndarray, colours: str = "bt709", white_nits: float | None = None) -> None:
    """Write (H, W, 3) float32 as OpenEXR, float and ZIP: half floats would end at 65504.

    The header's `chromaticities` are those of `colours`, a name of `mqn.hdr.primaries.PRIMARIES`. `white_nits` is the
    cd/m2 of 1.0; it is stated where it is known.

    Raises:
        PictureError: the file cannot be written.
    """
    import OpenEXR

    header = {
        "compression": OpenEXR.ZIP_COMPRESSION,
        "type": OpenEXR.scanlineimage,
        "chromaticities": primaries(colours).chromaticities,
    }
    if white_nits is not None:
        header["whiteLuminance"] = float(white_nits)
    with replacing(path) as temporary:
        with captured_noise() as noise:
            try:
                # An open file: the binding takes no path that is not UTF-8.
                with temporary.open("w+b") as stream:
                    OpenEXR.File(header, {"RGB": np.ascontiguousarray(image)}).write(stream)
                failure = None
            except RuntimeError as error:
                failure = error
        if failure is not None:
            said = (noise.first_line or str(failure)).replace(str(temporary), path.name)
            raise PictureError(f"{path}: cannot be written{in_one_line(said)}") from failure


def encode_tiff(path: Path, image: np.ndarray) -> None:
    """Write a picture, (H, W, 3) float32, as uncompressed TIFF.

    Raises:
        PictureError: the file cannot be written.
    """
    import tifffile

    with replacing(path) as temporary:
        tifffile.imwrite(temporary, image, photometric="rgb")


def decode_with_opencv(path: Path, data: bytes, flags: int) -> np.ndarray:
    """Decode a PNG or JPEG file by OpenCV's IMREAD flags: (H, W) or (H, W, channels), red first.

    Raises:
        PictureError: damaged, cut short, or of another format.
    """
    import cv2

    reason = ""
    with captured_noise() as noise:
        try:
            pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
        except cv2.error as error:
            pixels, reason = None, error.err
    if pixels is None:
        raise PictureError(f"{path}: {fault(reason or noise.first_line)}")
    _require_whole(path, noise)
    if pixels.ndim == 3 and pixels.shape[2] in (3, 4):
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB if pixels.shape[2] == 3 else cv2.COLOR_BGRA2RGBA)
    decoded: np.ndarray = pixels
    return decoded


def read_bytes(path: Path) -> bytes:
    """A file's bytes; raises `PictureError` if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise PictureError(f"{path}: cannot be read: {error.strerror}") from error


def _require_whole(path: Path, noise: Noise) -> None:
    """Refuse what libjpeg decoded of data that break off or make no sense: it fills up with grey and only warns."""
    words = noise.text.lower()
    if "premature end" in words:
        raise PictureError(f"{path}: cut short{in_one_line(noise.first_line)}")
    # Bytes too many before the end marker are padding, which some cameras write.
    if "corrupt jpeg data" in words and "extraneous bytes before marker 0xd9" not in words:
        raise PictureError(f"{path}: damaged{in_one_line(noise.first_line)}")
