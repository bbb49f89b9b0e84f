"""Decoded frames to R', G', B' code values, of whatever pixel format they are."""

from __future__ import annotations

from typing import Any

import numpy as np

from mqn.media.interpretation import Interpretation
from mqn.media.ycbcr import to_rgb

_GREYS = ("gray", "gray10le", "gray12le", "gray16le")


def code_values(frame: Any, interpretation: Interpretation) -> np.ndarray:
    """A frame's picture as stored: (H, W, 3) float32 in [0, 1], the stream's own code values."""
    if interpretation.matrix is None:
        frame = frame if frame.format.name in ("rgb24", "rgb48le") else frame.reformat(format=_rgb_format(frame))
        rgb = frame.to_ndarray()
        return np.asarray(rgb.astype(np.float32) / np.float32(np.iinfo(rgb.dtype).max))
    bits = frame.format.components[0].bits
    full = interpretation.full
    # PyAV does not tell where chroma lies; full range is JPEG's, and so is its siting.
    siting = "centre" if full else "left"
    return to_rgb(_planes(frame), matrix=interpretation.matrix, bits=bits, full=full, siting=siting)


def is_rgb(kind: Any) -> bool:
    """Whether frames of a format come as RGB, or become it without a matrix: palettes, one bit, grey with alpha."""
    odd_grey = len(kind.components) < 3 and kind.name not in _GREYS
    return bool(kind.is_rgb or kind.has_palette or odd_grey)


def _rgb_format(frame: Any) -> str:
    return "rgb48le" if max(component.bits for component in frame.format.components) > 8 else "rgb24"


def _planes(frame: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Y', Cb and Cr as stored, of any layout; grey gets neutral chroma."""
    kind = frame.format
    bits = kind.components[0].bits
    if len(kind.components) < 3:
        luma = _plane(frame.planes[0], frame.width, frame.height, bits)
        neutral = np.full((1, 1), 1 << (bits - 1), luma.dtype)
        return luma, neutral, neutral
    horizontal = round(frame.width / max(1, kind.chroma_width(frame.width)))
    vertical = round(frame.height / max(1, kind.chroma_height(frame.height)))
    layout = {(1, 1): "444", (2, 1): "422", (2, 2): "420", (4, 1): "411", (4, 4): "410", (1, 2): "440"}
    plain = f"yuv{layout[horizontal, vertical]}p" + (f"{bits}le" if bits > 8 else "")
    if kind.name not in (plain, plain.replace("yuv", "yuvj"), plain.replace("yuv", "yuva")):
        # Another order of the same samples: nothing is computed.
        frame = frame.reformat(format=plain)
    sizes = [(frame.width, frame.height), *[(kind.chroma_width(frame.width), kind.chroma_height(frame.height))] * 2]
    y, cb, cr = (_plane(plane, *size, bits) for plane, size in zip(frame.planes[:3], sizes, strict=True))
    return y, cb, cr


def _plane(plane: Any, width: int, height: int, bits: int) -> np.ndarray:
    dtype = np.dtype(np.uint8 if bits <= 8 else "<u2")
    rows = np.frombuffer(plane, dtype).reshape(-1, plane.line_size // dtype.itemsize)
    return rows[:height, :width]
