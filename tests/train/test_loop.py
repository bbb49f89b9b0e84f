"""The loop on a tiny network's worth of work: 32 pixels, six pictures."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.support import own_family

from mqn.data.pairs.evaluation import EvaluationPicture
from mqn.errors import TrainingError, WeightsError
from mqn.families.mqn.arch import MQNArch
from mqn.hdr.codec import picture_scale
from mqn.models import checkpoint
from mqn.records import Training
from mqn.scoring.methods import parse_method
from mqn.scoring.predictors import Predictor
from mqn.train.loop import fit
from mqn.train.state import EpochReport

pytestmark = pytest.mark.integration  # Networks are trained.

ARCH = MQNArch(attention="sa", encoder_weights="random", input_size=32)
TRAINING = Training(epochs=2, lambda_features=0, learning_rate=1e-3, seed=5)


@dataclasses.dataclass
class _Picture:
    ldr: np.ndarray
    truth: np.ndarray


class _Pairs:
    """Six gradients of light; the LDR input is its square root, clipped."""

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale

    def order(self, epoch: int) -> np.ndarray:
        return np.random.default_rng(epoch).permutation(6)

    def batch(self, epoch: int, indices: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng([epoch, *indices])
        truth = np.float32(self.scale) * rng.random((len(indices), 3, 32, 32), np.float32) ** 4
        return np.clip(np.sqrt(truth) * 1.5, 0, 1), truth


def _pictures() -> list[_Picture]:
    ldr, truth = _Pairs().batch(99, [0, 1])
    return [_Picture(a.transpose(1, 2, 0), b.transpose(1, 2, 0)) for a, b in zip(ldr, truth, strict=True)]


def _fit(directory: Path, training: Training = TRAINING, **changes: object) -> Path:
    settings: dict = {"pairs": _Pairs(), "pictures": _pictures(), "data": "abc", **changes}
    return fit(ARCH, training, directory=directory, **settings)


def _state(path: Path) -> dict[str, torch.Tensor]:
    return checkpoint.load(path)[2].state_dict()


def _same(first: Path, second: Path) -> bool:
    one, other = _state(first), _state(second)
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four epochs in one go; the encoder is frozen for the first and begins to be freed in the second."""
    return _fit(tmp_path_factory.mktemp("unbroken"), dataclasses.replace(TRAINING, epochs=4, frozen_epochs=1))


def test_training_resumes_to_the_same_weights_bit_for_bit(unbroken: Path, tmp_path: Path) -> None:
    training = dataclasses.replace(TRAINING, epochs=4, frozen_epochs=1)
    half = _fit(tmp_path, dataclasses.replace(training, epochs=2))
    assert not _same(half, unbroken)
    torch.manual_seed(999)
    whole = _fit(tmp_path, training)
    assert _same(whole, unbroken)
    assert [entry["epoch"] for entry in json.loads((tmp_path / "history.json").read_text())] == [1, 2, 3, 4]


class KilledError(Exception):
    pass


def kill_at_3(report: EpochReport) -> None:
    if report.epoch == 3:
        raise KilledError


def test_a_training_killed_between_epochs_goes_on(unbroken: Path, tmp_path: Path) -> None:
    training = dataclasses.replace(TRAINING, epochs=4, frozen_epochs=1)
    with pytest.raises(KilledError):
        _fit(tmp_path, training, on_epoch=kill_at_3)
    assert not (tmp_path / "checkpoint.pt").exists()
    reports: list[EpochReport] = []
    assert _same(_fit(tmp_path, training, on_epoch=reports.append), unbroken)
    assert [report.epoch for report in reports] == [4]


def test_a_training_in_parts_comes_to_the_same_files_as_in_one_go(unbroken: Path, tmp_path: Path) -> None:
    training = dataclasses.replace(TRAINING, epochs=4, frozen_epochs=1)
    first = _fit(tmp_path / "1", training, until=1)
    assert checkpoint.load(first)[1].epochs == 1  # What the part is, not what the training is to be.
    second = _fit(tmp_path / "2", training, until=3, earlier=tmp_path / "1" / "resume.pt")
    whole = _fit(tmp_path / "3", training, earlier=second.with_name("resume.pt"))
    assert whole.read_bytes() == unbroken.read_bytes()
    timed = {"seconds", "waited_seconds"}
    histories = [json.loads(path.with_name("history.json").read_text()) for path in (whole, unbroken)]
    one, other = [[{k: v for k, v in epoch.items() if k not in timed} for epoch in history] for history in histories]
    assert one == other
    assert len(one) == 4


def test_a_part_that_was_killed_goes_on_from_its_own_files(unbroken: Path, tmp_path: Path) -> None:
    training = dataclasses.replace(TRAINING, epochs=4, frozen_epochs=1)
    earlier = _fit(tmp_path / "1", training, until=1).with_name("resume.pt")
    with pytest.raises(KilledError):
        _fit(tmp_path / "2", training, earlier=earlier, on_epoch=kill_at_3)
    begun: list[int] = []
    assert _fit(tmp_path / "2", training, earlier=earlier, on_start=begun.append).read_bytes() == unbroken.read_bytes()
    assert begun == [3]


def test_a_part_whose_own_file_is_damaged_begins_anew_behind_the_part_before(unbroken: Path, tmp_path: Path) -> None:
    training = dataclasses.replace(TRAINING, epochs=4, frozen_epochs=1)
    earlier = _fit(tmp_path / "1", training, until=1).with_name("resume.pt")
    (tmp_path / "2").mkdir()
    (tmp_path / "2" / "resume.pt").write_bytes(b"")
    told: list[str] = []
    begun: list[int] = []
    whole = _fit(tmp_path / "2", training, earlier=earlier, tell=told.append, on_start=begun.append)
    assert begun == [1]
    assert "began this part anew" in told[0]
    assert whole.read_bytes() == unbroken.read_bytes()


def test_training_lowers_the_loss_and_reports_it(tmp_path: Path) -> None:
    reports: list[EpochReport] = []
    _fit(tmp_path, dataclasses.replace(TRAINING, epochs=6), on_epoch=reports.append)
    assert reports[-1].loss < reports[0].loss
    history = json.loads((tmp_path / "history.json").read_text())
    assert history == [dataclasses.asdict(report) for report in reports]
    first = history[0]
    assert first["loss"] == pytest.approx(first["l1"] + first["l2"] + 0.1 * first["cosine"], rel=1e-5)
    assert first["features"] is None
    assert 0 < first["waited_seconds"] < first["seconds"]
    assert 0 < first["val_psnr_tm"] < 60


def test_another_seed_gives_other_weights(unbroken: Path, tmp_path: Path) -> None:
    other = _fit(tmp_path, dataclasses.replace(TRAINING, epochs=4, frozen_epochs=1, seed=6))
    assert not _same(other, unbroken)


def test_a_loss_that_is_not_finite_names_the_epoch(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"training loss is nan in epoch 1 of 2; lower training\.learning_rate"):
        _fit(tmp_path, pairs=_Pairs(scale=float("nan")))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("change", [{"data": "other"}, {"training": dataclasses.replace(TRAINING, codec="pq")}])
def test_another_trainings_files_are_not_gone_on_with(tmp_path: Path, change: dict) -> None:
    once = dataclasses.replace(TRAINING, epochs=1)
    _fit(tmp_path, once)
    with pytest.raises(TrainingError, match="belongs to another training"):
        _fit(tmp_path, **{"training": once, **change})


def test_a_single_picture_can_be_trained_on_where_batch_norm_sees_more_than_one_pixel(tmp_path: Path) -> None:
    class Single(_Pairs):
        def order(self, epoch: int) -> np.ndarray:
            return np.arange(1)

        def batch(self, epoch: int, indices: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
            ldr, truth = super().batch(epoch, indices)
            return np.tile(ldr, (1, 1, 2, 2)), np.tile(truth, (1, 1, 2, 2))

    arch = dataclasses.replace(ARCH, input_size=64)
    training = dataclasses.replace(TRAINING, epochs=1)
    assert fit(arch, training, Single(), _pictures(), tmp_path, data="abc").exists()


def test_a_checkpoint_brings_back_network_and_settings(unbroken: Path) -> None:
    arch, training, model = checkpoint.load(unbroken)
    assert arch == ARCH
    assert training.frozen_epochs == 1
    assert not model.training
    assert model(torch.zeros(1, 3, 32, 32)).shape == (1, 3, 32, 32)


@pytest.mark.parametrize(
    ("content", "message"), [(None, "cannot read"), (b"not torch's", "damaged"), ({"state": {}}, "no checkpoint")]
)
def test_files_that_are_no_checkpoint_are_named(tmp_path: Path, content: object, message: str) -> None:
    path = tmp_path / "checkpoint.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(WeightsError, match=message):
        checkpoint.load(path)


def test_a_truncated_checkpoint_is_named(unbroken: Path, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(unbroken.read_bytes()[:-1000])
    with pytest.raises(WeightsError, match="damaged"):
        checkpoint.load(path)


@pytest.mark.parametrize("harm", ["empty", "cut", "table"])
def test_a_resume_file_that_is_damaged_is_discarded_and_that_is_said(harm: str, tmp_path: Path) -> None:
    path, training = tmp_path / "resume.pt", dataclasses.replace(TRAINING, epochs=1)
    first = _state(_fit(tmp_path, training))
    if harm == "table":  # As of another version: what says whose it is, and weights that fit no network.
        torch.save({**torch.load(path, weights_only=True), "model": {"a": torch.zeros(1)}}, path)
    else:
        path.write_bytes(path.read_bytes()[:1000] if harm == "cut" else b"")
    told: list[str] = []
    begun: list[int] = []
    again = _state(_fit(tmp_path, training, tell=told.append, on_start=begun.append))
    assert all(torch.equal(again[name], first[name]) for name in again)
    assert begun == [0]
    assert told == [f"{path} is damaged, and no training can go on from it; removed it, and began the training anew"]


def test_a_training_says_how_many_epochs_are_there_already(tmp_path: Path) -> None:
    begun: list[int] = []
    _fit(tmp_path, dataclasses.replace(TRAINING, epochs=1), on_start=begun.append)
    _fit(tmp_path, dataclasses.replace(TRAINING, epochs=2), on_start=begun.append)
    assert begun == [0, 1]


def test_a_network_of_a_family_from_outside_is_trained_and_resumed(tmp_path: Path) -> None:
    arch = own_family.OwnArch(input_size=32)
    settings: dict = {"pairs": _Pairs(), "pictures": _pictures(), "data": "abc"}
    fit(arch, dataclasses.replace(TRAINING, epochs=1), directory=tmp_path / "a", **settings)
    resumed = fit(arch, TRAINING, directory=tmp_path / "a", **settings)
    assert _same(resumed, fit(arch, TRAINING, directory=tmp_path / "b", **settings))
    assert checkpoint.load(resumed)[0] == arch
    with pytest.raises(TrainingError, match="belongs to another training"):
        fit(dataclasses.replace(arch, channels=4), TRAINING, directory=tmp_path / "a", **settings)


def test_a_network_learns_to_give_gains(tmp_path: Path) -> None:
    reports: list[EpochReport] = []
    path = _fit(tmp_path, dataclasses.replace(TRAINING, codec="gain"), on_epoch=reports.append)
    assert reports[1].loss < reports[0].loss
    (picture, *_) = _pictures()
    seen = EvaluationPicture(name="a", source="a", ldr=picture.ldr, truth=picture.truth, operator="")
    assert picture_scale(Predictor(parse_method(str(path))).predict(seen)) == pytest.approx(1.0)


def test_clipped_pixels_weigh_as_the_training_says(tmp_path: Path) -> None:
    training = dataclasses.replace(TRAINING, codec="gain", epochs=1)
    paths = [_fit(tmp_path / str(weight), dataclasses.replace(training, clipped_weight=weight)) for weight in (1, 16)]
    assert not _same(*paths)
    plain, weighed = (json.loads((path.parent / "history.json").read_text())[0] for path in paths)
    assert all(plain[name] != weighed[name] for name in ("l1", "l2", "cosine", "val_loss"))
