"""A sequence of OpenEXR files, one a frame."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mqn.errors import UsageError
from mqn.hdr.io.formats import encode_exr
from mqn.hdr.primaries import change_primaries
from mqn.media.flicker import Level
from mqn.media.ledger import Ledger, work_of
from mqn.media.writing.sink import FrameRecord, failures_named
from mqn.parsing import from_mapping


class ExrSink:
    """Writes one file a frame, and beside them their time stamps: `frames.jsonl`, `shot_frames.jsonl` for a pattern."""

    clipped = False
    content = None

    def __init__(self, output: Path, work: dict[str, Any], *, colours: str, peak_nits: float):
        """Open the folder, and take up what is finished in it.

        `output` is a folder, or a pattern like `folder/shot_%05d.exr`; each file states `colours` and `peak_nits`,
        cd/m2 of 1.0.

        Raises:
            UsageError: a pattern without exactly one number, or files of its names that are no results of this video.
            VideoError: the folder cannot be written.
        """
        self._pattern = output if output.suffix.lower() == ".exr" else output / "frame_%06d.exr"
        if not re.fullmatch(r"[^%]*%0?\d*d[^%]*", self._pattern.name):
            raise UsageError(
                f"{output}: write the frame's number as %06d, for example frame_%06d.exr, or name a folder"
            )
        self._colours, self._peak_nits = colours, peak_nits
        self.place = self._pattern.parent
        self.notes: list[str] = []
        self.failures: list[str] = []
        with failures_named(output):
            self.place.mkdir(parents=True, exist_ok=True)
            ledger = self.place / self._ledger_name(output)
            self._require_own(ledger, work)
            self._ledger = Ledger(ledger, {**work, "files": self._pattern.name})
        self.finished = list(self._whole_frames())
        self._ledger.keep(len(self.finished))
        self._count = len(self.finished)

    def write(self, light: np.ndarray, pts: int, level: Level) -> None:
        """Take one frame; see `Sink`. Raises `PictureError` if the file cannot be written."""
        path = self._path(self._count)
        converted = np.maximum(change_primaries(light, "bt709", self._colours), 0)
        encode_exr(path, converted, self._colours, self._peak_nits)
        with failures_named(path):
            self._ledger.add({"file": path.name, "frame": FrameRecord(pts=pts, level=level, light=None)})
        self._count += 1

    def complete(self) -> list[Path]:
        """All files; see `Sink`."""
        return [self._path(index) for index in range(self._count)]

    def _ledger_name(self, output: Path) -> str:
        """One for each pattern: shots may share a folder."""
        if self._pattern != output:
            return "frames.jsonl"
        return re.sub(r"%0?\d*d", "frames", self._pattern.stem) + ".jsonl"

    def _require_own(self, ledger: Path, work: dict[str, Any]) -> None:
        """Refuse to replace files that no conversion of this input made: those of one have a ledger beside them."""
        before, after = re.split(r"%0?\d*d", self._pattern.name)
        frames = re.compile(rf"{re.escape(before)}\d+{re.escape(after)}")
        former = work_of(ledger)
        if former is not None and former.get("input") == work.get("input"):
            return
        if found := sorted(file.name for file in self.place.iterdir() if frames.fullmatch(file.name)):
            what = "no result of this command" if former is None else "a frame of another video"
            raise UsageError(
                f"{self.place / found[0]}: is there already and is {what}; name another folder or pattern, or move it "
                "away"
            )

    def _path(self, index: int) -> Path:
        return self.place / (self._pattern.name % index)

    def _whole_frames(self) -> Iterator[FrameRecord]:
        for index, entry in enumerate(self._ledger.entries):
            if entry["file"] != self._path(index).name or not self._path(index).is_file():
                return
            yield from_mapping(FrameRecord, entry["frame"], source=str(self.place))
