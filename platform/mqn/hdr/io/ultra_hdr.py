"""Ultra HDR files in and out: a JPEG picture with a gain map that makes it HDR."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from mqn.errors import PictureError
from mqn.files.publishing import replacing
from mqn.hdr.decoding.orientation import turn_stored, turn_upright
from mqn.hdr.gain_map import gain
from mqn.hdr.gain_map.colours import Colours, read_colours
from mqn.hdr.gain_map.container import GainMap, compose, extract, has_gain_map, pictures
from mqn.hdr.gain_map.metadata import GainMapError
from mqn.hdr.io.formats import decode_with_opencv, read_bytes
from mqn.hdr.io.headers import read_header
from mqn.hdr.io.ldr_formats import decode_jpeg
from mqn.hdr.kinds.decoded import DecodedHdr
from mqn.hdr.kinds.decoded_ldr import Decoded
from mqn.hdr.kinds.jpeg import first_frame, require_baseline
from mqn.hdr.primaries import luminance

ULTRA_HDR_SUFFIXES = (".jpg", ".jpeg")

WHITE_NITS = 203.0
"""cd/m2 of 1.0, SDR white, as ITU-R BT.2408 puts it and libultrahdr takes it."""

_MOST_MEGAPIXELS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class GainMapOptions:
    """How a gain map is written.

    Attributes:
        channels: 1 for the gain of luminance: it keeps the base's hues. 3 for a gain of R, G and B each: clipped
            colours come back too.
        quality: of the map's JPEG, 1 to 100. At 98 and scale 1, half of the pixels of 30 pictures of 512 pixels kept
            their luminance to 0.9 %, and 95 % to 3 % (medians of the pictures); at 95 it was 1.3 and 5 %.
        scale: the map has 1 / scale of the light's width and height: 1, 2 or 4; None: as many pixels as the light.
        replace: whether a gain map that the base has already is replaced; else the base is refused.
    """

    channels: Literal[1, 3] = 1
    quality: int = 98
    scale: Literal[1, 2, 4] | None = None
    replace: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A picture that a gain map can be added to.

    Attributes:
        path: of its file.
        data: the file's bytes.
        decoded: its code values, as stored.
        colours: what these stand for.
    """

    path: Path
    data: bytes
    decoded: Decoded
    colours: Colours


def read_base(path: Path, *, replace: bool = False) -> Base:
    """Read a picture that a gain map is to be added to.

    Raises:
        PictureError: it is no JPEG, CMYK, larger than 64 megapixels, holds several pictures, or a gain map while
            `replace` is false; or it is damaged.
    """
    kind = read_header(path).kind
    if kind != "JPEG":
        raise PictureError(
            f"{path}: holds {kind or 'no known'} data; an Ultra HDR file keeps the bytes of a JPEG picture: "
            "write .exr, or make a JPEG of it first"
        )
    data = read_bytes(path)
    has_map, places = has_gain_map(data), pictures(data) or []
    if has_map and not replace:
        raise PictureError(f"{path}: has a gain map already; --overwrite-gain-map replaces it")
    if len(places) > 1 + has_map:
        raise PictureError(
            f"{path}: holds {len(places)} pictures (MPO), of which an Ultra HDR file could keep one; take the first out"
        )
    return _base(path, data)


def write_ultra_hdr(path: Path, base: Base, light: np.ndarray, options: GainMapOptions) -> tuple[str, ...]:
    """Write a base picture with a gain map; the file appears whole or not at all.

    The base's bytes stay as they are, but for the segments that `mqn.hdr.gain_map.container` inserts.

    Args:
        path: a .jpg or .jpeg file in an existing folder; replaced if it exists.
        base: as `read_base` returns it.
        light: (H, W, 3) float32, upright, linear BT.709, not negative, of any scale: `gain.level` finds the base's. As
            large as the base, or smaller: then the map is as small.
        options: how.

    Returns:
        What is worth knowing, each a clause.

    Raises:
        PictureError: a gain map cannot be added to the base, the light is not finite, or the file cannot be written.
    """
    if not np.isfinite(light).all():
        raise PictureError(f"{path}: not written, the picture has values that are NaN or infinite")
    colours = base.colours
    stored = turn_stored(light, base.decoded.orientation)
    own = colours.linear(_sized(base.decoded.codes, stored))
    base_luminance = own @ luminance(colours.to_bt709)
    light_luminance = luminance(stored)
    level = np.float32(gain.level(base_luminance, light_luminance))
    light_luminance *= level
    if options.channels == 1:
        stops = gain.stops(base_luminance, light_luminance)
    else:
        stops = gain.stops(own, level * stored @ np.linalg.inv(colours.to_bt709))
    codes, metadata = gain.quantize(gain.reduced(stops, options.scale or 1), gain.headroom(light_luminance))
    try:
        data, behind = compose(base.data, _encoded(codes, options.quality), metadata)
    except GainMapError as error:
        raise PictureError(f"{base.path}: its gain map {error}") from error
    with replacing(path) as temporary:
        temporary.write_bytes(data)
    return (f"{behind} bytes behind its picture are left out",) if behind else ()


def decode_ultra_hdr(path: Path) -> DecodedHdr:
    """Decode an Ultra HDR file to the light that a display of enough headroom shows, 1.0 = SDR white.

    Colours beyond BT.709 are negative.

    Raises:
        PictureError: it is no JPEG, has no gain map, or base or map are damaged.
    """
    kind = read_header(path).kind
    data = read_bytes(path)
    if kind != "JPEG" or not has_gain_map(data):
        raise PictureError(f"{path}: is no HDR picture; of JPEG files those with a gain map are (Ultra HDR)")
    base = _base(path, data)
    linear = base.colours.linear(base.decoded.codes)
    try:
        found = extract(data)
        codes = _map_codes(path, found, linear)
        colours = _colours_of(found, base.colours)
    except GainMapError as error:
        raise PictureError(f"{path}: its gain map {error}") from error
    if colours is not base.colours:
        linear = linear @ (base.colours.to_bt709 @ np.linalg.inv(colours.to_bt709))
    light = gain.apply(linear, codes, found.metadata) @ colours.to_bt709
    return DecodedHdr(
        pixels=turn_upright(light, base.decoded.orientation), notes=("its gain map is applied; 1.0 is SDR white",)
    )


def _sized(codes: np.ndarray, light: np.ndarray) -> np.ndarray:
    import cv2

    if codes.shape[:2] == light.shape[:2]:
        return codes
    smaller: np.ndarray = cv2.resize(codes, light.shape[1::-1], interpolation=cv2.INTER_AREA)
    return smaller


def _base(path: Path, data: bytes) -> Base:
    require_baseline(path, data)
    frame = first_frame(data)
    if frame is not None and frame.channels == 4:
        raise PictureError(
            f"{path}: is CMYK, and the base of an Ultra HDR file is grey or RGB; convert it to sRGB first"
        )
    if frame is not None and frame.width * frame.height > _MOST_MEGAPIXELS * 1_000_000:
        raise PictureError(
            f"{path}: has {frame.width} x {frame.height} pixels; the base of an Ultra HDR file may have "
            f"{_MOST_MEGAPIXELS} megapixels"
        )
    decoded = decode_jpeg(path)
    try:
        colours = read_colours(decoded.profile, grey=decoded.channels == "grey")
    except GainMapError as error:
        raise PictureError(f"{path}: its gain map {error}") from error
    return Base(path=path, data=data, decoded=decoded, colours=colours)


def _colours_of(found: GainMap, base: Colours) -> Colours:
    """The primaries in which a map is applied: the base's, or those of the map's own profile."""
    from PIL import Image

    if found.metadata.in_base_colours:
        return base
    try:
        with Image.open(io.BytesIO(found.jpeg), formats=["JPEG"]) as image:
            profile = image.info.get("icc_profile")
    except (OSError, ValueError, SyntaxError) as error:
        raise GainMapError("is damaged") from error
    return base if profile is None else read_colours(profile, grey=False)


def _map_codes(path: Path, found: GainMap, base: np.ndarray) -> np.ndarray:
    """A map's code values, (h, w) or (h, w, 3) uint8; its header is judged before it is decoded."""
    import cv2

    frame = first_frame(found.jpeg)
    height, width = base.shape[:2]
    if frame is None or frame.channels not in (1, 3) or frame.width > width or frame.height > height:
        said = "no picture" if frame is None else f"{frame.width} x {frame.height} pixels, {frame.channels} channels"
        raise PictureError(f"{path}: its gain map has {said}; one or three channels fit, at most {width} x {height}")
    try:
        return decode_with_opencv(path, found.jpeg, cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    except PictureError as error:
        raise PictureError(f"{path}: its gain map is {str(error).removeprefix(f'{path}: ')}") from error


def _encoded(codes: np.ndarray, quality: int) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    # Chroma at full size: a map's three channels are three maps.
    Image.fromarray(codes).save(stream, "JPEG", quality=quality, subsampling=0)
    return stream.getvalue()
