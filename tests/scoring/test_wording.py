from __future__ import annotations

import pytest

from mqn.scoring.summary import Figure
from mqn.scoring.wording import difference_text, figure_text, interval_text, p_text, short_names


def test_figures_have_their_quantity_s_digits() -> None:
    assert figure_text("psnr_tm", 12.345) == "12.35"
    assert figure_text("ssim_tm", 0.5) == "0.5000"
    assert figure_text("clipped_error", None) == "-"
    assert difference_text("psnr_tm", 1.0) == "+1.00"
    assert interval_text("psnr_tm", Figure(mean=1.0, low=-0.5, high=2.0, n=3)) == "-0.50 to 2.00"
    assert interval_text("psnr_tm", Figure(mean=None, low=None, high=None, n=0)) == ""


@pytest.mark.parametrize(
    ("p", "text"), [(0.25, "p = 0.250"), (0.0078125, "p = 0.0078"), (5e-5, "p < 0.0001"), (None, "")]
)
def test_p_values_are_never_0(p: float | None, text: str) -> None:
    assert p_text(p) == text


def test_names_are_no_longer_than_tells_them_apart() -> None:
    assert short_names(["/w/a/checkpoint.pt", "/w/b/checkpoint.pt", "oracle"]) == {
        "/w/a/checkpoint.pt": "a/checkpoint.pt",
        "/w/b/checkpoint.pt": "b/checkpoint.pt",
        "oracle": "oracle",
    }
    assert short_names(["expandnet:/weights/x.pth", "/w/bundle"]) == {
        "expandnet:/weights/x.pth": "expandnet:x.pth",
        "/w/bundle": "bundle",
    }
    assert short_names(["a/b", "a//b"]) == {"a/b": "a/b", "a//b": "a//b"}
