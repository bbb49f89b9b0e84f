from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest

from mqn.data.pairs.evaluation import EvaluationPicture
from mqn.errors import NothingSatisfiesError, StudyError, UnknownNameError, UsageError
from mqn.look.blocks import Section, Text
from mqn.report.figures.crops import Crop
from mqn.report.figures.feature_loss import WEIGHT, choose_pictures, find_pair, look, write_figure


@pytest.fixture
def losses(trial):
    def make(number, cosine, features, seed=0, **changes):
        values = {"training.lambda_cosine": cosine, WEIGHT: features, "training.seed": seed}
        return trial(number, 20.0, 6.0, values, **changes)

    return make


def test_of_several_pairs_the_one_with_the_most_losses_is_taken(losses):
    records = [losses(0, 0.0, 0.0), losses(1, 0.0, 0.05), losses(2, 0.1, 0.05), losses(3, 0.1, 0.0)]
    pair = find_pair([*records, losses(4, 0.1, 0.0, seed=1), losses(5, 0.1, 0.05, seed=1)])
    assert (pair.without.number, pair.including.number) == (3, 2)
    assert pair.text == (
        "Trials 3 (without) and 2 (with weight 0.05) of study 's': the same seed 0, losses l1 1, l2 1, cosine 0.1, and "
        "all else"
    )


@pytest.mark.parametrize(
    ("other", "missing"),
    [
        ({"cosine": 0.1, "features": 0.0}, "of 2 .*; missing is one like trial 0 of study 's' with a weight$"),
        ({"cosine": 0.1, "features": 0.05, "seed": 1}, "missing is one like trial 1 of study 's' with 0$"),
        ({"cosine": 0.1, "features": 0.05, "state": "failed"}, "of 1 .* with a weight: trial 1 is failed$"),
    ],
)
def test_without_a_pair_what_is_missing_is_named(losses, other, missing):
    with pytest.raises(NothingSatisfiesError, match=missing):
        find_pair([losses(0, 0.1, 0.0), losses(1, **other)])


def test_a_simulated_study_has_no_pictures(losses):
    with pytest.raises(StudyError, match="simulated"):
        find_pair([losses(0, 0.1, 0.0, simulated=True)])


def picture(name, size=32):
    ramp = np.linspace(0, 1, size * size * 3, dtype=np.float32).reshape(size, size, 3)
    return EvaluationPicture(name=name, source=name, ldr=ramp, truth=ramp**2, operator="reinhard")


PICTURES = [picture(name) for name in ("beach", "lamp, lit", "sun", "tree", "wall")]


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ("3", ["beach", "sun", "wall"]),
        ("99", ["beach", "lamp, lit", "sun", "tree", "wall"]),
        ("sun,beach, sun", ["sun", "beach"]),
        ("lamp, lit", ["lamp, lit"]),
    ],
)
def test_pictures_are_chosen_by_number_or_name(wanted, names):
    assert [one.name for one in choose_pictures(PICTURES, wanted, {})] == names


@pytest.mark.parametrize(
    ("wanted", "crops", "error", "line"),
    [
        ("sunn", {}, UnknownNameError, "no picture to judge by 'sunn'; did you mean 'sun'"),
        ("0", {}, UsageError, "give 1 to 24"),
        ("9" * 5000, {}, UnknownNameError, "no picture to judge by '9999"),
        ("sun", {"wal": (0, 0, 4)}, UnknownNameError, "no shown picture 'wal'; allowed: sun"),
        ("sun", {"sun": (20, 0, 16)}, UsageError, "--crop sun:20,0,16 leaves the picture, which has 32 x 32 pixels"),
    ],
)
def test_what_cannot_be_shown_is_named(wanted, crops, error, line):
    with pytest.raises(error, match=line):
        choose_pictures(PICTURES, wanted, {name: Crop(x=x, y=y, size=s) for name, (x, y, s) in crops.items()})


@pytest.fixture
def pair(stored, losses):
    """Two trials with the same one-operator files, one of which answers in light, the other in its mu-law."""
    record, store = stored("pair", "linear")
    with store.open("quantize", "key-2") as slot:
        for file in store.path("quantize", "key-quantize").glob("*.tflite"):
            shutil.copy(file, slot.folder)
        slot.publish(inputs={}, versions={}, seconds=1.0, details={"codec": "mulaw", "input_size": 32})
    records = [
        replace(losses(0, 0.1, 0.0), artifacts={"quantize": record.artifacts["quantize"]}),
        replace(losses(1, 0.1, 0.05), artifacts={"quantize": "key-2"}),
    ]
    return find_pair(records), store


@pytest.mark.slow
def test_both_networks_are_shown_alike_and_judged(pair, tmp_path):
    told, crops = [], {"beach": Crop(x=1, y=2, size=20)}
    seen = look(*pair, PICTURES[:2], crops, lambda *done: told.append(done))
    assert told == [(1, 2), (2, 2)]
    first, second = (one.strip for one in seen)
    assert (first.crop, second.crop.size) == (Crop(x=1, y=2, size=20), 8)
    ldr, without, including, truth = first.images
    assert ldr is PICTURES[0].ldr
    # Two sigmoids give 0.62 to 0.68. As light that is bright throughout; as codes of the mu-law it is below 0.07.
    assert without.min() > truth.min()
    assert including.max() < without.min()
    assert first.captions == ("", f"Q {seen[0].quality_without:.2f}", f"Q {seen[0].quality_with:.2f}", "")
    assert seen[0].quality_without != seen[0].quality_with
    files = tmp_path / "f.png", tmp_path / "f.html"
    write_figure(*files, pair[0], seen, crops, Section(title="Table 1", blocks=(Text("a verdict"),)))
    page = files[1].read_text()
    assert files[0].stat().st_size > 10_000
    assert all(words in page for words in ("Trials 0 (without) and 1", "lamp, lit", first.captions[1], "a verdict"))
    assert "Crops: as given or where the two networks differ most." in page


def test_removed_files_are_named_and_not_made_again(pair):
    found, store = pair
    shutil.rmtree(store.path("quantize", "key-2"))
    with pytest.raises(
        StudyError, match=r"files of trial 1 of study 's' are not in .*without --as-is makes them again"
    ):
        look(found, store, PICTURES[:1], {}, lambda *_: None)
