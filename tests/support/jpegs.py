"""Small JPEG pictures as phones and cameras write them."""

from __future__ import annotations

import functools
import io
import struct

import imagecodecs
import numpy as np
from PIL import Image

from mqn.hdr.primaries import PRIMARIES
from mqn.hdr.transfer import srgb_decode, srgb_encode


def jpeg(
    codes: np.ndarray,
    *,
    orientation: int = 1,
    thumbnail: bool = False,
    profile: bytes | None = None,
    progressive: bool = False,
    xmp: bytes = b"",
) -> bytes:
    """A JPEG file of code values, (H, W) or (H, W, 3) uint8, as stored.

    Args:
        codes: the picture.
        orientation: EXIF's; there is no EXIF where it is 1 and there is no thumbnail.
        thumbnail: whether EXIF holds a JPEG of 16 pixels.
        profile: an ICC profile.
        progressive: whether the picture is in several scans.
        xmp: a packet.
    """
    image, stream = Image.fromarray(codes), io.BytesIO()
    options: dict[str, bytes] = {"icc_profile": profile} if profile else {}
    if orientation != 1 or thumbnail:
        options["exif"] = _exif(orientation, jpeg(np.asarray(image.resize((16, 16)))) if thumbnail else b"")
    if xmp:
        options["xmp"] = xmp
    image.save(stream, "JPEG", quality=95, subsampling=0, progressive=progressive, **options)
    return stream.getvalue()


def gradient(height: int = 24, width: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """A smooth scene, (H, W, 3) linear from 0.02 to 4, and its sRGB codes, (H, W, 3) uint8, clipped at 1."""
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    brightness = 0.02 * 200 ** (columns / (width - 1))
    tints = np.stack([1 - 0.2 * rows / height, np.ones_like(rows), 0.8 + 0.2 * rows / height], axis=-1)
    light = (brightness[..., None] * tints).astype(np.float32)
    return light, np.rint(srgb_encode(np.minimum(light, 1)) * 255).astype(np.uint8)


@functools.cache
def display_p3() -> bytes:
    """An ICC profile of P3's primaries with sRGB's curve."""
    p3 = PRIMARIES["p3"]
    points = [number for x, y in (p3.red, p3.green, p3.blue) for number in (x, y, 1.0)]
    curve = np.rint(srgb_decode(np.linspace(0, 1, 1024)) * 65535).astype(np.uint16)
    return bytes(imagecodecs.cms_profile("rgb", whitepoint=[*p3.white, 1.0], primaries=points, transferfunction=curve))


def _exif(orientation: int, thumbnail: bytes) -> bytes:
    first = struct.pack(">H2HI2H", 1, 0x112, 3, 1, orientation, 0)
    begin = 8 + len(first) + 4
    if not thumbnail:
        return b"Exif\0\0MM\0*" + struct.pack(">I", 8) + first + bytes(4)
    at = begin + 2 + 2 * 12 + 4
    second = struct.pack(">H2H2I2H2I", 2, 0x201, 4, 1, at, 0x202, 4, 1, len(thumbnail)) + bytes(4)
    return b"Exif\0\0MM\0*" + struct.pack(">I", 8) + first + struct.pack(">I", begin) + second + thumbnail
