"""A container's statements about its video: colours, crop, Dolby Vision.

FFmpeg reads all of it, but PyAV hands on the colours only, before the first frame is decoded (the decoder then puts the
stream's own in their place). The rest stands in the description that FFmpeg prints of an open file.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import Any

import av

from mqn.media.interpretation import Tags
from mqn.media.reading.upright import Crop

# At the begin of a line: titles and names, which others write, have their key before them.
_CROP = re.compile(r"^ *Frame Cropping: (\d+)/(\d+)/(\d+)/(\d+)", re.MULTILINE)
_DOLBY_VISION = re.compile(r"^ *DOVI configuration record: .*?profile: (\d+),.*?compatibility id: (\d+)", re.MULTILINE)
_STREAM = re.compile(r"^ *Stream #\d+:(\d+)", re.MULTILINE)
_LOG = threading.Lock()
"""FFmpeg has one log for the whole process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DolbyVision:
    """A Dolby Vision configuration record.

    Attributes:
        profile: 5, 7, 8, ...
        compatibility: what the stream is without Dolby Vision: 0 nothing, 1 HDR10, 2 BT.709, 4 HLG, 5 BT.2020 in
            standard range, 6 HDR10 of an Ultra HD Blu-ray.
    """

    profile: int
    compatibility: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What a container says of a video stream.

    Attributes:
        tags: its colours; unspecified where it says nothing.
        crop: what is not shown.
        dolby_vision: its record, None where there is none.
    """

    tags: Tags
    crop: Crop
    dolby_vision: DolbyVision | None


def read_statement(container: Any, stream: Any) -> Statement:
    """Look at a container's statements, before anything of it is decoded."""
    described = _described(container, stream.index)
    crop, dolby_vision = _CROP.search(described), _DOLBY_VISION.search(described)
    left, right, top, bottom = map(int, crop.groups()) if crop else (0, 0, 0, 0)
    return Statement(
        tags=Tags.of(stream.codec_context),
        crop=Crop(left=left, right=right, top=top, bottom=bottom),
        dolby_vision=DolbyVision(profile=int(dolby_vision[1]), compatibility=int(dolby_vision[2]))
        if dolby_vision
        else None,
    )


def _described(container: Any, index: int) -> str:
    """FFmpeg's description of one stream."""
    with _LOG:
        level, skips = av.logging.get_level(), av.logging.get_skip_repeated()
        av.logging.set_skip_repeated(False)
        av.logging.set_level(av.logging.INFO)
        try:
            text = container.dumps_format()
        finally:
            av.logging.set_level(level)
            av.logging.set_skip_repeated(skips)
    parts = _STREAM.split(text)
    # Before the first stream, then number and text of each by turns.
    return dict(zip(parts[1::2], parts[2::2], strict=True)).get(str(index), "")
