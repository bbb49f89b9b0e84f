"""A trial's file is measured again by the device of its study, the way it was measured."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from tests.report.conftest import MEASUREMENT
from tests.support.records import BOARD

from mqn.errors import DeviceAwayError, DeviceRestingError, ModelFileError, StudyError, UnsteadyError
from mqn.parsing import write_json
from mqn.profile import Profile
from mqn.records import MeasureSettings
from mqn.report.bundle.bundle import load_bundle, write_bundle
from mqn.report.bundle.remeasure import Remeasurement, other_files, reach, refuse_difference, same_file
from mqn.report.bundle.verification import VERIFICATION, Verification, keep_verification
from mqn.report.timing.repeatability import judge_device, judge_repeats, keep_repeatability

FIGURES = {"latency_ms": 7.1, "latency_ms.p50_low": 7.0, "latency_ms.p50_high": 7.2}


class Board:
    """Devices with one board that answers with given figures, is away, or is disturbed."""

    holder, targets = "test", ("board",)

    def __init__(self, *, verdict="ok", figures=FIGURES, error=None, away="", identity="board"):
        self.verdict, self.figures, self.error, self.away, self.id = verdict, figures, error, away, identity
        self.asked = []

    def identity(self, target):
        return self.id

    def absent(self, job):
        return self.away

    def place(self, job):
        return None if self.away else replace(job, function=self.measure)

    def measure(self, folder, **asked):
        self.asked.append(asked)
        if self.error is not None:
            raise self.error
        told = {"target": asked["target"], "device": "board", "device_id": "board", "model": "Board 1"}
        return {**told, "verdict": self.verdict, "figures": self.figures}


def study(accepted=(), runtime=None):
    return SimpleNamespace(name="s", accepted=accepted, about=SimpleNamespace(runtime=runtime or {}))


@pytest.fixture
def kept(stored, tmp_path):
    """A trial whose measurement tells the device, and its store."""

    def make(layout="fused"):
        record, store = stored(layout)
        with store.open("measure", "told") as slot:
            write_json(slot.folder / "measurement.json", MEASUREMENT)
            slot.publish(inputs={}, versions={}, seconds=1.0, details={"device_id": "board"})
        steps = {**record.artifacts, "measure/board": "told"}
        return replace(record, artifacts=steps, device_figures={"board": {"latency_ms": 7.0}}), store

    return make


def remeasure(store, board, profile=None, **of_study):
    return Remeasurement(study(**of_study), profile or Profile(), store, board)


def test_the_file_is_measured_as_the_study_does(kept):
    record, store = kept("pair")
    board, profile = Board(), Profile(measure=MeasureSettings(threads=2))
    found = remeasure(store, board, profile, accepted=("contended",)).measure(record, "board")
    assert (found.outcome, found.again, dict(found.recorded)) == ("repeats", FIGURES, {"latency_ms": 7.0})
    (asked,) = board.asked
    assert [file.name for file in asked["files"]] == ["backbone.tflite", "head.tflite"]
    assert all(file.is_file() for file in asked["files"])
    assert asked["settings"] == MeasureSettings(threads=2, accept=("ok", "contended"))
    assert "known" not in asked


def test_the_bundle_s_own_files_are_measured(kept, tmp_path):
    record, store = kept()
    board = Board()
    bundle = load_bundle(write_bundle(record, store, tmp_path / "bundle"))
    remeasure(store, board).measure(record, "board", bundle.files, print)
    assert (board.asked[0]["files"], board.asked[0]["on_wait"]) == ([tmp_path / "bundle" / "model.tflite"], print)


def test_a_paired_device_measures_beside_the_study_s_reference(kept):
    record, store = kept()
    with store.open("reference", "ours") as slot:
        for name in ("float32", "int8"):
            (slot.folder / f"reference.{name}.tflite").write_bytes(b"x")
        slot.publish(
            inputs={},
            versions={},
            seconds=1.0,
            details={"reference": {"p50": 3.0, "p90": 3.5, "low": 2.9, "high": 3.1}},
        )
    paired = replace(record, artifacts={**record.artifacts, "reference/board": "ours"})
    board = Board()
    remeasure(store, board).measure(paired, "board")
    assert [file.name for file in board.asked[0]["reference"]] == ["reference.float32.tflite", "reference.int8.tflite"]
    assert board.asked[0]["known"].p50 == 3.0
    gone = replace(record, artifacts={**record.artifacts, "reference/board": "gone"})
    with pytest.raises(StudyError, match=r"has no reference/board any more.*--no-measure"):
        remeasure(store, board).measure(gone, "board")


def test_the_bench_s_repeatability_is_what_counts(kept, tmp_path):
    record, store = kept()
    far = Board(figures={"latency_ms": 8.0})
    assert remeasure(store, far).measure(record, "board").outcome == "differs"
    repeats = [replace(judge_repeats("a", [], []), spread=0.2)]
    measured = judge_device(BOARD, MeasureSettings(), [replace(repeats[0], p50_ms=(1.0, 1.2))], "2026-01-31T10:00:00")
    keep_repeatability(measured)
    found = remeasure(store, far).measure(record, "board")
    assert (found.outcome, found.spread, found.benched) == ("repeats", 0.2, True)


def test_what_does_not_repeat_is_refused_with_both_figures(kept):
    record, store = kept()
    found = remeasure(store, Board(figures={"latency_ms": 9.0})).measure(record, "board")
    with pytest.raises(
        ModelFileError, match=r"trial 3 on 'board' does not repeat: 7 ms on record, 9 ms now; 6.3 to 7.7"
    ):
        refuse_difference(record, found)
    refuse_difference(record, replace(found, outcome="repeats"))
    refuse_difference(record, replace(found, outcome="disturbed"))


@pytest.mark.parametrize(
    ("board", "kind", "line"),
    [
        (Board(away="no agent answers"), DeviceAwayError, "device 'board': no agent answers; nothing was written; try"),
        (Board(error=DeviceRestingError("board is 60 °C warm")), DeviceRestingError, "board is 60 °C warm; nothing"),
        (Board(error=UnsteadyError("on board: contended; tried 3 times")), UnsteadyError, "tried 3 times; nothing was"),
    ],
)
def test_a_device_that_cannot_measure_is_named_and_the_way_without_it(kept, board, kind, line):
    record, store = kept()
    with pytest.raises(kind, match=line) as raised:
        remeasure(store, board).measure(record, "board")
    assert str(raised.value).endswith("or leave the measurement out with --no-measure")


def test_another_device_of_the_same_name_is_refused(kept):
    record, store = kept()
    with pytest.raises(StudyError, match="with the id board, and the profile's has other"):
        remeasure(store, Board(identity="other")).measure(record, "board")


def test_a_profile_that_runs_models_otherwise_is_refused(kept):
    _, store = kept()
    with (
        pytest.raises(StudyError, match="threads = 4, not 1"),
        reach(study(runtime={"threads": 4}), Profile(), store, ("x",)),
    ):
        pass


def test_a_target_has_a_file_of_its_own_where_the_gate_tuned_it(kept):
    record, _ = kept()
    tuned = replace(record, artifacts={**record.artifacts, "quantize/phone": "k"})
    assert [same_file(tuned, target, None) for target in ("board", "phone")] == [True, False]
    assert [same_file(tuned, target, "phone") for target in ("board", "phone")] == [False, True]


def test_what_was_found_is_a_file_of_the_bundle(kept, tmp_path):
    record, store = kept()
    found = remeasure(store, Board()).measure(record, "board")
    told = Verification(
        figures={"psnr_tm": 25.0}, recorded={"psnr_tm": 25.0}, pictures=2, inputs="operators", measured=(found,)
    )
    write_bundle(record, store, tmp_path / "bundle", check=lambda bundle: keep_verification(bundle, told))
    assert VERIFICATION in load_bundle(tmp_path / "bundle").manifest.files
    write_bundle(record, store, tmp_path / "bundle")  # It is known as the bundle's own.
    assert not (tmp_path / "bundle" / VERIFICATION).exists()


def test_what_was_verified_is_said_beside_what_is_on_record():
    found = Verification(
        figures={"psnr_tm": 25.0, "hdrvdp_q": 60.0}, recorded={"psnr_tm": 25.004}, pictures=2, inputs="operators",
        unmeasured="--no-measure",
    )  # fmt: skip
    assert found.lines == [
        "not measured again (--no-measure): latency and memory are those on record",
        "scored again on this machine, 2 pictures, operators inputs: psnr_tm 25.00 (25.00 on record), hdrvdp_q 60.00 "
        "(not on record)",
    ]


def test_files_of_other_devices_are_named(kept):
    record, _ = kept()
    assert other_files(record, ("board", "phone")) == []
    tuned = replace(
        record, lowering={"board": "norms", "phone": "none"}, artifacts={**record.artifacts, "quantize/phone": "k"}
    )
    assert other_files(tuned, ("board", "phone")) == [
        "phone runs a file of its own (rewrites none): mqn select s --device phone"
    ]
    assert other_files(tuned, ()) == []
