"""What the words of `mqn compare` stand for."""

from __future__ import annotations

import pytest
import torch

from mqn.errors import ConfigError, UnknownNameError, UsageError, WeightsError
from mqn.families.contract import build_network, find_family
from mqn.models import checkpoint
from mqn.records import Plan
from mqn.search.comparison.contenders import parse_contender


def test_a_family_has_the_plan_that_it_is_meant_for():
    assert parse_contender("mqn", 256).plan == Plan()
    assert parse_contender("expandnet", 256).plan == Plan(backbone="float32", head="float32")
    found = parse_contender("expandnet@static_wi8_ai8", 256)
    assert (found.name, found.family) == ("expandnet@static_wi8_ai8", "expandnet")
    assert found.plan == Plan(backbone="static_wi8_ai8", head="static_wi8_ai8")


def test_a_run_is_its_checkpoint_and_an_export_keeps_its_plan(tmp_path):
    run, model = tmp_path / "run", tmp_path / "model"
    for folder, name in ((run, "checkpoint.pt"), (model, "model.tflite")):
        folder.mkdir()
        (folder / name).write_bytes(b"x")
    assert parse_contender(str(run), 256).path == run / "checkpoint.pt"
    assert parse_contender(f"{run}@float16", 256).plan == Plan(backbone="float16", head="float16")
    assert (parse_contender(str(model), 256).path, parse_contender(str(model), 256).plan) == (model, None)
    with pytest.raises(UsageError, match="is quantized already"):
        parse_contender(f"{model}@float16", 256)


@pytest.mark.parametrize(
    ("word", "message"), [("expandet", "expandnet"), ("mqn@int8", "scheme"), ("absent/folder", "nothing is at")]
)
def test_other_words_are_refused_with_the_nearest(word, message):
    with pytest.raises(UnknownNameError, match=message):
        parse_contender(word, 256)


def test_a_peer_with_its_weights_is_a_checkpoint_of_them(tmp_path, monkeypatch):
    monkeypatch.setenv("MQN_HOME", str(tmp_path / "home"))
    torch.save(build_network(find_family("lhdr").arch()).state_dict(), tmp_path / "lhdr.pth")
    found = parse_contender(f"lhdr:{tmp_path}/lhdr.pth", 64)
    assert (found.name, found.family, found.plan.label) == (f"lhdr:{tmp_path}/lhdr.pth", "", "float32+float32")
    arch, training, _ = checkpoint.load(found.path)
    assert (arch.family, arch.input_size, training.codec) == ("lhdr", 64, "gamma")
    assert parse_contender(f"lhdr:{tmp_path}/lhdr.pth@float16", 64).plan.backbone == "float16"
    with pytest.raises(WeightsError, match="ExpandNet's state dict"):
        parse_contender(f"expandnet:{tmp_path}/lhdr.pth", 64)
    with pytest.raises(WeightsError, match=r"gone\.pth"):
        parse_contender(f"lhdr:{tmp_path}/gone.pth", 64)
    with pytest.raises(UnknownNameError, match="peer network 'hdrunet'"):
        parse_contender(f"hdrunet:{tmp_path}/lhdr.pth", 64)


def test_a_family_of_ones_own_is_named_by_its_module():
    found = parse_contender("tests.support.own_family:FAMILY", 32)
    assert (found.family, found.path) == ("tests.support.own_family:FAMILY", None)


def test_a_size_that_a_network_cannot_take_is_told_at_once():
    with pytest.raises(ConfigError, match="--size 33: input_size 33 must be a multiple of 32"):
        parse_contender("mqn", 33)
