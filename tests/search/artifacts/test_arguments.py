from __future__ import annotations

import pickle
from pathlib import Path

from tests.search.artifacts.test_store import publish

from mqn.search.artifacts import ArtifactStore, resolve


def test_a_job_names_files_that_every_machine_finds_in_its_own_view(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    with ArtifactStore(here).open("train", "k") as slot:
        publish(slot)
    file = ArtifactStore(here).get("train", "k").file("file")
    here.rename(there)  # Another machine has the folder under another name.
    arguments = {"one": file, "many": (file, Path("x")), "none": None}
    store = pickle.loads(pickle.dumps(ArtifactStore(there)))
    found = there / "train" / "k" / "file"
    assert resolve(pickle.loads(pickle.dumps(arguments)), store) == {
        "one": found,
        "many": (found, Path("x")),
        "none": None,
    }
