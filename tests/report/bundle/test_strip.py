"""A bundle's picture strip."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.report.conftest import write_sigmoid

from mqn.data.pairs.evaluation import EvaluationPicture
from mqn.hdr.codec import decode
from mqn.hdr.transfer import srgb_encode
from mqn.look.sheet import Sheet
from mqn.report.bundle.strip import ROWS, write_strip


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """What is put onto a sheet, in order."""
    images: list[np.ndarray] = []
    show = Sheet.show
    monkeypatch.setattr(Sheet, "show", lambda self, *given: images.append(given[-1]) or show(self, *given))
    return images


def picture(name: str, height: int = 32, width: int = 32) -> EvaluationPicture:
    light = np.geomspace(0.01, 4, height * width * 3, dtype=np.float32).reshape(height, width, 3)
    return EvaluationPicture(
        name=name, source=name, ldr=srgb_encode(np.clip(light, 0, 1)), truth=light / 3, operator="percentile"
    )


def test_input_float_network_files_and_truth_stand_beside_each_other(tmp_path: Path, shown: list[np.ndarray]) -> None:
    files = [write_sigmoid(tmp_path / "model.tflite", "ldr", "hdr", 32)]
    before = write_sigmoid(tmp_path / "model.float32.tflite", "ldr", "hdr", 32, inner="x")
    one = picture("a")
    assert write_strip(tmp_path / "strip.png", files, before, "log", [one]) == 1
    ldr, float_network, quantized, truth = shown
    np.testing.assert_array_equal(ldr, one.ldr)
    dark = one.truth * 3 < 0.5  # Below the knee the truth is as bright as the input.
    np.testing.assert_allclose(truth[dark], one.ldr[dark], atol=1e-4)
    assert truth[..., 2].max() == pytest.approx(1, abs=0.01)
    assert not np.allclose(float_network, quantized)
    light = decode(1 / (1 + np.exp(-one.ldr)), "log", one.ldr) * 3
    dark = light < 0.5
    np.testing.assert_allclose(quantized[dark], srgb_encode(light)[dark], atol=1e-3)
    assert (tmp_path / "strip.png").read_bytes().startswith(b"\x89PNG")


def test_pictures_of_any_size_and_number(tmp_path: Path, shown: list[np.ndarray]) -> None:
    files = [write_sigmoid(tmp_path / "model.tflite", "ldr", "hdr", 32)]
    pictures = [picture(f"p{index}", 40, 64) for index in range(9)]
    assert write_strip(tmp_path / "strip.png", files, None, "gain", pictures) == ROWS
    assert len(shown) == 3 * ROWS
    assert {image.shape for image in shown} == {(40, 64, 3)}


def test_a_bundle_has_the_strip_of_its_dataset(
    stored: Callable[..., tuple], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mqn.errors import UsageError
    from mqn.report.bundle import filling
    from mqn.report.bundle.bundle import load_bundle, write_bundle

    record, store = stored()
    asked = []
    monkeypatch.setattr(filling, "judged_pictures", lambda *given: asked.append(given) or [picture("a")])
    dataset = object()
    bundle = load_bundle(write_bundle(record, store, tmp_path / "bundle", inputs="camera", dataset=dataset))
    assert asked == [(dataset, 32, "val", "camera")]
    assert bundle.manifest.details["pictures"] == {"file": "pictures.png", "rows": 1, "float": False}
    assert "pictures.png" in bundle.manifest.files
    with pytest.raises(UsageError, match="without the kind of their inputs"):
        write_bundle(record, store, tmp_path / "other", dataset=dataset)
