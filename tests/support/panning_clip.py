"""A real clip for `mqn convert`: 10 seconds of 1280 x 720, panning over real photographs, with a cut between them.

python -m tests.support.panning_clip ../shared/hdr/pairs clip.mp4
mqn convert clip.mp4 --model BUNDLE --output clip_hdr.mp4 --damp 0.5
ffprobe -show_streams clip_hdr.mp4
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from mqn.hdr.io.files import read_ldr

WIDTH, HEIGHT = 1280, 720
SECONDS = 10
RATE = Fraction(24)


def pan(picture: np.ndarray, count: int) -> Iterator[np.ndarray]:
    """Move a window from the upper left to the lower right of a picture that is a quarter larger than the window.

    Args:
        picture: (H, W, 3) in [0, 1].
        count: of frames.

    Yields:
        (720, 1280, 3) uint8.
    """
    scale = 1.25 * max(WIDTH / picture.shape[1], HEIGHT / picture.shape[0])
    wide = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    rows, columns = wide.shape[0] - HEIGHT, wide.shape[1] - WIDTH
    for share in np.linspace(0, 1, count):
        shift = np.array([[1, 0, -columns * share], [0, 1, -rows * share]])
        window = cv2.warpAffine(wide, shift, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        yield np.rint(np.clip(window, 0, 1) * 255).astype(np.uint8)


def write_panning_clip(path: Path, photographs: Sequence[Path], seconds: float = SECONDS) -> Path:
    """Write the clip as H.264 in BT.709, as a phone does.

    Args:
        path: a .mp4 file.
        photographs: each gets an equal part of the time.
        seconds: length of the clip.

    Returns:
        `path`.
    """
    each = round(seconds * RATE / len(photographs))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "17"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        context = stream.codec_context
        context.color_primaries = context.color_trc = context.colorspace = context.color_range = 1
        for photograph in photographs:
            for picture in pan(read_ldr(photograph), each):
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                container.mux(stream.encode(frame.reformat(format="yuv420p", dst_colorspace="itu709")))
        container.mux(stream.encode(None))
    return path


if __name__ == "__main__":
    folder, target = map(Path, sys.argv[1:3])
    write_panning_clip(target, sorted(folder.glob("*__ev0.jpg"))[:4])
