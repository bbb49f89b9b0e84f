from __future__ import annotations

import importlib
import types
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from mqn.distribution import install_command
from mqn.errors import MissingLibraryError
from mqn.metrics import colorvideovdp
from mqn.metrics.measures import Case, measure_all

PICTURE = np.full((16, 16, 3), 100.0)


@pytest.fixture(autouse=True)
def _load_anew() -> Iterator[None]:
    colorvideovdp._metric.cache_clear()
    yield
    colorvideovdp._metric.cache_clear()


@pytest.mark.parametrize(
    "breakage",
    [
        ModuleNotFoundError("No module named 'pycvvdp'"),
        RuntimeError("operator torchvision::nms does not exist"),
        AttributeError("partially initialized module 'torchvision' has no attribute 'extension'"),
        OSError("libcudart.so.13: cannot open shared object file\nNo such file or directory"),
    ],
)
def test_a_missing_or_broken_library_explains_itself(monkeypatch: pytest.MonkeyPatch, breakage: Exception) -> None:
    def fail(name: str) -> types.ModuleType:
        assert name == "pycvvdp"
        raise breakage

    monkeypatch.setattr(importlib, "import_module", fail)
    with pytest.raises(MissingLibraryError) as caught:
        colorvideovdp.quality(PICTURE, PICTURE)
    line = str(caught.value)
    assert "\n" not in line
    assert str(breakage).split("\n")[0] in line
    assert "leave out the measure 'cvvdp'" in line
    assert install_command("cvvdp") in line


def test_a_measure_that_is_not_asked_for_loads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib, "import_module", lambda name: pytest.fail(f"imported {name}"))
    assert measure_all(Case(PICTURE / 1000, PICTURE / 1000), ["angular_error_deg"]) == {"angular_error_deg": 0.0}


def test_pictures_are_given_in_absolute_light_to_a_linear_display(monkeypatch: pytest.MonkeyPatch) -> None:
    class Metric:
        def __init__(self, *, display_name: str, quiet: bool, device: torch.device) -> None:
            assert display_name == "standard_hdr_linear"
            assert device.type == "cpu"

        def predict(self, test: np.ndarray, reference: np.ndarray, *, dim_order: str) -> tuple[float, None]:
            assert dim_order == "HWC"
            assert test.dtype == reference.dtype == np.float32
            return float(reference.max() / 100 - test.max() / 100), None

    module = types.SimpleNamespace(cvvdp=Metric)
    monkeypatch.setattr(importlib, "import_module", lambda name: module)
    figures = measure_all(Case(0.2 * np.ones((16, 16, 3)), np.ones((16, 16, 3))), ["cvvdp"])
    assert figures["cvvdp"] == pytest.approx(8)


def test_shapes_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        colorvideovdp.quality(PICTURE[:8], PICTURE)
