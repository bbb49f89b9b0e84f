"""Studies on a network that is trained already: what they may vary, and which weights they take."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from tests.support import own_family

from mqn.errors import ConfigError, UsageError, WeightsError
from mqn.families.mqn.arch import MQNArch
from mqn.families.mqn.network import assemble
from mqn.models import checkpoint
from mqn.parsing import file_hash
from mqn.profile import Profile
from mqn.records import Training
from mqn.search.artifacts import ArtifactStore
from mqn.search.space.space import changed_keys
from mqn.search.space.space_file import load_space, parse_space
from mqn.search.stages.adopt import adopt_job
from mqn.search.study.planning import plan_study
from mqn.search.study.request import SearchRequest
from mqn.search.work.jobs import complete

ARCH = MQNArch(attention="sa", width=0.1, encoder_weights="random", input_size=32)
TRAINING = Training(epochs=3, lambda_features=0.0)
SPACE = """
trials = 4
checkpoint = "run/checkpoint.pt"
[[objectives]]
metric = "psnr_tm"
[dimensions."plan.head"]
choices = ["float32", "dynamic_wi8_afp32"]
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "run"
    folder.mkdir()
    torch.manual_seed(0)
    checkpoint.save(folder / "checkpoint.pt", ARCH, TRAINING, assemble(ARCH).eval())
    return folder


@pytest.fixture
def file(run: Path) -> Path:
    path = run.parent / "s.toml"
    path.write_text(SPACE)
    return path


@pytest.mark.slow
def test_network_and_training_are_the_checkpoints(file: Path, run: Path):
    space = load_space(str(file))
    assert (space.base.arch, space.base.training) == (ARCH, TRAINING)
    assert space.trained is not None
    assert space.trained.checkpoint == str(run / "checkpoint.pt")
    again = parse_space(space.definition, source="study")
    assert (again.trained, again.base) == (space.trained, space.base)


def test_the_command_lines_checkpoint_counts_before_what_a_space_fixes(run: Path):
    space = load_space("quantization_lab", run / "checkpoint.pt")
    assert space.base.arch == ARCH
    assert len(space.grid()) > 60
    assert "checkpoint" not in load_space("quantization_lab").definition


def test_the_command_lines_checkpoint_counts_before_what_a_space_says_of_trainings(file: Path, run: Path):
    file.write_text(SPACE.replace('checkpoint = "run/checkpoint.pt"', "") + "[stall]\n[confirm]\nseeds = 3\n")
    assert load_space(str(file), run / "checkpoint.pt").confirm is None
    assert load_space(str(file)).stall is not None
    request = SearchRequest(space=str(file), checkpoint=str(run / "checkpoint.pt"), confirm=3)
    with pytest.raises(UsageError, match="--confirm 3: every trial takes a checkpoint, so there is nothing to train"):
        request.ending(load_space(str(file), run / "checkpoint.pt"))


def test_a_checkpoint_of_another_family_takes_the_place_of_all_network_fields(tmp_path: Path):
    arch = own_family.OwnArch(input_size=32)
    training = Training(codec="pq")
    checkpoint.save(tmp_path / "checkpoint.pt", arch, training, own_family.FAMILY.build(arch))
    space = load_space("quantization", tmp_path / "checkpoint.pt")
    assert (space.base.arch, space.base.training) == (arch, training)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('[dimensions."arch.width"]\nlow = 0.1\nhigh = 0.3', r"arch.width is fixed by .*checkpoint.pt; only plan"),
        ('[fixed]\n"arch.width" = 0.35', r"fixed.arch.width is 0.35, and .*checkpoint.pt was trained with 0.1"),
        ("[confirm]\nseeds = 3", r"\[confirm\] is about trainings, and every trial takes a checkpoint; leave"),
        ('[fixed]\n"training.epochs" = 9', r"fixed.training.epochs is 9, and .* was trained with 3; leave it out"),
    ],
)
def test_what_contradicts_the_checkpoint_is_refused(file: Path, more: str, message: str):
    file.write_text(f"{SPACE}\n{more}\n")
    with pytest.raises(ConfigError, match=message):
        load_space(str(file))


def test_only_plans_can_be_set_and_varied(file: Path, run: Path):
    space = load_space(str(file))
    assert space.with_overrides({"plan.layout": "pair"}).trained == space.trained
    with pytest.raises(ConfigError, match=r"--set: training.seed is fixed by .*checkpoint.pt; only plan\.\* can be"):
        space.with_overrides({"training.seed": 1})
    with pytest.raises(ConfigError, match=r"arch.attention is fixed by .*checkpoint.pt; only plan"):
        load_space("attention", run / "checkpoint.pt")


def test_no_checkpoint_there(file: Path):
    file.write_text(SPACE.replace("run/", "nowhere/"))
    with pytest.raises(WeightsError, match=r"cannot read .*nowhere/checkpoint.pt"):
        load_space(str(file))


def test_a_checkpoint_url_without_a_file_is_a_line():
    with pytest.raises(WeightsError, match=r"^there is no file memory://no/checkpoint.pt; check its address and your"):
        load_space("quantization", "memory://no/checkpoint.pt")


def test_another_file_is_another_study(file: Path, run: Path):
    old = load_space(str(file)).definition
    new = {**old, "checkpoint_sha256": "0" * 64}
    assert list(changed_keys(old, new)) == ["checkpoint_sha256"]


@pytest.mark.slow
def test_it_takes_the_place_of_the_training(file: Path, run: Path, tmp_path: Path):
    trained = load_space(str(file)).trained
    assert trained is not None
    store = ArtifactStore(tmp_path)
    made = complete(store, adopt_job(trained))
    assert file_hash(made.folder / "checkpoint.pt") == trained.sha256
    assert json.loads((made.folder / "history.json").read_text()) == []
    assert made.manifest.details["epochs"] == 3
    assert made.manifest.details["parameters"]["total"] > 0


def test_weights_that_changed_under_the_study_are_refused(file: Path, run: Path, tmp_path: Path):
    trained = load_space(str(file)).trained
    assert trained is not None
    copy = tmp_path / "checkpoint.pt"
    copy.write_bytes((run / "checkpoint.pt").read_bytes() + b" ")
    moved = type(trained)(checkpoint=str(copy), sha256=trained.sha256)
    with pytest.raises(WeightsError, match="has changed since the study was made"):
        complete(ArtifactStore(tmp_path / "store"), adopt_job(moved))


@pytest.mark.slow
def test_a_study_remembers_the_command_lines_checkpoint(run: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        "mqn.data.location.locate", lambda _: SimpleNamespace(hash="h", folder=Path("/data"), place="/data")
    )
    request = SearchRequest(space="quantization_lab", checkpoint=str(run / "checkpoint.pt"), seed=7)
    url = Profile().study_url
    made = plan_study(request, Profile(), "lab", url).begin(url)
    # The seed is the sampler's alone: nothing is trained.
    assert (made.about.seed, made.space.base.training) == (7, TRAINING)
    resumed = plan_study(SearchRequest(space="quantization_lab", resume=True), Profile(), "lab", url).begin(url)
    assert resumed.space.trained == made.space.trained is not None
