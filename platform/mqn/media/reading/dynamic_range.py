"""Whether a video is HDR already: by its stream, by its container, by Dolby Vision's and others' own data."""

from __future__ import annotations

from typing import Any

from av.sidedata.sidedata import Type

from mqn.errors import VideoError
from mqn.media.interpretation import UNSPECIFIED, Tags
from mqn.media.reading.statements import Statement
from mqn.media.reading.upright import side_data

_TRANSFERS = {16: "PQ", 18: "HLG"}
"""H.273's numbers of transfer characteristics."""

_STANDARD_BASES = (2, 5)
"""Dolby Vision's numbers of what a stream is without it: BT.709 and BT.2020 in standard range."""

_BASE_BY_TAGS = (4, 8, 9)
"""Profiles whose base may be in standard range; records of early writers leave the number at 0."""

_DOLBY_VISION = "Dolby Vision"
_DYNAMIC = {Type.DYNAMIC_HDR_PLUS: "HDR10+", Type.DYNAMIC_HDR_VIVID: "HDR Vivid"}
_STATIC = {Type.MASTERING_DISPLAY_METADATA: "a mastering display", Type.CONTENT_LIGHT_LEVEL: "light levels"}


def require_standard_range(frame: Any, coded: Tags, statement: Statement, *, name: str) -> list[str]:
    """Refuse a video that is HDR already, and return notes on it.

    Its first frame, its colours as coded, and the container's statement decide. A container that says HDR is believed,
    even if the stream says otherwise.

    Raises:
        VideoError: the video is HDR.
    """
    beside, notes = side_data(frame), []
    transfer = coded.completed(statement.tags).transfer
    is_tagged = transfer != UNSPECIFIED
    found = _TRANSFERS.get(coded.transfer) or _TRANSFERS.get(statement.tags.transfer)
    dolby_vision = statement.dolby_vision
    if found is None and dolby_vision is not None:
        compatibility = dolby_vision.compatibility
        is_standard = compatibility in _STANDARD_BASES or (
            compatibility == 0 and dolby_vision.profile in _BASE_BY_TAGS and is_tagged
        )
        found = None if is_standard else _DOLBY_VISION
    elif found is None and (Type.DOVI_RPU_BUFFER in beside or Type.DOVI_METADATA in beside):
        found = None if is_tagged else _DOLBY_VISION
    if found is None and not is_tagged:
        found = next((kind for data, kind in _DYNAMIC.items() if data in beside), None)
    if found is not None:
        raise VideoError(f"{name}: is HDR already ({found}); only standard-range video is converted")
    if dolby_vision is not None or Type.DOVI_RPU_BUFFER in beside:
        notes.append("the video has Dolby Vision data, which are left out; its base is in standard range")
    stated = [kind for data, kind in _STATIC.items() if data in beside]
    if stated:
        notes.append(
            f"the video states {' and '.join(stated)} as HDR video does, but no HDR transfer; it is read as SDR"
        )
    return notes
