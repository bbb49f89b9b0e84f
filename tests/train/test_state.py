"""What a training between two epochs keeps, without training anything."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.support import own_family

from mqn.errors import TrainingError
from mqn.records import Training
from mqn.train.arithmetic import Arithmetic
from mqn.train.state import begin, resume

TRAINING = Training(lambda_features=0)
ARCH = own_family.OwnArch(input_size=32)


@pytest.fixture
def arithmetic() -> Arithmetic:
    return Arithmetic(device=torch.device("cpu"), precision="float32")


def _edit_identity(path: Path, **settings: object) -> None:
    content = torch.load(path, weights_only=True)
    for name, value in settings.items():
        if value is None:
            del content["identity"]["training"][name]
        else:
            content["identity"]["training"][name] = value
    torch.save(content, path)


def test_a_setting_that_did_not_exist_yet_has_its_default(tmp_path: Path, arithmetic: Arithmetic) -> None:
    path = tmp_path / "resume.pt"
    begin(ARCH, TRAINING, "d", arithmetic).keep(path)
    _edit_identity(path, scale_invariance=None, clipped_weight=None)
    assert resume(path, ARCH, TRAINING, "d", arithmetic).training == TRAINING


@pytest.mark.parametrize("settings", [{"lambda_l1": 9.0}, {"lambda_l1": "much"}, {"unheard_of": 1}])
def test_other_settings_are_another_training(settings: dict, tmp_path: Path, arithmetic: Arithmetic) -> None:
    path = tmp_path / "resume.pt"
    begin(ARCH, TRAINING, "d", arithmetic).keep(path)
    _edit_identity(path, **settings)
    with pytest.raises(TrainingError, match="belongs to another training"):
        resume(path, ARCH, TRAINING, "d", arithmetic)
