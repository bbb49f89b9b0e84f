"""A bundle's bill of materials."""

from __future__ import annotations

import importlib.metadata
from dataclasses import replace

from tests.support.records import make_manifest

from mqn.data.licence import Origin
from mqn.report.bundle.bill import bill

WARD = Origin(name="ward", licence="CC BY 4.0", procedural=False, counts={"train": 30}, hash="0a1b")


def test_packages_of_every_stage_the_data_and_the_files_are_listed() -> None:
    numpy = importlib.metadata.version("numpy")
    stages = {
        "train": replace(make_manifest(), versions={"mqn": "0.1.0", "python": "3.11.7", "numpy": numpy}),
        "quantize": replace(make_manifest(), versions={"numpy": numpy, "no-such-package": "1.0"}),
        "score": replace(make_manifest(), versions={"numpy": "1.0.0"}),
    }
    found = bill("MQN ca", "s/3", stages, {"model.tflite": "ab" * 32}, WARD)
    parts = {part["bom-ref"]: part for part in found["components"]}
    assert list(parts)[:2] == ["file:model.tflite", "data"]
    assert len(parts) == 2 + 5
    assert parts["file:model.tflite"]["hashes"] == [{"alg": "SHA-256", "content": "ab" * 32}]
    assert parts["data"]["licenses"] == [{"license": {"name": "CC BY 4.0"}}]
    used = parts[f"package:numpy@{numpy}"]
    assert used["purl"] == f"pkg:pypi/numpy@{numpy}"
    assert used["properties"] == [{"name": "mqn:stages", "value": "train, quantize"}]
    assert "BSD" in str(used["licenses"])
    # Its licence is that of the version that is installed here.
    assert parts["package:numpy@1.0.0"]["properties"][1] == {"name": "mqn:licence-of-version", "value": numpy}
    assert "licenses" not in parts["package:no-such-package@1.0"]
    assert found == bill("MQN ca", "s/3", stages, {"model.tflite": "ab" * 32}, WARD)


def test_data_without_a_licence_say_so() -> None:
    unknown = replace(WARD, licence=None)
    drawn = replace(WARD, licence=None, procedural=True)
    told = [bill("m", "1", {}, {}, origin)["components"] for origin in (unknown, drawn, None)]
    assert told[0][0]["description"] == "its licence is not recorded"
    assert "no licence is needed" in told[1][0]["description"]
    assert told[2] == []


def test_licences_are_read_as_mlflows_libraries_give_them_too() -> None:
    """Python's own metadata give None for a field that is missing; `importlib_metadata`, once loaded, an error."""
    import importlib_metadata  # noqa: F401 - its finder comes before Python's

    names = ("optuna", "ai-edge-litert", "scipy")  # two without the field, one with it
    stages = {"score": replace(make_manifest(), versions={name: importlib.metadata.version(name) for name in names})}
    found = {part["name"]: part.get("licenses") for part in bill("m", "1", stages, {}, None)["components"]}
    assert found["optuna"] == [{"license": {"name": "MIT License"}}]
    assert set(found) == set(names)
    assert "BSD" in str(found["scipy"])
