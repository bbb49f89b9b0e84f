"""What `mqn ablate` reads and draws of studies that have run, and what it refuses before anything is trained."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.support.records import make_scores, make_trial
from tests.support.tflite_models import convolutions

from mqn.cli.app import run
from mqn.data.preparation.prepare import prepare
from mqn.hdr.io.files import write
from mqn.parsing import write_json
from mqn.profile import Profile
from mqn.search.artifacts import ArtifactStore
from mqn.search.space.space_file import load_space
from mqn.search.study.about import About
from mqn.search.study.studies import create_study

NAMES = ("bay.exr", "den.exr", "sea.exr")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pictures to judge by, of three sources."""
    folder = tmp_path_factory.mktemp("photos")
    for seed, name in enumerate((*NAMES, "train.exr")):
        write(folder / name, np.random.default_rng(seed).lognormal(0, 1.5, (32, 32, 3)).astype(np.float32))
    rows = [f"{name},{name},{'val' if name in NAMES else 'train'}" for name in (*NAMES, "train.exr")]
    (folder / "manifest.csv").write_text("\n".join(["file,source,split", *rows]) + "\n")
    prepare(folder, folder / "set", workers=1)
    return folder / "set"


@pytest.fixture
def study(data: Path) -> ArtifactStore:
    """A study of three trials, all without the feature loss but the last, which fits the one before; their store."""
    space = load_space("losses").with_overrides({"arch.input_size": 32, "training.codec": "linear"}, source="test")
    about = About(space=space.definition, space_hash=space.hash, space_name="losses", data=str(data))
    made = create_study("fig-seed0", Profile().study_url, about)
    made.enqueue(space.grid()[1:4])  # L1 + L2; with CS; with FR.
    store = ArtifactStore.of(Profile().storage)
    for number in range(3):
        psnr = (10.0 + number, 15.5 + number, 20.0 + number)
        with store.open("quantize", f"model-{number}") as slot:
            (slot.folder / "model.tflite").write_bytes(convolutions(32, 3, layers=number + 1, signed=True))
            slot.publish(inputs={}, versions={}, seconds=1.0, details={"codec": "linear", "input_size": 32})
        with store.open("score", f"score-{number}") as slot:
            protocol = {"sources": list(NAMES), "pictures_sha256": "p"}
            write_json(slot.folder / "scores.json", make_scores(per_picture={"psnr_tm": psnr}, protocol=protocol))
            slot.publish(inputs={}, versions={}, seconds=1.0, details={})
        trial = made.ask()
        assert trial is not None
        record = make_trial(
            number,
            study="fig-seed0",
            candidate=space.candidate(trial.params),
            figures={"psnr_tm": sum(psnr) / 3, "ssim_tm": 0.5},
            artifacts={"quantize": f"model-{number}", "score": f"score-{number}", "train": f"trained-{number}"},
        )
        made.note(trial, record)
        made.finish(trial, record)
    return store


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """The exit code and the last line of a command that fails."""
    return run(words), capsys.readouterr().err.splitlines()[-1]


AS_IS = ("ablate", "losses", "--study", "fig", "--as-is")


@pytest.mark.slow
@pytest.mark.usefixtures("study")
def test_a_study_that_has_run_is_read_and_drawn(capsys, tmp_path):
    assert run([*AS_IS, "--pictures", "bay.exr,sea.exr", "--crop", "sea.exr:4,6,8", "-o", str(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    verdicts = {
        (one["first"], one["second"]): one["verdict"] for one in told["orderings"] if one["metric"] == "psnr_tm"
    }
    assert verdicts == {
        ("(iv) L1, L2, CS, FR", "(iii) L1, L2, CS"): "holds here",
        ("(iii) L1, L2, CS", "(ii) L1, L2"): "holds here",
    }
    figure = told["pictures"]
    assert (figure["without"], figure["with"]) == (1, 2)
    assert [one["name"] for one in figure["shown"]] == ["bay.exr", "sea.exr"]
    assert figure["shown"][1]["crop"] == {"x": 4, "y": 6, "size": 8}
    assert all(Path(file).stat().st_size > 10_000 for file in figure["files"])
    assert "holds here" in (tmp_path / "figure4.html").read_text()


def test_pictures_of_removed_files_are_refused_below_the_table(study, capsys, tmp_path):
    shutil.rmtree(study.path("quantize", "model-1"))
    assert run([*AS_IS, "--pictures", "1", "-o", str(tmp_path)]) == 1
    shown = capsys.readouterr()
    assert "psnr_tm: (iv) L1, L2, CS, FR above (iii) L1, L2, CS: holds here" in shown.out.replace("\n ", "")
    assert "the exported files of trial 1 of study 'fig-seed0' are not in" in shown.err.splitlines()[-1]


@pytest.mark.usefixtures("study")
@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--pictures", "bay.ex"), "no picture to judge by 'bay.ex'; did you mean 'bay.exr'?"),
        (("--pictures", "1", "--crop", "sea.exr:0,0,8"), "no shown picture 'sea.exr'"),
        (("--pictures", "bay.exr", "--crop", "bay.exr:30,0,8"), "leaves the picture, which has 32 x 32 pixels"),
        (("--pictures", "1", "--crop", "bay.exr"), "write NAME:x,y,size"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(words, line, capsys, tmp_path):
    code, said = refused(capsys, *AS_IS, *words, "--output", str(tmp_path))
    assert code == 2
    assert line in said


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("losses", "--crop", "bay.exr:0,0,8"), "--crop is of a figure; add --pictures N or --pictures NAMES"),
        (("losses", "--output", "out"), "--output is of a figure; add --pictures N or --pictures NAMES"),
        (("attention", "--pictures", "3"), "which the table 'attention' does not vary; ablate losses"),
        (
            ("losses", "--as-is", "--set", "arch.width=1"),
            "--as-is reads the studies as they were made; leave --set out",
        ),
        (("losses", "--as-is"), "no study 'ablate-losses-seed0'; there is none yet"),
    ],
)
def test_nothing_is_run_for_a_figure_that_cannot_be(words, line, capsys):
    code, said = refused(capsys, "ablate", *words)
    assert code == 2
    assert line in said
