from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mqn
from mqn.errors import ModelFileError, NothingSatisfiesError, PictureError, UnknownNameError, UsageError
from mqn.report.tables.trials import trial_rows
from mqn.search.space.space_file import load_space
from mqn.search.study.about import About
from mqn.search.study.studies import create_study
from tests.support.records import make_trial, write_manifest
from tests.support.tflite_models import convolutions

ROOT = Path(__file__).parents[1]
HEAVY = {"torch", "tensorflow", "optuna", "pandas", "numpy", "ray", "mlflow"}


@pytest.fixture
def study(tmp_path: Path) -> mqn.Study:
    """A study of two complete trials, in the state folder of this test."""
    space = load_space("smoke")
    (tmp_path / "home").mkdir()
    about = About(space=space.definition, space_hash=space.hash, space_name="smoke")
    stored = create_study("first", f"sqlite:///{tmp_path / 'home' / 'study.db'}", about)
    stored.enqueue(space.grid()[:3])
    for psnr, latency in ((20.0, 5.0), (19.0, 7.0)):
        trial = stored.ask()
        record = make_trial(
            trial.number,
            study="first",
            candidate=space.candidate(trial.params),
            figures={"psnr_tm": psnr, "latency_ms": latency},
            verdicts={"board": "ok"},
        )
        stored.note(trial, record)
        stored.finish(trial, record)
    return mqn.open_study("first")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    folder.mkdir()
    model = folder / "model.tflite"
    model.write_bytes(convolutions(32, 3, signed=True))
    return write_manifest(model, codec="mulaw", input_size=32)


def test_the_import_is_light_and_lists_its_names() -> None:
    code = f"import sys, mqn; print(sorted({HEAVY} & set(sys.modules)), set(mqn.__all__) <= set(dir(mqn)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] True"


def test_every_name_is_there_and_known_to_type_checkers() -> None:
    assert all(getattr(mqn, name).__doc__ for name in mqn.__all__)
    tree = ast.parse(Path(mqn.__file__).read_text())
    told = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert set(mqn.__all__) <= told
    assert (Path(mqn.__file__).parent / "py.typed").exists()


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'mqn' has no attribute 'studies'"):
        _ = mqn.studies


@pytest.mark.slow
def test_a_study_tells_its_records_front_and_states(study: mqn.Study) -> None:
    assert repr(study) == "<Study 'first': 2 complete, 1 not begun>"
    assert [record.number for record in study.records] == [0, 1]
    assert (study.status["complete"], study.status["waiting"]) == (2, 1)
    assert [objective.metric for objective in study.space.objectives] == ["psnr_tm", "latency_ms"]
    assert [point.record.number for point in study.front().points] == [0]
    assert study.hypervolume().trials == (0, 1)


@pytest.mark.slow
def test_the_frame_has_a_row_a_trial(study: mqn.Study) -> None:
    frame = study.frame()
    assert list(frame.index) == [0, 1]
    assert list(frame["latency_ms.p50/board"]) == [5.0, 7.0]
    assert set(frame["plan.backbone"]) <= {"static_wi8_ai8", "float32"}
    assert {"trial", *frame.columns} == set(trial_rows(study.records)[0])


@pytest.mark.slow
def test_a_study_of_another_folder_is_opened_by_its_path(study: mqn.Study, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("MQN_HOME", str(tmp_path / "elsewhere"))
    assert mqn.open_study(tmp_path / "home" / "first").name == "first"
    assert mqn.open_study(str(tmp_path / "home" / "first")).name == "first"
    with pytest.raises(UnknownNameError, match="did you mean 'first'"):
        mqn.open_study(tmp_path / "home" / "frst")
    with pytest.raises(UnknownNameError, match="no study 'first'"):
        mqn.open_study("first")
    with pytest.raises(UsageError, match=r"holds no study\.db; give FOLDER/NAME"):
        mqn.open_study(tmp_path / "first")


def test_an_empty_study_has_an_empty_frame_and_no_front(tmp_path: Path) -> None:
    space = load_space("smoke")
    (tmp_path / "home").mkdir()
    about = About(space=space.definition, space_hash=space.hash, space_name="smoke")
    create_study("new", f"sqlite:///{tmp_path / 'home' / 'study.db'}", about)
    opened = mqn.open_study("new")
    assert (len(opened.frame()), repr(opened)) == (0, "<Study 'new': no trials>")
    with pytest.raises(NothingSatisfiesError):
        opened.front()


@pytest.mark.parametrize("name", ["", "model.tflite"])
def test_a_model_predicts_linear_light_at_the_picture_s_size(bundle: Path, name: str) -> None:
    model = mqn.load_bundle(bundle / name)
    assert (model.folder, model.input_size) == (bundle, 32)
    codes = np.arange(40 * 50 * 3, dtype=np.uint8).reshape(40, 50, 3)
    light = model.predict(codes)
    assert (light.shape, light.dtype) == ((40, 50, 3), np.float32)
    # The same picture as floats, and in 16 bits: 257 x 255 = 65535.
    np.testing.assert_allclose(model.predict(codes / 255), light, atol=1e-6)
    np.testing.assert_allclose(model.predict(codes.astype(np.uint16) * 257), light, atol=1e-6)


@pytest.mark.parametrize(
    ("picture", "told"),
    [
        (np.zeros((8, 8), np.uint8), r"shape \(8, 8\); give \(H, W, 3\)"),
        (np.zeros((1, 8, 8, 3), np.uint8), r"shape \(1, 8, 8, 3\)"),
        (np.zeros((0, 8, 3), np.uint8), r"shape \(0, 8, 3\)"),
        (np.zeros((8, 8, 3), np.int64), "type int64; give uint8, uint16, or floats"),
        (np.full((8, 8, 3), 200.0), "values from 200 to 200; give floats in"),
        (np.full((8, 8, 3), np.nan), "values from nan to nan"),
    ],
)
def test_other_arrays_are_refused(bundle: Path, picture: np.ndarray, told: str) -> None:
    with pytest.raises(PictureError, match=told):
        mqn.load_bundle(bundle).predict(picture)


def test_what_is_no_model_is_refused(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="no exported model at"):
        mqn.load_bundle(tmp_path / "none")
    (bundle / "other.tflite").write_bytes(b"x")
    with pytest.raises(ModelFileError, match=r"other\.tflite is not a file of the model in"):
        mqn.load_bundle(bundle / "other.tflite")


@pytest.mark.slow
def test_a_search_is_asked_for_as_the_command_asks(study: mqn.Study, monkeypatch: pytest.MonkeyPatch) -> None:
    from mqn.search.study import driver

    asked, told = [], []

    def run(request: driver.SearchRequest, tell: object, **_: object) -> driver.StudySummary:
        asked.append(request)
        return driver.StudySummary(
            study="first",
            trials={},
            trainings=0,
            stopped="budget",
            seconds=0.0,
            used_up="no more",
            advice="mqn search smoke --resume",
        )

    monkeypatch.setattr(driver, "run_search", run)
    settings = {"training.epochs": 2}
    found = mqn.run_search(Path("a.toml"), study="first", trials=3, settings=settings, devices=["b"], tell=told.append)
    assert found.name == "first"
    expected = driver.SearchRequest(space="a.toml", study="first", trials=3, overrides=settings, targets=("b",))
    assert asked == [expected]
    assert told == ["no more; go on with: mqn search smoke --resume"]
    with pytest.raises(UsageError, match="--trials 0"):
        mqn.run_search("smoke", trials=0)


def test_the_readme_names_what_there_is() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "mqn.load_bundle" in block]
    names = set(re.findall(r"\bmqn\.(\w+)", code))
    assert names == {"run_search", "open_study", "load_bundle"}
    assert names <= set(mqn.__all__)
