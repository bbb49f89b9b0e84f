"""The interface of outputs: they take frames, and keep enough of each to go on after an interruption."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from mqn.errors import VideoError
from mqn.media.flicker import Level
from mqn.media.writing.hdr10 import ContentLight


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRecord:
    """The record of a finished frame.

    Attributes:
        pts: its time stamp.
        level: its level, for flicker.
        light: its light in cd/m2; None in an EXR sequence.
    """

    pts: int
    level: Level
    light: ContentLight | None


class Sink(Protocol):
    """Takes frames in order.

    Attributes:
        finished: records of the frames that an earlier, interrupted conversion finished.
        clipped: whether light above 1.0 is clipped.
        content: MaxCLL and MaxFALL of what is finished; None where the output does not state them.
        notes: what a user should know of what is written.
        failures: what of the input could not be copied whole; known when `complete` has returned.
        place: where what is finished is kept, to tell the user.
    """

    finished: list[FrameRecord]
    clipped: bool
    notes: list[str]
    failures: list[str]
    place: Path

    @property
    def content(self) -> ContentLight | None:
        """See above."""

    def write(self, light: np.ndarray, pts: int, level: Level) -> None:
        """Take one frame: (H, W, 3) float32, linear BT.709, 1.0 = the peak."""

    def complete(self) -> list[Path]:
        """End the conversion and return what was written."""


@contextlib.contextmanager
def failures_named(output: Path) -> Iterator[None]:
    """Turn what the file system refuses into one line that names the output.

    Raises:
        VideoError: an `OSError` came out of the block.
    """
    try:
        yield
    except OSError as error:
        raise VideoError(f"{output}: cannot be written ({error.strerror or error})") from error
