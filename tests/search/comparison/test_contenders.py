"""What the words of `mqn compare` stand for."""

from __future__ import annotations

import pytest

from mqn.errors import UnknownNameError, UsageError
from mqn.records import Plan
from mqn.search.comparison.contenders import parse_contender


def test_a_family_has_the_plan_that_it_is_meant_for():
    assert parse_contender("mqn").plan == Plan()
    assert parse_contender("expandnet").plan == Plan(backbone="float32", head="float32")
    found = parse_contender("expandnet@static_wi8_ai8")
    assert (found.name, found.family) == ("expandnet@static_wi8_ai8", "expandnet")
    assert found.plan == Plan(backbone="static_wi8_ai8", head="static_wi8_ai8")


def test_a_run_is_its_checkpoint_and_an_export_keeps_its_plan(tmp_path):
    run, model = tmp_path / "run", tmp_path / "model"
    for folder, name in ((run, "checkpoint.pt"), (model, "model.tflite")):
        folder.mkdir()
        (folder / name).write_bytes(b"x")
    assert parse_contender(str(run)).path == run / "checkpoint.pt"
    assert parse_contender(f"{run}@float16").plan == Plan(backbone="float16", head="float16")
    assert (parse_contender(str(model)).path, parse_contender(str(model)).plan) == (model, None)
    with pytest.raises(UsageError, match="is quantized already"):
        parse_contender(f"{model}@float16")


@pytest.mark.parametrize(
    ("word", "message"), [("expandet", "expandnet"), ("mqn@int8", "scheme"), ("absent/folder", "nothing is at")]
)
def test_other_words_are_refused_with_the_nearest(word, message):
    with pytest.raises(UnknownNameError, match=message):
        parse_contender(word)
