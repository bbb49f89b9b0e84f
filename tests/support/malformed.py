"""More than 200 malformed and unusual pictures, the same on every machine: mutations of small files of every kind that
is read, odd contents, and names behind which stands no file.
"""

from __future__ import annotations

import io
import os
import random
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

HEIGHT, WIDTH = 48, 48
HUGE = 60_000

Reader = Literal["hdr", "ldr"]
Outcome = Literal["read", "refused", "either"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One malformed picture.

    Attributes:
        name: of the file; its suffix is one that is read.
        reader: what should read it, `mqn.hdr.io.files.read` or `read_ldr`.
        outcome: what must become of it; "either" where damage may or may not show.
    """

    name: str
    reader: Reader
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A kind of file: its suffix, one picture in it, and how its header's size is changed.

    Attributes:
        suffix: of its files.
        other: the suffix of another kind that the same reader reads.
        encode: picture to bytes.
        resize: bytes, width and height to bytes that declare another size.
    """

    reader: Reader
    suffix: str
    other: str
    encode: Callable[[np.ndarray], bytes]
    resize: Callable[[bytes, int, int], bytes]


def write_corpus(folder: Path) -> list[Case]:
    """Write all of them.

    Args:
        folder: an empty one.

    Returns:
        What was written, in the order of their names.
    """
    cases = [*_mutations(folder), *_contents(folder), *_no_files(folder)]
    return sorted(cases, key=lambda case: case.name)


def scene() -> np.ndarray:
    """(48, 48, 3) float32 linear: a gradient, a texture, a lamp 50 times as bright."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    image = np.stack([x / WIDTH, y / HEIGHT, (x + y) / (WIDTH + HEIGHT)], axis=-1)
    image += np.random.default_rng(0).random((HEIGHT, WIDTH, 1), np.float32) / 4 + np.float32(0.01)
    image[5:12, 8:16] = 50.0
    return image


def encode_hdr(suffix: str, image: np.ndarray) -> bytes:
    """The bytes of an HDR file of any values; .hdr, .exr, .pfm or .tif."""
    import cv2
    import OpenEXR
    import tifffile

    if suffix == ".tif":
        stream = io.BytesIO()
        tifffile.imwrite(stream, image, photometric="minisblack" if image.ndim == 2 else "rgb")
        return stream.getvalue()
    if suffix == ".exr":
        name = {2: "Y"}.get(image.ndim) or ("RGBA" if image.shape[2] == 4 else "RGB")
        return _through_file(suffix, lambda path: OpenEXR.File({}, {name: np.ascontiguousarray(image)}).write(path))
    swapped = image if image.ndim == 2 else np.ascontiguousarray(image[..., ::-1])
    return cv2.imencode(suffix, swapped)[1].tobytes()


def encode_ldr(suffix: str, image: np.ndarray, mode: str = "RGB") -> bytes:
    """The bytes of an LDR file.

    Args:
        suffix: .jpg, .png, .tif, .heic, .webp or .bmp.
        image: (H, W, 3) floats; 1.0 is white.
        mode: Pillow's name for what the file is to hold, or "RGB;16".
    """
    import pillow_heif
    from PIL import Image

    codes = (np.clip(image, 0, 1) * 255).astype(np.uint8)
    if mode == "RGB;16":
        return _encode_sixteen_bits(suffix, image)
    picture = Image.fromarray(codes).convert(mode)
    stream = io.BytesIO()
    if suffix == ".heic":
        height, width = codes.shape[:2]
        pillow_heif.from_bytes(mode, (width, height), picture.tobytes()).save(stream, quality=80)
    else:
        kinds = {".jpg": "JPEG", ".png": "PNG", ".tif": "TIFF", ".webp": "WEBP", ".bmp": "BMP"}
        picture.save(stream, kinds[suffix])
    return stream.getvalue()


def _encode_sixteen_bits(suffix: str, image: np.ndarray) -> bytes:
    import cv2
    import tifffile

    codes = (np.clip(image, 0, 1) * 65535).astype(np.uint16)
    if suffix == ".png":
        return cv2.imencode(suffix, codes[..., ::-1])[1].tobytes()
    stream = io.BytesIO()
    tifffile.imwrite(stream, codes, photometric="rgb", compression="lzw")
    return stream.getvalue()


def _encode_dng(image: np.ndarray) -> bytes:
    """A Bayer DNG (RGGB): the scene's green, counted in 12 bits."""
    import tifffile

    matrix = (3.2405, -1.5371, -0.4985, -0.9693, 1.876, 0.0416, 0.0556, -0.204, 1.0572)
    tags = [
        (33421, "H", 2, (2, 2), True),
        (33422, "B", 4, bytes([0, 1, 1, 2]), True),
        (50706, "B", 4, bytes([1, 4, 0, 0]), True),
        (50708, "s", 0, "Test camera", True),
        (50714, "H", 1, 256, True),
        (50717, "H", 1, 4095, True),
        (50721, "2i", 9, [part for value in matrix for part in (round(value * 10_000), 10_000)], True),
        (50728, "2I", 3, [1, 2, 1, 1, 1, 2], True),
        (50778, "H", 1, 21, True),
    ]
    counts = (256 + np.clip(image[..., 1], 0, 1) * 3839).astype(np.uint16)
    stream = io.BytesIO()
    tifffile.imwrite(stream, counts, photometric=32803, planarconfig=1, extratags=tags)
    return stream.getvalue()


def _through_file(suffix: str, write: Callable[[str], object]) -> bytes:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a{suffix}"
        write(str(path))
        return path.read_bytes()


def _resize_text(pattern: bytes, template: str) -> Callable[[bytes, int, int], bytes]:
    return lambda data, width, height: re.sub(
        pattern, template.format(width=width, height=height).encode(), data, count=1
    )


def _resize_exr(data: bytes, width: int, height: int) -> bytes:
    at = data.index(b"dataWindow\0box2i\0") + 21
    return data[:at] + struct.pack("<4i", 0, 0, width - 1, height - 1) + data[at + 16 :]


def _resize_tiff(data: bytes, width: int, height: int) -> bytes:
    import tifffile

    stream = io.BytesIO(data)
    with tifffile.TiffFile(stream) as file:
        places = [(file.pages[0].tags[code].valueoffset, file.pages[0].tags[code].dtype) for code in (256, 257)]
    changed = bytearray(data)
    for (at, dtype), value in zip(places, (width, height), strict=True):
        struct.pack_into("<H" if int(dtype) == 3 else "<I", changed, at, value)
    return bytes(changed)


def _resize_png(data: bytes, width: int, height: int) -> bytes:
    chunk = b"IHDR" + struct.pack(">2I", width, height) + data[24:29]
    return data[:12] + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[33:]


def _resize_jpeg(data: bytes, width: int, height: int) -> bytes:
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">2H", height, width) + data[at + 4 :]


def _resize_heif(data: bytes, width: int, height: int) -> bytes:
    at = data.index(b"ispe") + 8
    return data[:at] + struct.pack(">2I", width, height) + data[at + 8 :]


def _resize_webp(data: bytes, width: int, height: int) -> bytes:
    at = data.index(b"\x9d\x01\x2a") + 3
    return data[:at] + struct.pack("<2H", min(width, 16383), min(height, 16383)) + data[at + 4 :]


def _resize_bmp(data: bytes, width: int, height: int) -> bytes:
    return data[:18] + struct.pack("<2i", width, height) + data[26:]


def _hdr_format(suffix: str, other: str, resize: Callable[[bytes, int, int], bytes]) -> Format:
    return Format(
        reader="hdr", suffix=suffix, other=other, resize=resize, encode=lambda image: encode_hdr(suffix, image)
    )


def _ldr_format(suffix: str, other: str, resize: Callable[[bytes, int, int], bytes], mode: str = "RGB") -> Format:
    return Format(
        reader="ldr", suffix=suffix, other=other, resize=resize, encode=lambda image: encode_ldr(suffix, image, mode)
    )


FORMATS = {
    "radiance": _hdr_format(".hdr", ".exr", _resize_text(rb"-Y \d+ \+X \d+", "-Y {height} +X {width}")),
    "openexr": _hdr_format(".exr", ".pfm", _resize_exr),
    "pfm": _hdr_format(".pfm", ".hdr", _resize_text(rb"(?<=PF\n)\d+ \d+", "{width} {height}")),
    "tiff-float": _hdr_format(".tif", ".pfm", _resize_tiff),
    "dng": Format(reader="hdr", suffix=".dng", other=".exr", encode=_encode_dng, resize=_resize_tiff),
    "jpeg": _ldr_format(".jpg", ".png", _resize_jpeg),
    "png": _ldr_format(".png", ".jpg", _resize_png),
    "tiff-16": _ldr_format(".tif", ".bmp", _resize_tiff, "RGB;16"),
    "heif": _ldr_format(".heic", ".webp", _resize_heif),
    "webp": _ldr_format(".webp", ".heic", _resize_webp),
    "bmp": _ldr_format(".bmp", ".png", _resize_bmp),
}


def _mutations(folder: Path) -> Iterator[Case]:
    for name, form in FORMATS.items():
        whole = form.encode(scene())
        chance = random.Random(name)
        refused = {
            "empty": b"",
            "cut-3": whole[:3],
            "cut-quarter": whole[: len(whole) // 4],
            "cut-half": whole[: len(whole) // 2],
            "cut-end": whole[:-12],
            "wrong-magic": b"XYZ~" + whole[4:],
            "text": b"no picture at all, but a little text\n" * 20,
            "huge": form.resize(whole, HUGE, HUGE),
            "no-pixels": form.resize(whole, 0, 0),
        }
        either = {
            "flip-header": _flipped(whole, chance, 0, 200, 6),
            "flip-body": _flipped(whole, chance, len(whole) // 2, len(whole), 12),
            "zero-body": whole[: len(whole) // 2] + bytes(64) + whole[len(whole) // 2 + 64 :],
        }
        for what, data in refused.items():
            yield _put(folder, f"{name}-{what}{form.suffix}", form.reader, "refused", data)
        for what, data in either.items():
            yield _put(folder, f"{name}-{what}{form.suffix}", form.reader, "either", data)
        # Raw files are TIFF inside: under another suffix their pixels are one channel of integers.
        swapped: Outcome = "refused" if name == "dng" else "read"
        yield _put(folder, f"{name}-mislabelled{form.other}", form.reader, swapped, whole)


def _contents(folder: Path) -> Iterator[Case]:
    image = scene()
    flat, black = np.full_like(image, 0.25), np.zeros_like(image)
    pixel, row, column = (
        image[:1, :1],
        np.tile(image[:1], (1, 209, 1))[:, :10_000],
        np.tile(image[:, :1], (209, 1, 1))[:10_000],
    )
    for suffix in (".hdr", ".exr", ".pfm", ".tif"):
        for what, picture in {"black": black, "flat": flat, "pixel": pixel, "row": row, "column": column}.items():
            yield _put(folder, f"hdr-{what}{suffix}", "hdr", "read", encode_hdr(suffix, picture))
    for suffix in (".exr", ".pfm", ".tif"):
        for what, value in {"nan": np.nan, "infinite": np.inf, "negative": -1.0}.items():
            broken = image.copy()
            broken[3, 4, 1] = value
            outcome: Outcome = "read" if what == "negative" else "refused"
            yield _put(folder, f"hdr-{what}{suffix}", "hdr", outcome, encode_hdr(suffix, broken))
        yield _put(folder, f"hdr-grey{suffix}", "hdr", "refused", encode_hdr(suffix, image[..., 0].copy()))
    with_alpha = np.dstack([image, flat[..., :1]])
    for suffix in (".exr", ".tif"):
        yield _put(folder, f"hdr-alpha{suffix}", "hdr", "read", encode_hdr(suffix, with_alpha))
    for suffix in (".jpg", ".png", ".tif", ".heic", ".webp", ".bmp"):
        pictures = {"black": black, "flat": flat}
        # The encoder of HEIC takes nothing smaller than 16 pixels.
        if suffix != ".heic":
            pictures |= {"pixel": pixel, "row": row, "column": column}
        for what, picture in pictures.items():
            yield _put(folder, f"ldr-{what}{suffix}", "ldr", "read", encode_ldr(suffix, picture))
    for suffix, modes in {
        ".png": ("L", "1", "P", "RGBA", "LA", "RGB;16"),
        ".jpg": ("L", "CMYK"),
        ".tif": ("L", "1", "P", "RGBA", "CMYK", "RGB;16"),
        ".heic": ("RGBA",),
        ".webp": ("RGBA",),
        ".bmp": ("L", "1", "P"),
    }.items():
        for mode in modes:
            name = f"ldr-{mode.lower().replace(';', '-')}{suffix}"
            yield _put(folder, name, "ldr", "refused" if mode == "CMYK" else "read", encode_ldr(suffix, image, mode))


def _no_files(folder: Path) -> Iterator[Case]:
    readers: dict[str, Reader] = {".exr": "hdr", ".png": "ldr"}
    for suffix, reader in readers.items():
        (folder / f"folder{suffix}").mkdir()
        (folder / f"dangling{suffix}").symlink_to("nowhere")
        os.mkfifo(folder / f"pipe{suffix}")
        for what in ("folder", "dangling", "pipe"):
            yield Case(name=f"{what}{suffix}", reader=reader, outcome="refused")
        whole = encode_hdr(suffix, scene()) if reader == "hdr" else encode_ldr(suffix, scene())
        locked = _put(folder, f"locked{suffix}", reader, "refused" if os.geteuid() else "either", whole)
        (folder / locked.name).chmod(0)
        yield locked


def _flipped(data: bytes, chance: random.Random, start: int, stop: int, count: int) -> bytes:
    changed = bytearray(data)
    for _ in range(count):
        changed[chance.randrange(start, min(stop, len(data)))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _put(folder: Path, name: str, reader: Reader, outcome: Outcome, data: bytes) -> Case:
    (folder / name).write_bytes(data)
    return Case(name=name, reader=reader, outcome=outcome)
