"""The bytes of picture files to arrays and back: one pair of functions a format, over OpenCV, OpenEXR and tifffile.

Decoders give what the file holds, (H, W) or (H, W, channels) in RGB order; `mqn.hdr.files` judges it. A file that
cannot be decoded is a `PictureError` that names the file and the library's own words.
"""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path

import numpy as np

from mqn.errors import PictureError
from mqn.hdr.noise import captured_noise


def decode_ldr(path: Path) -> np.ndarray:
    """Decode a JPEG or PNG file.

    Returns:
        (H, W, 3) uint8 or uint16, turned as EXIF says; grey is repeated, alpha dropped.

    Raises:
        PictureError: damaged, cut short, or not such a file.
    """
    import cv2

    # Together they keep 16 bits, turn grey into three channels, drop alpha and obey EXIF; IMREAD_UNCHANGED does not.
    return _decode_with_opencv(path, _read(path), cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)


def encode_with_opencv(path: Path, image: np.ndarray) -> None:
    """Write a Radiance, PFM or PNG file; the suffix says which.

    Args:
        path: the file.
        image: (H, W, 3) RGB, of a dtype that the format holds.

    Raises:
        PictureError: the file cannot be written.
    """
    import cv2

    with captured_noise() as noise:
        done, data = cv2.imencode(path.suffix.lower(), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    if not done:
        raise PictureError(f"{path}: cannot be written as {path.suffix}{_told(noise.first_line)}")
    try:
        path.write_bytes(data.tobytes())
    except OSError as error:
        raise PictureError(f"{path}: cannot be written: {error.strerror}") from error


def decode_radiance(path: Path) -> np.ndarray:
    """Decode a Radiance file (.hdr), shared-exponent RGB; its EXPOSURE is not applied: values are relative.

    Raises:
        PictureError: damaged, cut short, not Radiance, or XYZ instead of RGB.
    """
    import cv2

    data = _read(path)
    if not data.startswith(b"#?"):
        raise PictureError(f"{path}: not a Radiance picture, it does not begin with '#?'")
    if b"32-bit_rle_xyze" in data[:4096]:
        raise PictureError(f"{path}: holds XYZ, only RGB is read; convert it, for example with Radiance's ra_xyze -r")
    return _decode_with_opencv(path, data, cv2.IMREAD_UNCHANGED)


def decode_pfm(path: Path) -> np.ndarray:
    """Decode a portable float map (.pfm).

    Raises:
        PictureError: damaged, cut short, or not a PFM.
    """
    import cv2

    data = _read(path)
    if not data.startswith((b"PF", b"Pf")):
        raise PictureError(f"{path}: not a PFM picture, it does not begin with 'PF'")
    return _decode_with_opencv(path, data, cv2.IMREAD_UNCHANGED)


def decode_exr(path: Path) -> np.ndarray:
    """Decode the first part of an OpenEXR file.

    Returns:
        Its R, G, B (and A) as stored, half or float; (H, W) of a file with one channel only.

    Raises:
        PictureError: damaged, cut short, not OpenEXR, or without R, G and B.
    """
    import OpenEXR

    reason = ""
    with captured_noise() as noise:
        try:
            # Channels of one group may differ in type (half and float); the binding joins only what is alike.
            file = OpenEXR.File(str(path), separate_channels=True)
            channels = {name: np.asarray(channel.pixels) for name, channel in file.channels().items()}
        except (RuntimeError, ValueError) as error:
            channels, reason = {}, str(error)
    if not channels:
        raise PictureError(f"{path}: damaged, cut short, or not OpenEXR{_told(noise.first_line or reason)}")
    planes = [channels[name] for name in ("R", "G", "B", "A") if name in channels]
    if len(channels) == 1:
        return next(iter(channels.values()))
    if not {"R", "G", "B"} <= channels.keys() or len({plane.shape for plane in planes}) > 1:
        raise PictureError(f"{path}: has the channels {', '.join(sorted(channels))}; R, G and B of one size are needed")
    return np.stack(planes, axis=-1)


def encode_exr(path: Path, image: np.ndarray) -> None:
    """Write an OpenEXR file, float and ZIP: half floats would end at 65504.

    Args:
        path: the file.
        image: (H, W, 3) float32.

    Raises:
        PictureError: the file cannot be written.
    """
    import OpenEXR

    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    with captured_noise() as noise:
        try:
            OpenEXR.File(header, {"RGB": np.ascontiguousarray(image)}).write(str(path))
            failure = None
        except RuntimeError as error:
            failure = error
    if failure is not None:
        raise PictureError(f"{path}: cannot be written{_told(noise.first_line or str(failure))}") from failure


def decode_tiff(path: Path) -> np.ndarray:
    """Decode the first page of a TIFF file, interleaved or planar.

    Raises:
        PictureError: damaged, cut short, not TIFF, or compressed in a way that needs a further package.
    """
    import tifffile

    failure: Exception | None = None
    with captured_noise():
        try:
            with tifffile.TiffFile(path) as file:
                page = file.pages[0]
                pixels, axes = page.asarray(), page.axes
        # What a damaged directory, tag or strip ends in is not documented; these are what fuzzing found.
        except (ValueError, KeyError, IndexError, TypeError, OSError, MemoryError, struct.error, zlib.error) as error:
            failure = error
    if failure is not None:
        raise PictureError(f"{path}: damaged, cut short, or not TIFF{_told(str(failure))}") from failure
    if axes == "SYX":
        pixels = np.moveaxis(pixels, 0, -1)
    elif axes not in ("YX", "YXS"):
        raise PictureError(f"{path}: has the axes {axes}; one picture of three channels is needed")
    decoded: np.ndarray = pixels
    return decoded


def encode_tiff(path: Path, image: np.ndarray) -> None:
    """Write a TIFF file of uncompressed floats.

    Args:
        path: the file.
        image: (H, W, 3) float32.

    Raises:
        PictureError: the file cannot be written.
    """
    import tifffile

    try:
        tifffile.imwrite(path, image, photometric="rgb")
    except OSError as error:
        raise PictureError(f"{path}: cannot be written: {error.strerror}") from error


def _decode_with_opencv(path: Path, data: bytes, flags: int) -> np.ndarray:
    import cv2

    reason = ""
    with captured_noise() as noise:
        try:
            pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
        except cv2.error as error:
            pixels, reason = None, error.err
    if pixels is None:
        raise PictureError(
            f"{path}: damaged, cut short, or not what its suffix says{_told(reason or noise.first_line)}"
        )
    # libjpeg fills up what is missing with grey and only warns.
    if "premature end" in noise.text.lower():
        raise PictureError(f"{path}: cut short{_told(noise.first_line)}")
    if pixels.ndim == 3 and pixels.shape[2] in (3, 4):
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB if pixels.shape[2] == 3 else cv2.COLOR_BGRA2RGBA)
    decoded: np.ndarray = pixels
    return decoded


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PictureError(f"{path}: cannot be read: {error.strerror}") from error


def _told(reason: str) -> str:
    """A library's own words as the end of one line, without the places in its source and the path told before."""
    words = " ".join(reason.split())
    words = re.sub(r"^\[[^]]*\] global \S+ \S+ ", "", words)
    words = re.sub(r"^.*error: \([^)]*\) ", "", words)
    words = re.sub(r"^.*: \((EXR_ERR_\w+)\) ", r"\1: ", words)
    words = re.sub(r" in function '\w+'$", "", words)
    return f" ({words})" if words else ""
