from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mqn.data.pairs.evaluation import EvaluationPicture
from mqn.errors import ModelFileError, UnknownNameError, WeightsError
from mqn.hdr.expansion import EXPANSIONS
from mqn.hdr.io.files import read, write
from mqn.hdr.transfer import srgb_decode
from mqn.metrics.protocol import judge
from mqn.parsing import file_hash
from mqn.scoring import methods
from mqn.scoring.methods import parse_method
from mqn.scoring.predictors import Predictor


def picture(height: int = 16, width: int = 16) -> EvaluationPicture:
    generator = np.random.default_rng(0)
    ldr = (generator.integers(0, 256, (height, width, 3)) / 255).astype(np.float32)
    truth = generator.random((height, width, 3)).astype(np.float32)
    return EvaluationPicture(name="a1.exr", source="a", ldr=ldr, truth=truth, operator="drago")


def test_doing_nothing_linearises() -> None:
    given = picture()
    np.testing.assert_array_equal(Predictor(parse_method("do-nothing")).predict(given), srgb_decode(given.ldr))


def test_the_oracle_is_one_percent_off_and_the_same_again() -> None:
    given = picture(64, 64)
    guess = Predictor(parse_method("oracle")).predict(given)
    assert np.std(guess / given.truth - 1) == pytest.approx(0.01, rel=0.05)
    np.testing.assert_array_equal(guess, Predictor(parse_method("oracle")).predict(given))
    other = replace(given, name="a2.exr")
    assert not np.array_equal(guess, Predictor(parse_method("oracle")).predict(other))
    assert judge(guess, given, ["psnr_tm"])["psnr_tm"] > 50


@pytest.mark.parametrize("name", EXPANSIONS)
def test_classical_operators_go_by_their_names(name: str) -> None:
    given = picture()
    np.testing.assert_array_equal(Predictor(parse_method(name)).predict(given), EXPANSIONS[name](given.ldr))


def test_methods_travel_and_differ() -> None:
    parsed = [parse_method(name) for name in ("do-nothing", "oracle", *EXPANSIONS)]
    assert pickle.loads(pickle.dumps(parsed)) == parsed
    assert len({method.fingerprint for method in parsed}) == len(parsed)


def test_an_unknown_name_tells_the_nearest_and_what_else_is_allowed(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="no method 'orakel'; did you mean 'oracle'"):
        parse_method("orakel")
    with pytest.raises(UnknownNameError, match=r"checkpoint.pt or a folder of pictures; nothing lies at .*absent"):
        parse_method(str(tmp_path / "absent"))
    with pytest.raises(UnknownNameError, match="no peer network 'expandnett'; did you mean 'expandnet'"):
        parse_method(f"expandnett:{tmp_path}")
    with pytest.raises(WeightsError, match=r"absent\.pth"):
        parse_method(f"expandnet:{tmp_path / 'absent.pth'}")


def test_a_folder_of_predictions_answers_by_the_picture_s_name(predictions: Path) -> None:
    predictor = Predictor(parse_method(str(predictions)))
    np.testing.assert_array_equal(predictor.predict(picture()), read(predictions / "a1.exr"))
    before = {name: predictor.fingerprint(name) for name in ("a1.exr", "b.exr")}
    write(predictions / "b.tif", np.ones((16, 16, 3), np.float32))
    again = Predictor(parse_method(str(predictions)))
    assert again.fingerprint("a1.exr") == before["a1.exr"]
    assert again.fingerprint("b.exr") != before["b.exr"]


def test_a_model_without_its_manifest_is_no_folder_of_predictions(tmp_path: Path) -> None:
    (tmp_path / "model.tflite").write_bytes(b"x")
    with pytest.raises(ModelFileError, match=r"without its manifest\.json"):
        parse_method(str(tmp_path))


@pytest.mark.slow
def test_a_checkpoint_runs_at_any_size(tmp_path: Path) -> None:
    from mqn.families.mqn.arch import MQNArch
    from mqn.models import checkpoint
    from mqn.models.mqn import build
    from mqn.records import Training

    arch = MQNArch(attention="none", width=0.35, encoder_weights="random", input_size=64)
    path = tmp_path / "checkpoint.pt"
    checkpoint.save(path, arch, Training(), build(arch))
    method = parse_method(str(path))
    assert method.input_size == 64
    guess = Predictor(method).predict(picture(20, 40))
    assert guess.shape == (20, 40, 3)
    assert 0 <= guess.min() < guess.max() <= 1


@pytest.mark.slow
@pytest.mark.parametrize("changed", ["codec.py", "gains.py", "decoder.py", "checkpoint.py"])
def test_a_checkpoint_is_judged_again_when_the_code_that_runs_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    from mqn.families.mqn.arch import MQNArch
    from mqn.models import checkpoint
    from mqn.models.mqn import build
    from mqn.records import Training

    arch = MQNArch(attention="none", width=0.35, encoder_weights="random", input_size=64)
    path = tmp_path / "checkpoint.pt"
    checkpoint.save(path, arch, Training(), build(arch))
    before = parse_method(str(path)).fingerprint
    assert parse_method(str(path)).fingerprint == before
    monkeypatch.setattr(methods, "file_hash", lambda file: "new" if file.name == changed else file_hash(file))
    assert parse_method(str(path)).fingerprint != before


def test_a_peer_is_judged_again_when_its_network_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from mqn.families.contract import find_family

    family = find_family("lhdr")
    torch.save(family.build(family.arch()).state_dict(), tmp_path / "lhdr.pth")
    before = parse_method(f"lhdr:{tmp_path / 'lhdr.pth'}").fingerprint
    monkeypatch.setattr(methods, "file_hash", lambda file: "new" if file.name == "highlights.py" else file_hash(file))
    assert parse_method(f"lhdr:{tmp_path / 'lhdr.pth'}").fingerprint != before


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(b"PK")
    with pytest.raises(WeightsError, match=str(path)):
        parse_method(str(path))
