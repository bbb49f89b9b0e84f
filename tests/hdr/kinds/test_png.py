"""Colours that a PNG states in chunks, and which of them holds."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from tests.hdr.icc_profiles import display_profile

from mqn.errors import PictureError
from mqn.hdr.io.files import load_ldr, read_ldr
from mqn.hdr.primaries import PRIMARIES, change_primaries
from mqn.hdr.transfer import srgb_decode, srgb_encode

COLOUR = (0.8, 0.6, 0.5)
LIGHT = srgb_decode(np.array(COLOUR))


def _file(path: Path, codes: np.ndarray, **chunks: bytes) -> Path:
    """A PNG with chunks before its pixels."""
    data = imagecodecs.png_encode(codes)
    # imagecodecs writes no colour chunk of its own behind IHDR, which ends at 33.
    extra = b""
    for name, content in chunks.items():
        body = name.encode() + content
        extra += struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))
    path.write_bytes(data[:33] + extra + data[33:])
    return path


def _codes(values: object, bits: int = 16) -> np.ndarray:
    return np.tile(np.rint(np.asarray(values) * (2**bits - 1)).astype(f"u{bits // 8}"), (8, 12, 1))


def _gama(gamma: float) -> bytes:
    return struct.pack(">I", round(gamma * 100_000))


def _chrm(name: str) -> bytes:
    numbers = PRIMARIES[name].chromaticities
    return struct.pack(">8I", *(round(number * 100_000) for number in (*numbers[6:], *numbers[:6])))


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("gamma", [1.0, 1 / 1.8, 1 / 2.2, 0.5, 2.0])
def test_a_gamma_is_undone(tmp_path: Path, gamma: float, bits: int) -> None:
    loaded = load_ldr(_file(tmp_path / "a.png", _codes(LIGHT**gamma, bits), gAMA=_gama(gamma)))
    # 2.2 alone is how sRGB is stated by those who have one number for it: its codes stay.
    expected = LIGHT ** (1 / 2.2) if gamma == 1 / 2.2 else COLOUR
    assert loaded.image[3, 4] == pytest.approx(expected, abs=0.01)
    assert bool(loaded.notes) == (gamma != 1 / 2.2)


@pytest.mark.parametrize(
    ("name", "gamma"), [("adobe_rgb", 256 / 563), ("p3", 1 / 2.2), ("prophoto", 1 / 1.8), ("bt709", 1.0)]
)
def test_gamma_and_primaries_go_together(tmp_path: Path, name: str, gamma: float) -> None:
    stored = change_primaries(LIGHT, "bt709", name) ** gamma
    loaded = load_ldr(_file(tmp_path / "a.png", _codes(stored), gAMA=_gama(gamma), cHRM=_chrm(name)))
    assert loaded.image[3, 4] == pytest.approx(COLOUR, abs=0.002)
    assert loaded.colours.startswith(f"{name}, gamma")
    assert loaded.notes == (f"its colours are brought from {loaded.colours} to sRGB",)


def test_primaries_alone_have_the_transfer_function_of_srgb(tmp_path: Path) -> None:
    stored = srgb_encode(change_primaries(LIGHT, "bt709", "p3"))
    loaded = load_ldr(_file(tmp_path / "a.png", _codes(stored), cHRM=_chrm("p3")))
    assert loaded.image[3, 4] == pytest.approx(COLOUR, abs=1e-3)
    assert loaded.colours == "p3"


def test_what_states_srgb_keeps_its_codes(tmp_path: Path) -> None:
    for chunks in ({"gAMA": _gama(0.45455)}, {"gAMA": _gama(0.45455), "cHRM": _chrm("bt709")}, {"sRGB": b"\0"}):
        loaded = load_ldr(_file(tmp_path / "a.png", _codes(COLOUR), **chunks))
        assert np.array_equal(loaded.image, _codes(COLOUR).astype(np.float32) / np.float32(65535))
        assert loaded.notes == ()
        assert loaded.colours.startswith("sRGB")


def test_grey_and_palettes_have_a_gamma_too(tmp_path: Path) -> None:
    grey = np.full((8, 12), round(0.5 * 65535), np.uint16)
    expected = float(srgb_encode(np.float64(0.5)))
    assert read_ldr(_file(tmp_path / "a.png", grey, gAMA=_gama(1.0))) == pytest.approx(
        np.full((8, 12, 3), expected), abs=1e-3
    )
    indexed = Image.new("P", (12, 8), 1)
    indexed.putpalette([0, 0, 0, 128, 128, 128])
    indexed.save(tmp_path / "b.png")
    data = (tmp_path / "b.png").read_bytes()
    chunk = b"gAMA" + _gama(1.0)
    (tmp_path / "b.png").write_bytes(
        data[:33] + struct.pack(">I", 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[33:]
    )
    assert read_ldr(tmp_path / "b.png")[3, 4] == pytest.approx([expected] * 3, abs=0.003)


def test_the_order_of_precedence_is_that_of_the_standard(tmp_path: Path) -> None:
    cicp, srgb, gama = {"cICP": bytes([1, 8, 0, 1])}, {"sRGB": b"\0"}, {"gAMA": _gama(1 / 1.8)}
    iccp = {"iCCP": b"a\0\0" + zlib.compress(display_profile("bt709", 3.0))}
    stored = np.array([0.5, 0.4, 0.3])
    undone = {
        "cICP": srgb_encode(stored),
        "iCCP": srgb_encode(stored**3.0),
        "sRGB": stored,
        "gAMA": srgb_encode(stored**1.8),
    }
    for chunks in (cicp | iccp | srgb | gama, iccp | srgb | gama, srgb | gama, gama):
        loaded = load_ldr(_file(tmp_path / "a.png", _codes(stored), **chunks))
        assert loaded.image[3, 4] == pytest.approx(undone[next(iter(chunks))], abs=2e-3)


@pytest.mark.parametrize("chunks", [{"gAMA": bytes(4)}, {"cHRM": bytes(32)}, {"cICP": b"\1"}])
def test_chunks_that_say_nothing_are_left_out_and_told(tmp_path: Path, chunks: dict[str, bytes]) -> None:
    loaded = load_ldr(_file(tmp_path / "a.png", _codes(COLOUR), **chunks))
    assert loaded.image[3, 4] == pytest.approx(COLOUR, abs=1e-4)
    assert loaded.notes == (f"its {next(iter(chunks))} chunk is damaged and left out",)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("points", [(1, 13), (2, 2), (1, 2)])
def test_narrow_range_is_stretched(tmp_path: Path, bits: int, points: tuple[int, int]) -> None:
    unit = 2 ** (bits - 8)
    codes = np.tile(np.rint((16 + 219 * np.array(COLOUR)) * unit).astype(f"u{bits // 8}"), (8, 12, 1))
    codes[0, 0], codes[0, 1] = 3 * unit, 250 * unit
    loaded = load_ldr(_file(tmp_path / "a.png", codes, cICP=bytes([*points, 0, 0])))
    assert loaded.image[3, 4] == pytest.approx(COLOUR, abs=0.003)
    assert loaded.image[0, :2].tolist() == [[0, 0, 0], [1, 1, 1]]
    assert loaded.notes == ("its codes are of narrow range, 16 to 235, and stretched",)


def test_a_png_may_name_its_colours_by_number(tmp_path: Path) -> None:
    stored = srgb_encode(change_primaries(LIGHT, "bt709", "p3"))
    loaded = load_ldr(_file(tmp_path / "a.png", _codes(stored), cICP=bytes([12, 13, 0, 1])))
    assert loaded.image[3, 4] == pytest.approx(COLOUR, abs=1e-3)
    assert loaded.colours == "p3"


@pytest.mark.parametrize(
    ("transfer", "stored"),
    [
        (8, LIGHT),
        (4, LIGHT ** (1 / 2.2)),
        (5, LIGHT ** (1 / 2.8)),
        # Cameras' curves are shown as sRGB is.
        *((number, np.array(COLOUR)) for number in (1, 6, 13, 14, 15)),
    ],
)
def test_known_transfer_functions_are_undone(tmp_path: Path, transfer: int, stored: np.ndarray) -> None:
    path = _file(tmp_path / "a.png", _codes(stored), cICP=bytes([1, transfer, 0, 1]))
    assert read_ldr(path)[3, 4] == pytest.approx(COLOUR, abs=2e-3)


@pytest.mark.parametrize("transfer", [0, 3, 7, 9, 10, 11, 12, 17, 255])
def test_other_transfer_functions_are_refused_by_number(tmp_path: Path, transfer: int) -> None:
    path = _file(tmp_path / "a.png", _codes(COLOUR), cICP=bytes([1, transfer, 0, 1]))
    with pytest.raises(
        PictureError, match=rf"transfer function is number {transfer} of H\.273, which is not supported"
    ):
        read_ldr(path)


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_hdr_transfer_functions_are_refused_by_name(tmp_path: Path, transfer: int, name: str) -> None:
    path = _file(tmp_path / "a.png", _codes(COLOUR), cICP=bytes([9, transfer, 0, 1]))
    with pytest.raises(PictureError, match=rf"is an HDR picture \({name}\), not an LDR one"):
        read_ldr(path)


@pytest.mark.parametrize("primaries", [0, 3, 10, 99])
def test_unknown_primaries_are_refused_by_number(tmp_path: Path, primaries: int) -> None:
    path = _file(tmp_path / "a.png", _codes(COLOUR), cICP=bytes([primaries, 13, 0, 1]))
    with pytest.raises(PictureError, match=rf"primaries are number {primaries} of H\.273, which is not supported"):
        read_ldr(path)


@pytest.mark.parametrize(("matrix", "full_range"), [(1, 1), (0, 2)])
def test_another_matrix_or_range_is_refused(tmp_path: Path, matrix: int, full_range: int) -> None:
    path = _file(tmp_path / "a.png", _codes(COLOUR), cICP=bytes([1, 13, matrix, full_range]))
    with pytest.raises(PictureError, match=f"states matrix {matrix} and range {full_range}, which is not supported"):
        read_ldr(path)
