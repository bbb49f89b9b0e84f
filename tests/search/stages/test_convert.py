"""What stages tell of their work, with the export's process replaced."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.records import make_manifest

from mqn.export import process
from mqn.families.mqn.arch import MQNArch
from mqn.parsing import to_plain, write_json
from mqn.records import Training
from mqn.search.artifacts import Artifact
from mqn.search.stages.convert import convert, converted_network


def test_a_conversion_says_whose_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arch, training = MQNArch(attention="sa", input_size=64), Training(codec="pq", virtual_camera=0.5)

    def run(step: str, *, checkpoint: Path, directory: Path) -> None:
        assert (step, checkpoint.name) == ("convert", "checkpoint.pt")
        write_json(directory / "parity.json", {"torch_vs_twin": 1e-6})
        write_json(directory / "network.json", {"arch": arch, "training": training})

    monkeypatch.setattr(process, "run", run)
    details: dict[str, Any] = to_plain(convert(tmp_path, checkpoint=Path("checkpoint.pt")))
    assert details["parity"] == {"torch_vs_twin": 1e-6}
    manifest = make_manifest("convert", details=details)
    assert converted_network(Artifact(folder=tmp_path, manifest=manifest)) == (arch, training)
