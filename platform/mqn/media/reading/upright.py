"""Turns and crops stored frames as the container says: crop and display matrix."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from av.sidedata.sidedata import Type

from mqn.errors import VideoError

_TOLERANCE = 0.01
"""Of a matrix's largest entry: what is smaller is rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crop:
    """Pixels that are not shown, of each side of the frame as it is stored."""

    left: int = 0
    right: int = 0
    top: int = 0
    bottom: int = 0

    def cut(self, picture: np.ndarray) -> np.ndarray:
        """The part of a picture, (H, W, ...), that is shown."""
        height, width = picture.shape[:2]
        return picture[self.top : height - self.bottom, self.left : width - self.right]

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of what is shown of a frame of this size; raises `VideoError` if nothing is."""
        left = width - self.left - self.right, height - self.top - self.bottom
        if min(left) < 1 or min(self.left, self.right, self.top, self.bottom) < 0:
            raise VideoError(f"the container's crop ({self}) leaves nothing of {width} x {height} pixels")
        return left

    def __bool__(self) -> bool:
        """Whether anything is cut off."""
        return any((self.left, self.right, self.top, self.bottom))

    def __str__(self) -> str:
        """One clause for people."""
        return f"left {self.left}, right {self.right}, top {self.top}, bottom {self.bottom}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Orientation:
    """How a stored picture is turned, mirrored or both: first rows and columns change places, then each is reversed.

    Attributes:
        transposed: whether rows and columns change places.
        rows_reversed: whether the last row comes first.
        columns_reversed: whether the last column comes first.
    """

    transposed: bool = False
    rows_reversed: bool = False
    columns_reversed: bool = False

    def apply(self, picture: np.ndarray) -> np.ndarray:
        """Bring a picture, (H, W, channels), upright."""
        shown = picture.transpose(1, 0, 2) if self.transposed else picture
        return shown[:: -1 if self.rows_reversed else 1, :: -1 if self.columns_reversed else 1]

    @property
    def is_mirrored(self) -> bool:
        """Whether what is left becomes right: the matrix has a negative determinant."""
        return self.transposed ^ self.rows_reversed ^ self.columns_reversed


def orientation_of(frame: Any) -> Orientation:
    """What a frame's display matrix asks for; as it is stored where it has none.

    Raises:
        VideoError: the matrix turns by something else than quarters, shears, or is a perspective.
    """
    data = side_data(frame).get(Type.DISPLAYMATRIX)
    if data is not None:
        return orientation(np.frombuffer(data, np.int32).astype(np.float64))
    if not frame.rotation:
        return Orientation()
    # The matrix is there, but lies beside data of a kind that PyAV does not know.
    angle = math.radians(-frame.rotation)
    sine, cosine = 65536 * math.sin(angle), 65536 * math.cos(angle)
    return orientation(np.array([cosine, sine, 0, -sine, cosine, 0, 0, 0, 1]))


def side_data(frame: Any) -> dict[Type, bytes]:
    """What the decoder hands on beside a frame's pixels; empty where it holds a kind that PyAV does not know."""
    try:
        return {data.type: bytes(data) for data in frame.side_data}
    except ValueError:
        return {}


def orientation(matrix: np.ndarray) -> Orientation:
    """What a display matrix asks for (ISO/IEC 14496-12, 8.3.2).

    Args:
        matrix: its nine numbers a, b, u, c, d, v, x, y, w; the pixel (p, q) goes to (ap + cq + x, bp + dq + y).

    Raises:
        VideoError: as of `orientation_of`.
    """
    a, b, u, c, d, v = matrix[:6] / 65536
    least = _TOLERANCE * max(abs(value) for value in (a, b, c, d))
    if least == 0:
        # Some writers leave the matrix empty.
        return Orientation()
    # u and v are of another fixed point; any that is not 0 is a perspective.
    if u == v == 0 and max(abs(b), abs(c)) <= least < min(abs(a), abs(d)):
        return Orientation(rows_reversed=d < 0, columns_reversed=a < 0)
    if u == v == 0 and max(abs(a), abs(d)) <= least < min(abs(b), abs(c)):
        return Orientation(transposed=True, rows_reversed=b < 0, columns_reversed=c < 0)
    degrees = math.degrees(math.atan2(b, a))
    raise VideoError(
        f"the video is to be shown turned by {degrees:.0f} degrees, or skewed; only quarter turns and mirrors are kept"
    )
