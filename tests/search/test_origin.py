from __future__ import annotations

from pathlib import Path

import pytest

from mqn.errors import ModelFileError
from mqn.infer.exported import Exported
from mqn.parsing import to_plain
from mqn.records import Candidate, Manifest, Plan
from mqn.search.artifacts import ArtifactStore
from mqn.search.origin import find_float_model, origin_of
from mqn.search.stages.convert import FLOAT_MODEL, convert_job


def _exported(inputs: dict[str, object], details: dict[str, object] | None = None) -> Exported:
    manifest = Manifest(
        stage="quantize", key="k", inputs=inputs, files={}, versions={}, seconds=0.0, details=details or {}
    )
    return Exported(folder=Path("model"), files=(), codec="log", input_size=32, manifest=manifest)


def _quantized(float_hash: str) -> Exported:
    inputs = {"float_model": float_hash, "plan": {"cut": "head.conv1"}, "calibration": {"virtual_camera": 1.0}}
    return _exported(inputs, {"plan": "int8+dynamic"})


def _bundle(**artifacts: str) -> Exported:
    candidate = Candidate(plan=Plan(head="float32"))
    return _exported({"study": "s", "trial": 1, "candidate": to_plain(candidate), **artifacts})


def _convert(store: ArtifactStore, key: str, content: str) -> str:
    """A conversion's artifact; gives the float file's hash."""
    with store.open("convert", key) as slot:
        (slot.folder / FLOAT_MODEL).write_text(content)
        artifact = slot.publish(inputs={}, versions={}, seconds=0.0, details={})
    return artifact.manifest.files[FLOAT_MODEL]


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


def test_a_models_manifest_tells_its_plan() -> None:
    origin = origin_of(_quantized("f"))
    assert (origin.plan, origin.cut, origin.virtual_camera) == ("int8+dynamic", "head.conv1", 1.0)


def test_a_bundle_tells_its_candidates_plan() -> None:
    origin = origin_of(_bundle(train="t", convert="c"))
    assert (origin.plan, origin.cut, origin.virtual_camera, origin.conversion) == (
        "int8+float32",
        "interface",
        0.0,
        "c",
    )
    assert origin_of(_bundle(**{"convert": "c", "convert/pruned": "p"})).conversion == "p"


@pytest.mark.parametrize("inputs", [{}, {"plan": {}}, {"plan": None}, {"candidate": {"arhc": {}}}, {"candidate": {}}])
def test_a_manifest_that_does_not_tell(inputs: dict[str, object]) -> None:
    with pytest.raises(ModelFileError, match="does not say what the model was made from"):
        origin_of(_exported(inputs))


def test_the_float_file_is_found_by_what_it_holds(store: ArtifactStore) -> None:
    _convert(store, "other", "another network")
    found = find_float_model(_quantized(_convert(store, "k", "this network")), [], store)
    assert found.read_text() == "this network"
    assert find_float_model(_bundle(convert="other"), [], store).read_text() == "another network"


def test_a_damaged_conversion_is_not_taken(store: ArtifactStore) -> None:
    wanted = _convert(store, "k", "this network")
    (store.path("convert", "k") / FLOAT_MODEL).write_text("damaged")
    with pytest.raises(ModelFileError, match=r"float network of model is not in .*give the checkpoint\.pt"):
        find_float_model(_quantized(wanted), [], store)


def test_the_checkpoint_that_it_came_from_is_found_among_others(store: ArtifactStore, tmp_path: Path) -> None:
    """Conversions that are there already stand for those that would be made."""
    checkpoints = [tmp_path / "a.pt", tmp_path / "b.pt"]
    for checkpoint in checkpoints:
        checkpoint.write_text(checkpoint.name)
        _convert(store, convert_job(checkpoint).key, f"network {checkpoint.name}")
    keys = [convert_job(checkpoint).key for checkpoint in checkpoints]
    found = find_float_model(_bundle(convert=keys[1]), checkpoints, store)
    assert found.read_text() == "network b.pt"
    with pytest.raises(ModelFileError, match=r"was not exported from .*a\.pt, .*b\.pt"):
        find_float_model(_quantized("of another file"), checkpoints, store)
