from __future__ import annotations

from dataclasses import replace

import pytest
from PIL import Image
from tests.support.records import BOARD, make_measurement

from mqn.errors import UsageError
from mqn.report.figures.repeatability_picture import write_repeatability_png
from mqn.report.timing.repeatability import judge_device, judge_repeats, keep_repeatability, known_repeatability


def job(p50, verdict="ok"):
    whole = make_measurement(verdict=verdict)
    return replace(whole, latency_ms=replace(whole.latency_ms, p50=p50) if p50 else None)


@pytest.fixture
def found(tmp_path, monkeypatch):
    monkeypatch.setenv("MQN_HOME", str(tmp_path / "home"))
    jobs = [job(2.0), job(2.1), job(9.0, "contended"), job(1.9)]
    models = [judge_repeats("a", ["0" * 64], jobs), judge_repeats("b", ["1" * 64], [job(None, "crashed"), job(5.0)])]
    return judge_device(BOARD, make_measurement().settings, models, "2026-01-31T10:00:00+00:00")


def test_spread_is_over_what_counts_and_the_rest_is_counted(found):
    first, second = found.models
    assert (first.p50_ms, first.median_ms, first.refused) == ((2.0, 2.1, 1.9), 2.0, ("contended",))
    assert first.spread == pytest.approx(0.1)
    assert (second.p50_ms, second.spread, second.refused) == ((5.0,), None, ("crashed",))
    assert found.spread == first.spread
    assert found.refused_share == pytest.approx(2 / 6)
    assert found.text == "p50 within 10.0 %, 33 % refused (2026-01-31)"


def test_where_nothing_counts_that_is_said():
    models = [judge_repeats("a", [], [job(1.0, "unsteady"), job(1.0, "unsteady")])]
    found = judge_device(BOARD, make_measurement().settings, models, "2026-01-31T10:00:00+00:00")
    assert found.text == "no two jobs counted, 100 % refused (2026-01-31)"


def test_what_is_known_of_a_device_is_kept_and_the_newest_counts(found):
    assert known_repeatability("board") is None
    keep_repeatability(found)
    newer = replace(found, measured_at="2026-02-01T10:00:00+00:00")
    path = keep_repeatability(newer)
    assert known_repeatability("board") == newer
    assert path.name == "board.json"
    path.write_text("{}")
    assert known_repeatability("board") is None


def test_a_device_s_id_stays_within_the_folder(found):
    odd = replace(found, device=replace(found.device, id="../../x/y"))
    path = keep_repeatability(odd)
    assert (path.parent.name, path.name) == ("devices", "_.._x_y.json")
    assert known_repeatability("../../x/y") == odd


def test_a_folder_that_cannot_be_made_is_named(found, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "devices").write_text("in the way")
    with pytest.raises(UsageError, match=r"cannot write .*board\.json"):
        keep_repeatability(found)


def test_the_picture_is_written(found, tmp_path):
    write_repeatability_png(found, tmp_path / "r.png")
    with Image.open(tmp_path / "r.png") as picture:
        assert (11, 110, 153) in {color for _, color in picture.convert("RGB").getcolors(maxcolors=1 << 20)}
