"""What is known of a file before it is decoded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mqn.errors import PictureError
from mqn.hdr.decoding.size import MAX_PIXELS, require_size
from mqn.hdr.io.files import load, read, read_ldr, write
from mqn.hdr.io.headers import read_header, require_declared_size


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\xff\xd8\xff\xe1", "JPEG"),
        (b"II*\0", "TIFF"),
        (b"MM\0+", "TIFF"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "WebP"),
        (b"BM\x36\0\0\0\0\0\0\0", "BMP"),
        (b"\0\0\0\x18ftypheic", "HEIF"),
        (b"\0\0\0\x18ftypavif", "AVIF"),
        (b"\x76\x2f\x31\x01", "OpenEXR"),
        (b"#?RADIANCE\n", "Radiance"),
        (b"PF\n8 8\n", "PFM"),
        (b"P6\n8 8\n", "PNM"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "Canon raw (CR3)"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "AVIF"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1heicmiaf", "HEIF"),
        (b"\xff\xd8\xff\xf7", "JPEG-LS"),
        (b"text", None),
    ],
)
def test_kinds_are_told_by_how_files_begin(tmp_path: Path, start: bytes, kind: str | None) -> None:
    (tmp_path / "a").write_bytes(start + bytes(32))
    header = read_header(tmp_path / "a")
    assert (header.kind, header.size_bytes) == (kind, len(start) + 32)


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "empty").touch()
    reasons = {"folder": "is a folder", "link": "a link to a file that", "empty": "is empty", "absent": "no such file"}
    for name, reason in reasons.items():
        with pytest.raises(PictureError, match=f"{name}: .*{reason}"):
            read_header(tmp_path / name)


def test_the_largest_picture_is_the_stated_one(tmp_path: Path) -> None:
    require_size(tmp_path, 20_000, MAX_PIXELS // 20_000)
    with pytest.raises(PictureError, match="declares 20000 x 10001 pixels; at most 200 megapixels are read"):
        require_size(tmp_path, 20_000, MAX_PIXELS // 20_000 + 1)


@pytest.mark.parametrize("suffix", [".hdr", ".exr", ".pfm"])
@pytest.mark.parametrize("shape", [(1, 1), (2, 7), (3, 8), (5, 129), (300, 300), (40_000, 3)])
def test_a_flat_picture_holds_what_it_declares(tmp_path: Path, suffix: str, shape: tuple[int, int]) -> None:
    # Nothing is smaller than a black picture: if this passes for it, it passes for all.
    write(tmp_path / f"a{suffix}", np.zeros((*shape, 3), np.float32))
    require_declared_size(tmp_path, read_header(tmp_path / f"a{suffix}"))
    assert read(tmp_path / f"a{suffix}").shape == (*shape, 3)


def test_a_header_that_promises_more_than_there_is_costs_no_memory(tmp_path: Path) -> None:
    start = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 14000 +X 14000\n"
    # The newer run lengths: 111 runs of two bytes for each of four channels; the older ones: one pixel repeated.
    for pixels, least in ((b"\2\2\x36\xb0" + bytes(96), 53 + 14000 * 892), (bytes(100), 53 + 14000 * 12)):
        (tmp_path / "a.hdr").write_bytes(start + pixels)
        with pytest.raises(PictureError, match=f"pixels take {least} bytes or more, there are 153"):
            read(tmp_path / "a.hdr")


@pytest.mark.slow
def test_a_flat_png_holds_what_it_declares(tmp_path: Path) -> None:
    from PIL import Image

    for mode, size in (("RGB", (2000, 1500)), ("1", (5000, 4000)), ("L", (1, 1)), ("RGBA", (1500, 1500))):
        Image.new(mode, size).save(tmp_path / "a.png", optimize=True)
        assert read_ldr(tmp_path / "a.png").shape == (size[1], size[0], 3)
        header = bytearray((tmp_path / "a.png").read_bytes())
        header[16:24] = (12_000).to_bytes(4, "big") * 2
        (tmp_path / "b.png").write_bytes(header)
        with pytest.raises(PictureError, match="12000 x 12000 pixels take"):
            read_ldr(tmp_path / "b.png")


@pytest.mark.parametrize("content", [".hdr", ".exr", ".pfm", ".tif"])
def test_content_goes_before_suffix_and_is_told(tmp_path: Path, content: str) -> None:
    image = np.full((8, 8, 3), 0.25, np.float32)
    write(tmp_path / f"a{content}", image)
    wrong = tmp_path / ("b.pfm" if content != ".pfm" else "b.exr")
    (tmp_path / f"a{content}").rename(wrong)
    loaded = load(wrong)
    assert np.array_equal(loaded.image, image)
    assert len(loaded.notes) == 1
    assert loaded.notes[0].endswith(f"not {'PFM' if content != '.pfm' else 'OpenEXR'} as its suffix says")


def test_an_ldr_picture_under_an_hdr_name_is_named(tmp_path: Path) -> None:
    from mqn.hdr.io.files import write_png

    write_png(tmp_path / "a.png", np.zeros((8, 8, 3)))
    (tmp_path / "a.png").rename(tmp_path / "a.exr")
    with pytest.raises(PictureError, match=r"a\.exr: holds PNG data, not OpenEXR as its suffix says"):
        read(tmp_path / "a.exr")
