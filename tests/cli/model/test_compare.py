"""`mqn compare`: what is refused before any work."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from tests.cli.test_app import fails

from mqn.cli.model.compare_pictures import choose_pictures, left_out
from mqn.errors import UnknownNameError, UsageError
from mqn.records import NetworkCost

SET: Any = SimpleNamespace(
    listing=lambda: [SimpleNamespace(name=name) for name in ("a.exr", "sub/b.exr", "c.exr", "x/twin.exr", "y/twin.exr")]
)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "nothing to compare; name networks, or give --all"),
        (["expandet"], "expandnet"),
        (["mqn@int3"], "scheme"),
        (["mqn", "--size", "0"], "--size"),
        (["mqn", "--size", "33"], "--size 33: input_size 33 must be a multiple of 32"),
        (["mqn", "--output", __file__], "cannot make"),
        (["mqn", "--metrics", "psnr_tm"], "--metrics needs pictures to judge on; give --data"),
        (["mqn", "--pictures", "2", "--output", "out"], "--pictures needs pictures to judge on; give --data"),
        (["mqn", "--pictures", "2", "--data", "photos"], "--pictures needs a folder to write to; give --output"),
        (["mqn", "--metrics", "hdrvdp_qp3", "--data", "photos"], "did you mean 'hdrvdp_q_p3'"),
        (["mqn", "--inputs", "cameras", "--data", "photos"], "--inputs 'cameras'; did you mean 'camera'?"),
        (["mqn", "--split", "vall", "--data", "photos"], "--split 'vall'; did you mean"),
    ],
)
def test_what_cannot_be_compared(capsys: pytest.CaptureFixture[str], words: list[str], message: str) -> None:
    code, line = fails(capsys, "compare", *words)
    assert code == 2
    assert message in line


def test_weights_that_are_not_there_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    code, line = fails(capsys, "compare", "expandnet:gone.pth")
    assert code == 1
    assert "gone.pth" in line


@pytest.mark.parametrize(
    ("words", "indices"),
    [("2", [0, 4]), ("1", [0]), ("9", [0, 1, 2, 3, 4]), ("sub/b.exr", [1]), ("c, a ,c", [2, 0])],
)
def test_pictures_are_a_number_or_names(words: str, indices: list[int]) -> None:
    assert choose_pictures(SET, words) == indices


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ("0", UsageError, "--pictures 0: a figure shows 1 to 24 pictures"),
        ("-1", UsageError, "--pictures -1: a figure"),
        ("25", UsageError, "--pictures 25: a figure"),
        ("sub/bb.exr", UnknownNameError, "no picture 'sub/bb.exr'; did you mean 'sub/b.exr'?"),
        ("twin", UnknownNameError, "no picture 'twin'"),
    ],
)
def test_pictures_that_are_not_there(words: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as raised:
        choose_pictures(SET, words)
    assert message in str(raised.value)


def test_each_network_without_pictures_says_why() -> None:
    rows = [
        NetworkCost(name="mqn", size_bytes=1, why="does not count: contended"),
        NetworkCost(name="own", why="not exported: no kernels"),
        NetworkCost(name="bundle", trained=True, size_bytes=1),
    ]
    assert left_out(rows) == ["mqn: not trained", "own: not exported: no kernels"]
