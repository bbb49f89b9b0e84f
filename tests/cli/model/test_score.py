"""`mqn score` as a user meets it; what it computes is tested in tests/scoring."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mqn.cli.app import run
from mqn.data.preparation.prepare import prepare
from mqn.errors import MissingLibraryError
from mqn.hdr.io.files import write, write_png
from mqn.metrics import colorvideovdp
from mqn.scoring import session

QUICK = ("--metrics", "psnr_tm,clipped_error", "--size", "16", "--workers", "1")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("photos")
    rows = ["file,source,split,ldr", "t.exr,t,train,"]
    for seed, name in enumerate(("a", "b", "t")):
        light = np.exp(np.random.default_rng(seed).standard_normal((32, 32, 3))).astype(np.float32)
        write(folder / f"{name}.exr", light)
        for label in ("ev0", "over"):
            write_png(folder / f"{name}__{label}.png", light / (8 if label == "ev0" else 2))
    rows += [f"{name}.exr,{name},val,{name}__ev0.png;{name}__over.png" for name in ("a", "b")]
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
    output = tmp_path_factory.mktemp("prepared") / "set"
    prepare(folder, output, workers=1)
    return str(output)


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert run(["score", *words, "--json"]) == 0
    return dict(json.loads(capsys.readouterr().out))


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = run(["score", *words])
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = [line for line in captured.err.splitlines() if line]
    return code, line


@pytest.mark.slow
def test_one_method_is_one_document(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    document = answer(capsys, "do-nothing", "--data", data, *QUICK)
    assert document["pictures"] == 2
    assert set(document["scores"]) == {"psnr_tm", "clipped_error"}
    figure = document["scores"]["psnr_tm"]
    assert figure["low"] <= figure["mean"] <= figure["high"]
    assert figure["n"] == 2
    assert document["protocol"]["sizes"] == [[16, 16]]


@pytest.mark.slow
def test_several_methods_are_ranked_and_compared(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    document = answer(capsys, "do-nothing", "oracle", "--against", "do-nothing", "--data", data, *QUICK)
    assert list(document["methods"]) == ["oracle", "do-nothing"]
    assert document["against"]["method"] == "do-nothing"
    assert document["against"]["differences"]["oracle"]["psnr_tm"]["mean"] > 0


@pytest.mark.slow
def test_the_table_says_who_is_first_and_by_how_much(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["oracle", "do-nothing", "--against", "do-nothing", "--data", data, *QUICK, "--by", "pu21_psnr"]
    assert run(["score", *words]) == 0
    shown = capsys.readouterr().out
    assert shown.index("1   oracle") < shown.index("2   do-nothing")
    assert shown.index("PU21-PSNR (dB)") < shown.index("PSNR-TM (dB)")
    assert "minus do-nothing on the same pictures" in shown
    assert "pictures of 16 x 16 pixels" in shown
    assert "lower is better in Clipped-region error" in shown


@pytest.mark.slow
def test_camera_inputs_are_told_apart(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["do-nothing", "--data", data, "--inputs", "camera", "--metrics", "psnr_tm", "--workers", "1"]
    document = answer(capsys, *words)
    assert document["pictures"] == 4
    assert {label: e["pictures"] for label, e in document["conditions"].items()} == {"camera:ev0": 2, "camera:over": 2}
    assert run(["score", "oracle", "--against", *words]) == 0
    shown = capsys.readouterr().out
    assert "camera:over: 2 pictures" in shown
    assert "camera:ev0: minus do-nothing on the same pictures" in shown


@pytest.mark.slow
def test_missing_predictions_are_named_and_may_be_allowed(
    data: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    write(tmp_path / "a.hdr", np.full((16, 16, 3), 0.5, np.float32))
    write(tmp_path / "z.exr", np.full((16, 16, 3), 0.5, np.float32))
    words = (str(tmp_path), "--data", data, *QUICK)
    code, line = refusal(capsys, *words)
    assert code == 1
    assert "1 missing: b.exr; 1 named as no picture: z.exr" in line
    assert run(["score", *words, "--allow-missing", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["pictures"] == 1
    assert "left out: " in captured.err


@pytest.mark.slow
def test_pictures_that_cannot_be_judged_are_named_and_fail_the_command(
    data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--metrics", "ssim_tm", "--size", "8", "--workers", "1")
    assert run(["score", "do-nothing", "--data", data, *words, "--json"]) == 1
    captured = capsys.readouterr()
    assert len(json.loads(captured.out)["failed"]) == 2
    said = "mqn: 2 pictures could not be judged: do-nothing, a.exr: "
    assert captured.err.lstrip().startswith(said)
    assert run(["score", "do-nothing", "--data", data, *words]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.lstrip().startswith(said)


def test_a_missing_library_is_told_before_anything_is_judged(
    data: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise MissingLibraryError("no such library")

    monkeypatch.setattr(colorvideovdp, "require", refuse)
    monkeypatch.setattr(session, "run", lambda *_: pytest.fail("judged"))
    code, line = refusal(capsys, "oracle", "--data", data, "--metrics", "psnr_tm,cvvdp_gain")
    assert code == 1
    assert line == "mqn: no such library"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("orakel",), "no method 'orakel'; did you mean 'oracle'"),
        (("oracle", "--against", "nowhere"), "no method 'nowhere'"),
        (("oracle", "--metrics", "psnr_tn"), "no metric 'psnr_tn'; did you mean 'psnr_tm'"),
        (("oracle", "--by", "hdrvdp"), "no metric 'hdrvdp'; did you mean 'hdrvdp_q'"),
        (("oracle", "--inputs", "cameras"), "--inputs 'cameras'; did you mean 'camera'"),
        (("oracle", "--split", "test"), "--split 'test'; allowed: all, train, val"),
        (("oracle", "--inputs", "camera", "--size", "64"), "camera pictures are judged at the size"),
    ],
)
def test_what_cannot_be_understood_is_one_line(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, line = refusal(capsys, *words)
    assert code == 2
    assert said in line
