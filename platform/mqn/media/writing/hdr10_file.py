"""An HDR10 file, grown from finished runs of frames."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mqn.files.publishing import publish_file, sync_file
from mqn.media.flicker import Level
from mqn.media.ledger import Ledger
from mqn.media.reading.timeline import Timeline
from mqn.media.writing.encoding import Coding, Encoded, RunEncoder
from mqn.media.writing.hdr10 import ContentLight, encode_frame
from mqn.media.writing.joining import join
from mqn.media.writing.sink import FrameRecord, failures_named
from mqn.parsing import from_mapping

RUN_FRAMES = 24
"""Frames of one run: what a kill costs at most, and the distance of key frames."""


class Hdr10Sink:
    """Writes runs of `RUN_FRAMES` into a hidden folder beside the output, and joins them at the end."""

    clipped = True

    def __init__(
        self,
        output: Path,
        coding: Coding,
        work: dict[str, Any],
        *,
        peak_nits: float,
        sound: Path | None,
        timeline: Timeline,
    ) -> None:
        """Open the folder, and take up what is finished in it.

        Args:
            output: the file to be.
            coding: how to encode.
            work: what decides the result; what other work left in the folder is not used.
            peak_nits: cd/m2 of 1.0.
            sound: the file whose audio streams are copied, None for none.
            timeline: of the input, whole when `complete` is called.

        Raises:
            VideoError: the size cannot be encoded, or the folder cannot be written.
        """
        RunEncoder(coding).finish()
        self.notes: list[str] = []
        self.failures: list[str] = []
        self._timeline = timeline
        self._output, self._coding, self._peak_nits, self._sound = output, coding, peak_nits, sound
        self.place = output.with_name(f".{output.name}.partial")
        with failures_named(output):
            self.place.mkdir(parents=True, exist_ok=True)
            self._ledger = Ledger(self.place / "runs.jsonl", work)
        self._runs = list(self._whole_runs())
        self._ledger.keep(len(self._runs))
        self.finished = [record for run in self._runs for record in run["frames"]]
        self._encoder: RunEncoder | None = None
        self._packets: list[Encoded] = []
        self._frames: list[FrameRecord] = []

    def write(self, light: np.ndarray, pts: int, level: Level) -> None:
        """Take one frame; see `Sink`."""
        planes, content = encode_frame(light, self._peak_nits)
        self._encoder = self._encoder or RunEncoder(self._coding)
        self._packets += self._encoder.encode(planes, pts)
        self._frames.append(FrameRecord(pts=pts, level=level, light=content))
        if len(self._frames) == RUN_FRAMES:
            self._end_run()

    def complete(self) -> list[Path]:
        """Join the runs; see `Sink`. Raises `VideoError` if the file cannot be written; the runs stay."""
        if self._frames:
            self._end_run()
        # Errors name it, so it bears the output's name.
        joined = self.place / self._output.name
        pts = [pts for run in self._runs for _, pts, _ in run["packets"]]
        self.failures = join(
            joined,
            self._stored_packets(),
            pts,
            self._coding,
            peak_nits=self._peak_nits,
            content=self.content,
            sound=self._sound,
            timeline=self._timeline,
        )
        with failures_named(self._output):
            publish_file(joined, self._output)
        shutil.rmtree(self.place, ignore_errors=True)
        return [self._output]

    @property
    def content(self) -> ContentLight:
        """MaxCLL and MaxFALL of what is finished."""
        content = ContentLight(maximum=0.0, average=0.0)
        for run in self._runs:
            for record in run["frames"]:
                content = content.joined(record.light)
        return content

    def _end_run(self) -> None:
        assert self._encoder is not None
        self._packets += self._encoder.finish()
        name = f"{len(self._runs):06d}.hevc"
        packets = [(len(packet.data), packet.pts, packet.is_key) for packet in self._packets]
        with failures_named(self._output):
            (self.place / name).write_bytes(b"".join(packet.data for packet in self._packets))
            # What a ledger names has to be there after a power cut too.
            sync_file(self.place / name)
            self._ledger.add({"file": name, "packets": packets, "frames": self._frames})
        self._runs.append({"file": name, "packets": packets, "frames": self._frames})
        self._encoder, self._packets, self._frames = None, [], []

    def _whole_runs(self) -> Iterator[dict[str, Any]]:
        for entry in self._ledger.entries:
            path = self.place / entry["file"]
            if not path.is_file() or path.stat().st_size != sum(size for size, _, _ in entry["packets"]):
                return
            frames = [from_mapping(FrameRecord, plain, source=str(self.place)) for plain in entry["frames"]]
            yield {**entry, "frames": frames}

    def _stored_packets(self) -> Iterator[Encoded]:
        for run in self._runs:
            with (self.place / run["file"]).open("rb") as stream:
                for size, pts, is_key in run["packets"]:
                    yield Encoded(stream.read(size), pts, is_key)
