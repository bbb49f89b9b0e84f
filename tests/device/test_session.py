from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.device.timed_results import STEADY, UNREAD, make_part, make_timed

from mqn.device import session
from mqn.device.backends.local.isolation import KillSwitch
from mqn.device.passes import Failure, MemoryResult, OpResult, PassRequest, PassResult, ProfileResult
from mqn.device.science.yardsticks import Yardsticks
from mqn.device.session import SessionFile, compare, measure, profile
from mqn.errors import DeviceAwayError
from mqn.records import Delegation, DeviceInfo, MachineState, MeasureSettings

CRASH = PassResult(failure=Failure(verdict="crashed", reason="killed by SIGSEGV"))
REJECTED = PassResult(failure=Failure(verdict="rejected", reason="only the delegate has it"))


class FakeBackend:
    """Answers passes from a script: by kind, what comes next; the last one stays."""

    kinds = frozenset({"timed", "memory", "profile"})

    def __init__(self, info: DeviceInfo, **script: list[PassResult | Exception]) -> None:
        self._info, self._script = info, script
        self.requests: list[PassRequest] = []

    def describe(self) -> DeviceInfo:
        return self._info

    def state(self) -> MachineState:
        return UNREAD

    def run(self, request: PassRequest, files: Mapping[str, Path], folder: Path, switch: KillSwitch) -> PassResult:
        assert list(folder.iterdir()) == []
        for model in request.models:
            for file in model:
                assert files[file.name].read_bytes() == b"a model"
        self.requests.append(request)
        (folder / "left").mkdir()
        answers = self._script[request.kind]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        pass

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(request.kind, request.settings.delegate) for request in self.requests]


def timed(*samples_ns, **changes: object) -> PassResult:
    return PassResult(timed=make_timed(*samples_ns, **changes))


def weighed(peak_mb: float) -> PassResult:
    return PassResult(memory=MemoryResult(baseline_mb=50.0, peak_mb=peak_mb, method="by hand"))


@pytest.fixture
def lab(tmp_path: Path, info):
    model = tmp_path / "uploaded"
    model.write_bytes(b"a model")

    class Lab:
        def __init__(self) -> None:
            self.switch = KillSwitch()

        def files(self, *parts: str) -> list[SessionFile]:
            return [SessionFile(part=part, sha256="1" * 64, path=model) for part in parts or ("model",)]

        def measure(self, backend: FakeBackend, *parts: str, yardsticks: Yardsticks | None = None, **settings: object):
            found = measure(
                backend,
                self.files(*parts),
                MeasureSettings(**settings),
                folder=tmp_path,
                switch=self.switch,
                yardsticks=yardsticks,
            )
            assert list(tmp_path.iterdir()) == [model]
            return found

        def compare(self, backend: FakeBackend, **settings: object):
            return compare(
                backend,
                self.files(),
                self.files("backbone", "head"),
                MeasureSettings(**settings),
                folder=tmp_path,
                switch=self.switch,
            )

        def profile(self, backend: FakeBackend, *parts: str):
            return profile(backend, self.files(*parts), MeasureSettings(), folder=tmp_path, switch=self.switch)

        def backend(self, **script: list[PassResult | Exception]) -> FakeBackend:
            return FakeBackend(info, **{"timed": [timed()], "memory": [weighed(9.0)], **script})

    return Lab()


def test_timed_passes_and_two_memory_passes_make_a_measurement(lab) -> None:
    backend = lab.backend(memory=[weighed(9.0), weighed(7.0)])
    found = lab.measure(backend, processes=3, runs=100, seconds=6.0)
    assert backend.told == [("timed", "xnnpack")] * 3 + [("memory", "xnnpack"), ("memory", "none")]
    assert [(one.settings.runs, one.settings.seconds) for one in backend.requests[:3]] == [(34, 2.0)] * 3
    assert (found.settings.runs, found.settings.seconds) == (100, 6.0)
    assert (found.verdict, found.process_rounds) == ("ok", (100, 100, 100))
    assert (found.latency_ms.n, found.latency_ms.p50) == (300, 1.0)
    assert (found.peak_memory_mb, found.memory_baseline_mb, found.undelegated_memory_mb) == (9.0, 50.0, 7.0)
    assert (found.memory_method, found.parts[0].size_bytes) == ("by hand", 7)


def test_without_a_delegate_one_memory_pass_says_all(lab) -> None:
    backend = lab.backend()
    found = lab.measure(backend, processes=1, delegate="none")
    assert backend.told == [("timed", "none"), ("memory", "none")]
    assert found.peak_memory_mb == found.undelegated_memory_mb == 9.0


@pytest.mark.parametrize("alone", [REJECTED, CRASH])
def test_a_model_that_needs_its_delegate_has_no_figure_without(lab, alone: PassResult) -> None:
    found = lab.measure(lab.backend(memory=[weighed(9.0), alone]))
    assert (found.verdict, found.peak_memory_mb, found.undelegated_memory_mb) == ("ok", 9.0, None)


def test_start_up_figures_are_medians_of_the_processes(lab) -> None:
    script = [
        timed(models=((make_part(init_ms=init, first_ms=10 * init, warmup_ms=100 * init),),))
        for init in (1.0, 9.0, 2.0)
    ]
    (part,) = lab.measure(lab.backend(timed=script)).parts
    assert (part.init_ms, part.first_ms, part.warmup_ms) == (2.0, 20.0, 200.0)


def test_samples_stay_in_the_order_of_the_processes(lab) -> None:
    script = [timed([1_000_000, 1_010_000]), timed([1_020_000]), timed([1_030_000, 1_040_000, 1_050_000])]
    found = lab.measure(lab.backend(timed=script), processes=3)
    assert found.process_rounds == (2, 1, 3)
    assert found.parts[0].samples_ns == tuple(range(1_000_000, 1_060_000, 10_000))


def test_a_pairs_latency_is_the_sum_round_by_round(lab) -> None:
    pair = (make_part([1_000_000, 2_000_000, 3_000_000]), make_part([3_000_000, 2_000_000, 1_000_000]))
    found = lab.measure(lab.backend(timed=[timed(models=(pair,))]), "backbone", "head", processes=2)
    assert (found.latency_ms.min, found.latency_ms.p99) == (4.0, 4.0)
    assert [part.latency_ms.p50 for part in found.parts] == [2.0, 2.0]
    assert found.verdict == "ok"


def test_machine_and_processors_are_those_of_the_passes(lab) -> None:
    calm, warm = (dataclasses.replace(UNREAD, temperature_c=celsius) for celsius in (40.0, 50.0))
    script = [timed(affinity=(1,), before=calm), timed(affinity=(1,), after=warm)]
    found = lab.measure(lab.backend(timed=script), processes=2)
    assert (found.before, found.after, found.affinity) == (calm, warm, (1,))


def test_the_ratio_is_per_thread_and_of_all_processes(lab) -> None:
    script = [timed(cpu_seconds=1.0), timed(cpu_seconds=0.6)]
    found = lab.measure(lab.backend(timed=script), processes=2, threads=2)
    assert found.cpu_wall_ratio == pytest.approx(0.4)


@pytest.mark.parametrize(("delegate", "verdict"), [("gpu", "ok"), ("nnapi", "ok"), ("xnnpack", "contended")])
def test_a_delegate_off_the_processors_leaves_them_idle(lab, delegate: str, verdict: str) -> None:
    assert lab.measure(lab.backend(timed=[timed(cpu_seconds=0.1)]), delegate=delegate).verdict == verdict


def test_what_the_delegate_took_is_told(lab) -> None:
    delegation = Delegation(delegate="xnnpack", partitions=2, nodes=6, delegated=4, outside={"CAST": 2})
    found = lab.measure(lab.backend(timed=[timed(models=((make_part(delegation=delegation),),))]))
    assert found.parts[0].delegation == delegation


def test_outputs_that_differ_between_processes_are_no_measurement_to_rely_on(lab) -> None:
    script = [timed(), timed(models=((make_part(output_sha256="1" * 64),),)), timed()]
    found = lab.measure(lab.backend(timed=script), processes=3)
    assert found.verdict == "unsteady"
    assert found.reasons == ("2 different outputs in 3 processes for the same input",)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_first_failure_ends_it(lab, place: int) -> None:
    backend = lab.backend(timed=[*[timed()] * place, CRASH])
    found = lab.measure(backend)
    assert len(backend.requests) == place + 1
    assert (found.verdict, found.reasons) == ("crashed", ("killed by SIGSEGV",))
    assert (found.latency_ms, found.parts, found.process_rounds, found.peak_memory_mb) == (None, (), (), None)


def test_a_crash_in_the_memory_pass_counts_as_well(lab) -> None:
    found = lab.measure(lab.backend(memory=[CRASH]))
    assert (found.verdict, found.latency_ms) == ("crashed", None)


def test_a_device_that_goes_away_is_no_result(lab) -> None:
    with pytest.raises(DeviceAwayError):
        lab.measure(lab.backend(timed=[timed(), DeviceAwayError("gone")]))


def test_a_pulled_switch_begins_no_pass(lab) -> None:
    lab.switch.pull()
    backend = lab.backend()
    assert lab.measure(backend).verdict != "ok"
    assert backend.requests == []


def test_a_slow_machine_is_noticed_with_yardsticks_only(lab, tmp_path: Path, tmp_path_factory) -> None:
    yardsticks = Yardsticks(tmp_path_factory.mktemp("kept") / "kept.json")
    fast, slow = timed(yardstick_ns=(100, 110)), timed(yardstick_ns=(130, 150))
    for _ in range(3):
        assert lab.measure(lab.backend(timed=[fast]), yardsticks=yardsticks).verdict == "ok"
    found = lab.measure(lab.backend(timed=[fast, slow, fast]), yardsticks=yardsticks)
    assert (found.verdict, found.yardstick) == ("contended", pytest.approx(1.3))
    blind = lab.measure(lab.backend(timed=[slow]))
    assert (blind.verdict, blind.yardstick) == ("ok", None)


def test_two_models_are_compared_in_the_same_processes(lab) -> None:
    both = timed(models=((make_part(),), (make_part(), make_part())))
    backend = lab.backend(timed=[both])
    found = lab.compare(backend, processes=3, runs=80, seconds=4.0)
    assert len(backend.requests) == session.MIN_COMPARED_PROCESSES == 8
    assert [request.swapped for request in backend.requests] == [False, True] * 4
    assert {(request.settings.runs, request.settings.seconds) for request in backend.requests} == {(10, 1.0)}
    assert [[file.part for file in model] for model in backend.requests[0].models] == [["model"], ["backbone", "head"]]
    assert len({file.name for model in backend.requests[0].models for file in model}) == 3
    assert [part.part for part in (*found.first, *found.second)] == ["model", "backbone", "head"]
    assert (found.verdict, found.process_rounds, found.p50) == ("ok", (len(STEADY),) * 8, None)


def test_a_comparison_that_fails_says_why(lab) -> None:
    found = lab.compare(lab.backend(timed=[CRASH]))
    assert (found.verdict, found.reasons, found.first, found.second) == ("crashed", ("killed by SIGSEGV",), (), ())


def test_a_profile_tells_every_operators_share(lab) -> None:
    ops = tuple(
        OpResult(part="model", index=index, kind=kind, delegated=kind != "CAST", mean_ms=milliseconds)
        for index, (kind, milliseconds) in enumerate((("Convolution", 3.0), ("CAST", 1.0)))
    )
    backend = lab.backend(profile=[PassResult(profile=ProfileResult(runs=7, profiled_ms=4.5, ops=ops))])
    found = lab.profile(backend)
    assert backend.told == [("profile", "xnnpack")]
    assert (found.verdict, found.runs, found.profiled_ms, found.sha256) == ("ok", 7, 4.5, ("1" * 64,))
    assert [(op.kind, op.share) for op in found.ops] == [("Convolution", 0.75), ("CAST", 0.25)]


def test_a_profile_that_fails_says_why(lab) -> None:
    found = lab.profile(lab.backend(profile=[REJECTED]))
    assert (found.verdict, found.reasons, found.ops) == ("rejected", ("only the delegate has it",), ())
