"""Strips of pictures: what of them is there, and how they are cut."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from tests.support.records import make_scores, make_trial

from mqn.dashboard.panels.trial.strip import EXPORTED, FLOAT, INPUT, TRUTH, address_of, cut, find_strips, scenes
from mqn.parsing import write_json
from mqn.search.artifacts import ArtifactStore

SIDE = 4


def strip_of(rows: int, predicted: int) -> np.ndarray:
    """Rows of three flat squares: input 10 and so on by row, what was predicted, truth 200."""
    return np.concatenate(
        [
            np.concatenate([np.full((SIDE, SIDE, 3), value, np.uint8) for value in (10 + row, predicted + row, 200)], 1)
            for row in range(rows)
        ]
    )


@pytest.fixture
def keep(tmp_path: Path) -> Any:
    """Puts a strip into a store as the stage that scores does."""
    store = ArtifactStore(tmp_path / "artifacts")

    def put(key: str, strip: np.ndarray | None, inputs: str = "operators", names: tuple[str, ...] = ("a", "b")) -> Any:
        with store.open("score", key) as slot:
            write_json(slot.folder / "scores.json", make_scores(names=names))
            if strip is not None:
                cv2.imwrite(str(slot.folder / "strip.png"), strip)
            asked = {"size": SIDE, "scoring": {"inputs": inputs}}
            slot.publish(inputs=asked, versions={"mqn": "1"}, seconds=1.0, details={})
        return store

    return put


def test_scenes_are_cut_into_input_float_exported_and_truth(keep: Any) -> None:
    keep("f", strip_of(2, 50))
    store = keep("q", strip_of(2, 90))
    strips = find_strips(make_trial(0, artifacts={"score": "q", "score/float": "f"}), store)
    assert strips.names == ("a", "b")
    assert strips.missing == ()
    first, second = scenes(strips)
    assert {name: int(picture[0, 0, 0]) for name, picture in first.items()} == {
        INPUT: 10, FLOAT: 50, EXPORTED: 90, TRUTH: 200,
    }  # fmt: skip
    assert {name: int(picture[-1, -1, 0]) for name, picture in second.items()} == {
        INPUT: 11, FLOAT: 51, EXPORTED: 91, TRUTH: 200,
    }  # fmt: skip
    assert first[FLOAT].shape == (SIDE, SIDE, 3)


def test_pictures_with_sizes_of_their_own_stay_one_strip(keep: Any) -> None:
    keep("f", strip_of(2, 50), inputs="camera")
    store = keep("q", strip_of(2, 90), inputs="camera")
    (scene,) = scenes(find_strips(make_trial(0, artifacts={"score": "q", "score/float": "f"}), store))
    assert {name: picture.shape for name, picture in scene.items()} == {
        FLOAT: (2 * SIDE, 3 * SIDE, 3),
        EXPORTED: (2 * SIDE, 3 * SIDE, 3),
    }


def test_what_is_not_kept_is_said(keep: Any) -> None:
    store = keep("q", None)
    strips = find_strips(make_trial(0, artifacts={"score": "q"}), store)
    assert scenes(strips) == []
    assert strips.missing == (
        "No pictures of the float network: it was not scored in this trial.",
        "No pictures of the exported file: they are not in the store any more.",
    )
    store = keep("other", strip_of(1, 90), names=("a",))
    (scene,) = scenes(find_strips(make_trial(0, artifacts={"score": "other", "score/float": "gone"}), store))
    assert list(scene) == [INPUT, EXPORTED, TRUTH]


@pytest.mark.parametrize(("shape", "side"), [((4, 12), None), ((4, 12), 5), ((5, 12), 4), ((4, 11), 4), ((0, 12), 4)])
def test_what_is_not_made_of_squares_is_not_cut(shape: tuple[int, int], side: int | None) -> None:
    assert cut(np.zeros((*shape, 3), np.uint8), side) is None


def test_no_pixel_changes_on_its_way_to_the_page() -> None:
    picture = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    head, _, text = address_of(picture).partition(",")
    assert head == "data:image/png;base64"
    read = cv2.imdecode(np.frombuffer(base64.b64decode(text), np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(read, picture)
