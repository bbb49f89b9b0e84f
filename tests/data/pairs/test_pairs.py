"""Pairs: functions of seed, picture and epoch; scaled by themselves; never black."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mqn.data.dataset import Dataset
from mqn.data.pairs import crops
from mqn.data.pairs.calibration import calibration_inputs
from mqn.data.pairs.evaluation import evaluation_pictures, inputs_of
from mqn.data.pairs.training import TrainingPairs
from mqn.data.preparation.prepare import prepare
from mqn.errors import DataError
from mqn.hdr.codec import picture_scale
from mqn.hdr.io.files import write

SIZE = 32


@pytest.fixture
def dataset(photos: Callable[..., Path], tmp_path: Path) -> Dataset:
    prepare(photos(*(f"{name}.exr" for name in "abcdefgh")), tmp_path / "out", val_fraction=0.3)
    return Dataset.open(tmp_path / "out")


def test_a_batch_holds_ldr_and_truth_channels_first(dataset: Dataset) -> None:
    ldr, truth = TrainingPairs(dataset, SIZE, 0).batch(0, [0, 2, 1])

    assert ldr.shape == truth.shape == (3, 3, SIZE, SIZE)
    assert ldr.dtype == truth.dtype == np.float32
    assert (ldr.min(), ldr.max()) == (0, 1)
    assert truth.min() >= 0
    assert truth.max() == 1


def test_a_pair_depends_on_seed_picture_and_epoch_only(dataset: Dataset) -> None:
    pairs = TrainingPairs(dataset, SIZE, 7)

    pairs.batch(0, [0, 1, 2])
    batch = pairs.batch(3, [4, 1])
    alone = TrainingPairs(dataset, SIZE, 7).batch(3, [1])

    np.testing.assert_array_equal(batch[0][1], alone[0][0])
    np.testing.assert_array_equal(batch[1][1], alone[1][0])
    for other in (TrainingPairs(dataset, SIZE, 8).batch(3, [1]), pairs.batch(4, [1])):
        assert not np.array_equal(other[1], alone[1])


def test_an_epoch_shows_every_picture_once_in_its_own_order(dataset: Dataset) -> None:
    pairs = TrainingPairs(dataset, SIZE, 0)

    assert sorted(pairs.order(0)) == list(range(len(pairs))) == list(range(6))
    np.testing.assert_array_equal(pairs.order(5), TrainingPairs(dataset, SIZE, 0).order(5))
    assert len({tuple(pairs.order(epoch)) for epoch in range(5)}) > 1


def test_crops_are_squares_of_half_to_all_of_the_shorter_side(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    cuts = []
    cut = crops._cut

    def record(picture: np.ndarray, top: int, left: int, side: int, size: int) -> np.ndarray:
        cuts.append((top, left, side))
        return cut(picture, top, left, side, size)

    monkeypatch.setattr(crops, "_cut", record)
    pairs = TrainingPairs(dataset, SIZE, 0)
    for epoch in range(100):
        pairs.pair(epoch, 0)

    # The pictures are 40 x 56.
    tops, lefts, sides = np.array(cuts).T
    assert (min(sides), max(sides)) == (20, 40)
    assert min(tops) == min(lefts) == 0
    assert (tops + sides).max() == 40
    assert (lefts + sides).max() == 56


def test_half_of_the_pairs_are_mirrored(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.exr", "b.exr"):
        write(folder / name, np.tile(np.arange(1, 41, dtype=np.float32)[None, :, None], (40, 1, 3)))
    prepare(folder, tmp_path / "out")
    pairs = TrainingPairs(Dataset.open(tmp_path / "out"), 8, 0)

    truths = [pairs.pair(epoch, 0)[1] for epoch in range(60)]

    mirrored = [truth[0, 0, 0] > truth[0, -1, 0] for truth in truths]
    assert 15 <= sum(mirrored) <= 45


def test_truth_is_linear_light_over_its_own_scale(dataset: Dataset) -> None:
    for picture in evaluation_pictures(dataset, SIZE):
        assert picture_scale(picture.truth) == pytest.approx(1, rel=1e-5)
        assert picture.truth.max() > 1


def test_evaluation_takes_the_centre_square(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    image = np.full((8, 16, 3), 100.0, np.float32)
    image[:, 4:12] = np.arange(1, 9, dtype=np.float32)[:, None, None]
    for name in ("a.exr", "b.exr"):
        write(folder / name, image)
    prepare(folder, tmp_path / "out")

    [picture] = evaluation_pictures(Dataset.open(tmp_path / "out"), 8)

    np.testing.assert_allclose(picture.truth[:, 0, 0] * 8, np.arange(1, 9), rtol=1e-3)
    assert picture.name == picture.source + ".exr"


def test_evaluation_is_the_same_whatever_else_is_in_the_folder(photos: Callable[..., Path], tmp_path: Path) -> None:
    folder = photos("a.exr", "b.exr", "c.exr")
    (folder / "manifest.csv").write_text("file,source,split\na.exr,a,train\nc.exr,c,val\nb.exr,b,val\n")
    prepare(folder, tmp_path / "both")
    (folder / "b.exr").unlink()
    prepare(folder, tmp_path / "one")

    first = {p.name: p for p in evaluation_pictures(Dataset.open(tmp_path / "both"), SIZE)}
    [second] = evaluation_pictures(Dataset.open(tmp_path / "one"), SIZE)

    assert second.operator == first["c.exr"].operator
    np.testing.assert_array_equal(second.ldr, first["c.exr"].ldr)


def test_black_crops_move_to_the_light(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    night = np.zeros((40, 400, 3), np.float32)
    night[5, 390] = 1
    for name in ("a.exr", "b.exr"):
        write(folder / name, night)
    prepare(folder, tmp_path / "out")
    dataset = Dataset.open(tmp_path / "out")

    _, truth = TrainingPairs(dataset, SIZE, 0).batch(0, [0] * 4)
    [picture] = evaluation_pictures(dataset, SIZE)

    assert (truth.max(axis=(1, 2, 3)) == 1).all()
    assert np.isfinite(picture.truth).all()
    assert picture.truth.max() >= 1


def test_small_pictures_are_enlarged(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.exr", "b.exr"):
        write(folder / name, np.arange(1, 193, dtype=np.float32).reshape(8, 8, 3))
    prepare(folder, tmp_path / "out")

    ldr, truth = TrainingPairs(Dataset.open(tmp_path / "out"), SIZE, 0).batch(0, [0])

    assert ldr.shape == truth.shape == (1, 3, SIZE, SIZE)
    assert np.isfinite(ldr).all()


def test_calibration_inputs_come_again_with_other_crops(dataset: Dataset) -> None:
    inputs = calibration_inputs(dataset, SIZE, 8)

    assert inputs.shape == (8, SIZE, SIZE, 3)
    assert inputs.dtype == np.float32
    assert len({picture.tobytes() for picture in inputs}) == 8
    np.testing.assert_array_equal(inputs[:3], calibration_inputs(dataset, SIZE, 3))
    with pytest.raises(DataError, match="at least 1"):
        calibration_inputs(dataset, SIZE, 0)


@pytest.mark.slow
def test_the_virtual_camera_takes_its_share(tmp_path: Path) -> None:
    prepare(None, tmp_path / "scenes")
    scenes = Dataset.open(tmp_path / "scenes")
    for share, expected in ((0.0, 0), (1.0, 8)):
        pairs = TrainingPairs(scenes, SIZE, 0, virtual_camera=share)
        names = [pairs.pair(epoch, index)[2] for epoch in range(2) for index in range(4)]
        assert names.count("virtual_camera") == expected
    pairs = TrainingPairs(scenes, SIZE, 0, virtual_camera=0.5)
    names = [pairs.pair(epoch, index)[2] for epoch in range(2) for index in range(24)]
    assert 12 <= names.count("virtual_camera") <= 36


def test_a_half_by_the_virtual_camera_is_its_kind_of_inputs() -> None:
    assert [inputs_of(share) for share in (0.0, 0.49, 0.5, 1.0)] == ["operators", "operators", "virtual", "virtual"]


def test_evaluation_by_the_virtual_camera_is_fixed(dataset: Dataset) -> None:
    first, second = (evaluation_pictures(dataset, SIZE, "val", "virtual") for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert one.operator == "virtual_camera"
        np.testing.assert_array_equal(one.ldr, other.ldr)
        np.testing.assert_array_equal(one.truth, other.truth)


def test_calibration_inputs_are_dark_and_bright(dataset: Dataset) -> None:
    chosen = calibration_inputs(dataset, SIZE, 4).mean(axis=(1, 2, 3))
    every = [TrainingPairs(dataset, SIZE, 0).pair(epoch, index)[0].mean() for epoch in range(11) for index in range(6)]
    assert chosen.min() < np.quantile(every, 0.1)
    assert chosen.max() > np.quantile(every, 0.9)


def test_calibration_inputs_that_tell_nothing_are_left_out(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = TrainingPairs.pair

    def often_white(self: TrainingPairs, epoch: int, index: int) -> tuple[np.ndarray, np.ndarray, str]:
        ldr, truth, operator = pair(self, epoch, index)
        return (np.ones_like(ldr) if index != 2 else ldr), truth, operator

    monkeypatch.setattr(TrainingPairs, "pair", often_white)
    assert all(picture.min() < picture.max() for picture in calibration_inputs(dataset, SIZE, 8))
    # Eleven epochs are looked at; of more pictures than those, white ones are better than none.
    assert len(calibration_inputs(dataset, SIZE, 12)) == 12
