"""A checkpoint and a study from before networks had families: both still open, and mean MQN.

`checkpoint.pt.xz` was written by `mqn.models.checkpoint.save` of commit 56ddc5d (weights rounded, so that the file is
small), `study.db.xz` by its `mqn search smoke --study before --trials 3`.
"""

from __future__ import annotations

import lzma
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from mqn.models.checkpoint import load
from mqn.profile_tables.ray import RayProfile
from mqn.search.space.space_file import load_space
from mqn.search.stages.train import train_job
from mqn.search.study.measuring_conditions import check_unchanged
from mqn.search.study.studies import open_study
from mqn.search.study.study import Study
from mqn.search.study.trials import records

HERE = Path(__file__).parent
DATA = "7392e96112d2622824c4f7e129d751f40298c3cf79dbd5b79df1fd0e87875a1e"
"""The hash of the dataset that the study was made with."""


def unpacked(name: str, folder: Path) -> Path:
    path = folder / name
    path.write_bytes(lzma.decompress((HERE / f"{name}.xz").read_bytes()))
    return path


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return open_study("before", f"sqlite:///{unpacked('study.db', tmp_path)}")


def test_the_checkpoint_is_the_same_mqn(tmp_path: Path) -> None:
    arch, training, network = load(unpacked("checkpoint.pt", tmp_path))
    assert (arch.family, arch.input_size, training.codec, training.epochs) == ("mqn", 32, "pq", 2)
    with torch.no_grad():
        output = network(torch.linspace(0, 1, 3 * 32 * 32).reshape(1, 3, 32, 32))
    assert float(output.mean()) == pytest.approx(0.5553915500640869, abs=1e-5)
    assert float(output.std()) == pytest.approx(0.12244440615177155, abs=1e-5)


def test_the_study_has_its_trials_and_is_still_the_shipped_space(study: Study) -> None:
    found = records(study)
    assert [(record.state, record.candidate.arch.family) for record in found] == [("complete", "mqn")] * 3
    assert [record.label for record in found] == [
        "none w0.35 int8+dynamic n8",
        "none w0.35 int8+float32 n8",
        "none w0.35 float32+float32",
    ]
    assert [round(record.figures["psnr_tm"], 2) for record in found] == [12.28, 12.28, 12.28]
    check_unchanged(study, load_space("smoke"))


def test_its_training_is_not_done_again(study: Study) -> None:
    record = records(study)[0]
    job = train_job(
        record.candidate.arch,
        record.candidate.training,
        SimpleNamespace(hash=DATA, folder=Path(), place=""),  # type: ignore[arg-type]
        RayProfile(),
    )
    assert job.key == record.artifacts["train"]
