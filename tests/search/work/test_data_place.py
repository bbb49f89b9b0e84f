from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mqn.data import location
from mqn.errors import DataError, NetworkError
from mqn.search.work.data_place import EMBEDDED, DataPlace


def dataset(folder: Path, sha256: str = "h") -> Any:
    return SimpleNamespace(folder=folder, place=str(folder), hash=sha256)


def test_the_embedded_scenes_have_no_place_and_are_made_on_each_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    own = dataset(location.embedded_folder())
    monkeypatch.setattr("mqn.data.location.locate", lambda data: own if data is None else None)
    place = DataPlace.of(own)
    assert place == DataPlace(place=EMBEDDED, hash="h")
    assert place.open() is own


def test_a_machine_that_does_not_see_the_pictures_is_named_and_no_candidate_is_to_blame(tmp_path: Path) -> None:
    place = DataPlace.of(dataset(tmp_path / "photos"))
    with pytest.raises(NetworkError, match=r"^node \S+: .*photos is no prepared dataset.*--output s3://") as raised:
        place.open()
    assert isinstance(raised.value.__cause__, DataError)


def test_other_pictures_under_the_same_path_are_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mqn.data.dataset.Dataset.open", lambda place: dataset(Path(place), "other"))
    with pytest.raises(NetworkError, match="sees other pictures than the driver at"):
        DataPlace.of(dataset(tmp_path)).open()
