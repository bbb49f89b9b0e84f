"""Small real clips, made with PyAV."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

RATE = Fraction(24)


def moving_scene(count: int = 12, height: int = 64, width: int = 64) -> list[np.ndarray]:
    """A soft pattern that is panned over: (height, width, 3) uint8 each."""
    row, column = np.mgrid[0:height, 0 : width + 2 * count].astype(np.float64)
    planes = [0.5 + 0.45 * np.sin(column / 9 + phase) * np.cos(row / 13) for phase in (0.0, 0.4, 0.9)]
    wide = np.rint(np.stack(planes, axis=-1) * 255).astype(np.uint8)
    return [np.ascontiguousarray(wide[:, 2 * i : 2 * i + width]) for i in range(count)]


def write_clip(
    path: Path,
    pictures: Sequence[np.ndarray],
    *,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    times: Sequence[int] | None = None,
    tagged: bool = True,
    transfer: int = 1,
    rotation: int = 0,
    sound: str | None = None,
    sound_from: int = 0,
    options: dict[str, str] | None = None,
) -> Path:
    """Write pictures as a video of 24 frames a second, BT.709 in limited range.

    Args:
        path: its suffix names the container.
        pictures: (H, W, 3) uint8.
        codec: the encoder.
        pixels: the pixel format.
        times: time stamps in 1/24 s, evenly spaced where none are given.
        tagged: whether the stream states its colours.
        transfer: the H.273 number that it states.
        rotation: the stream's display matrix, degrees.
        sound: an audio codec: a tone is added.
        sound_from: when it begins, in seconds.
        options: of the container.

    Returns:
        `path`.
    """
    with av.open(str(path), "w", container_options=options or {}) as container:
        stream = container.add_stream(codec, rate=RATE, options={"crf": "4"} if codec == "libx264" else {})
        stream.height, stream.width, _ = pictures[0].shape
        stream.pix_fmt = pixels
        stream.time_base = stream.codec_context.time_base = 1 / RATE
        if tagged:
            context = stream.codec_context
            context.color_primaries = context.colorspace = context.color_range = 1
            context.color_trc = transfer
        if rotation:
            stream.set_display_rotation(rotation)
        tone = container.add_stream(sound, rate=48000) if sound else None
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame = frame.reformat(format=pixels, dst_colorspace="itu709")
            frame.pts, frame.time_base = (times[index] if times else index), 1 / RATE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if tone is not None:
            _add_tone(container, tone, seconds=len(pictures) / float(RATE), begin=sound_from)
    return path


def _add_tone(container: av.container.OutputContainer, stream: av.AudioStream, seconds: float, begin: int) -> None:
    for start in range(0, int(seconds * 48000), 1024):
        samples = np.sin(np.arange(start, start + 1024) * 2 * np.pi * 440 / 48000).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48000, begin * 48000 + start, Fraction(1, 48000)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
