"""Bundles to look at: one as it is written today, and one as it was written before there were samples."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mqn.parsing import file_hash
from mqn.records import TrialRecord
from mqn.report.bundle.bundle import write_bundle
from mqn.search.artifacts import ArtifactStore


@pytest.fixture
def kept(stored: Callable[..., tuple]) -> tuple[TrialRecord, ArtifactStore]:
    return stored()


@pytest.fixture
def bundle(kept: tuple[TrialRecord, ArtifactStore], tmp_path: Path) -> Path:
    record, store = kept
    return write_bundle(record, store, tmp_path / "bundle")


def change_manifest(bundle: Path, change: Callable[[dict], object]) -> None:
    manifest = json.loads((bundle / "manifest.json").read_text())
    change(manifest)
    (bundle / "manifest.json").write_text(json.dumps(manifest))


@pytest.fixture
def old_bundle(kept: tuple[TrialRecord, ArtifactStore], tmp_path: Path) -> Path:
    """The same trial's, in format 1: the measured file itself, no samples, no bill."""
    record, store = kept
    folder = write_bundle(record, store, tmp_path / "old")
    shutil.rmtree(folder / "samples")
    (folder / "sbom.json").unlink()
    shutil.copyfile(store.get("quantize", "key-quantize").path("model.tflite"), folder / "model.tflite")

    def reduce(manifest: dict) -> None:
        for name in ("format", "measured_files", "data", "samples", "reference"):
            del manifest["details"][name]
        manifest["files"] = {path.name: file_hash(path) for path in folder.iterdir() if path.name != "manifest.json"}
        manifest["sizes"] = {}

    change_manifest(folder, reduce)
    return folder
