"""One contract, every backend: what `mqn.device.backends.contract` promises, kept by each of them."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from tests.device.backends.rigs import Rig, find_sshd, open_rig
from tests.support.tflite_models import convolutions, loop

from mqn.device.backends.local.backend import LocalBackend
from mqn.device.backends.local.isolation import KillSwitch
from mqn.device.passes import Kind, PassFile, PassRequest, PassResult
from mqn.errors import DeviceAwayError, DeviceRefusedError
from mqn.records import MeasureSettings

pytestmark = pytest.mark.integration

# Where there is no sshd, the runner is at least driven on this machine.
KINDS = ("local", "ssh" if find_sshd() else "here", "adb", "benchmark_model")
QUICK = MeasureSettings(runs=5, seconds=0.01, warmup_seconds=0.02, warmup_limit_seconds=0.1, timeout_seconds=60)
# Runs for a minute, and may take a second: as good as a model that hangs.
ENDLESS = MeasureSettings(runs=5, seconds=60, warmup_seconds=0.02, warmup_limit_seconds=0.1, timeout_seconds=1)


@pytest.fixture(scope="module", params=KINDS)
def rig(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp(request.param)
        patch.setenv("MQN_HOME", str(tmp_path_factory.getbasetemp() / "backends-home"))
        with open_rig(request.param, folder, patch) as opened:
            yield opened


@pytest.fixture(autouse=True)
def _home(_own_home: None, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    # The runner is built once for all of them.
    monkeypatch.setenv("MQN_HOME", str(tmp_path_factory.getbasetemp() / "backends-home"))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    contents = {
        "small": convolutions(8, 2),
        "cast": convolutions(8, 2, dtype="int32"),
        "large": convolutions(128, 16, layers=2),
        "garbage": b"no model at all " * 8,
        "hungry": convolutions(1500, 32),
        "loop": loop(16, 4, times=3),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return {name: folder / name for name in contents}


def run(
    rig: Rig,
    kind: Kind,
    *parts: Mapping[str, Path],
    settings: MeasureSettings = QUICK,
    switch: KillSwitch | None = None,
    swapped: bool = False,
) -> PassResult:
    named = tuple(
        tuple(PassFile(part=part, name=f"{number}-{part}.tflite") for part in model)  # type: ignore[arg-type]
        for number, model in enumerate(parts)
    )
    files = {f"{number}-{part}.tflite": path for number, model in enumerate(parts) for part, path in model.items()}
    request = PassRequest(kind=kind, models=named, settings=settings, swapped=swapped)
    folder = rig.folder / os.urandom(4).hex()
    folder.mkdir()
    return rig.backend.run(request, files, folder, switch or KillSwitch())


def test_device_says_who_it_is(rig: Rig) -> None:
    info = rig.backend.describe()
    assert info.id
    assert info.kernel
    assert info.architecture
    assert info.runtime
    assert info.cores >= 1
    assert info.memory_mb > 100
    assert {"none", "xnnpack"} <= set(info.delegates)
    assert rig.backend.describe() == info


def test_device_says_how_it_is(rig: Rig) -> None:
    load = rig.backend.state().load_1m
    assert load is not None
    assert load >= 0


def test_every_sample_of_a_pair_is_kept_and_its_outputs_stay(rig: Rig, models: dict[str, Path]) -> None:
    results = [run(rig, "timed", {"backbone": models["small"], "head": models["cast"]}).timed for _ in range(2)]
    for timed in results:
        assert timed is not None
        ((backbone, head),) = timed.models
        assert len(backbone.samples_ns) == len(head.samples_ns) >= QUICK.runs
        assert sum(backbone.samples_ns) + sum(head.samples_ns) <= timed.wall_seconds * 1e9
        assert timed.cpu_seconds > 0
        assert timed.affinity
        assert head.delegation is not None
        assert (head.delegation.partitions, head.delegation.nodes - head.delegation.delegated) == (1, 1)
    hashes = [[part.output_sha256 for parts in timed.models for part in parts] for timed in results if timed]
    assert hashes[0] == hashes[1]


@pytest.mark.parametrize("delegate", ["xnnpack", "none"])
def test_outputs_are_those_of_every_other_backend(rig: Rig, models: dict[str, Path], delegate: str) -> None:
    if not rig.tells_outputs:
        pytest.skip("this backend tells nothing of outputs")
    settings = MeasureSettings(runs=1, seconds=0, warmup_seconds=0, warmup_limit_seconds=0, delegate=delegate)  # type: ignore[arg-type]
    here = Rig(LocalBackend(), rig.folder)
    for name in ("cast", "large") if delegate == "xnnpack" else ("cast",):
        theirs, ours = (run(where, "timed", {"model": models[name]}, settings=settings).timed for where in (rig, here))
        assert theirs is not None
        assert ours is not None
        assert theirs.models[0][0].output_sha256 == ours.models[0][0].output_sha256


@pytest.mark.parametrize("swapped", [False, True])
def test_two_models_are_timed_in_the_same_rounds(rig: Rig, models: dict[str, Path], swapped: bool) -> None:
    first, second = {"model": models["small"]}, {"backbone": models["small"], "head": models["large"]}
    timed = run(rig, "timed", first, second, swapped=swapped).timed
    assert timed is not None
    assert [len(parts) for parts in timed.models] == [1, 2]
    small, large = timed.models[0][0], timed.models[1][1]
    assert len(small.samples_ns) == len(large.samples_ns)
    if rig.tells_outputs:
        assert small.output_sha256 == timed.models[1][0].output_sha256 != large.output_sha256
        assert min(small.samples_ns) < min(large.samples_ns)
        assert len(small.cpu_ns) == len(large.cpu_ns) == len(small.samples_ns)
        assert min(small.cpu_ns) < min(large.cpu_ns)


def test_memory_grows_with_the_model(rig: Rig, models: dict[str, Path]) -> None:
    small, large = (run(rig, "memory", {"model": models[name]}).memory for name in ("small", "large"))
    assert small is not None
    assert large is not None
    assert small.peak_mb is not None
    assert large.peak_mb is not None
    assert small.method == large.method != ""
    # Its two pictures of 128 x 128 x 16 floats alone are 2 MB.
    assert large.peak_mb > small.peak_mb + 1


def test_profile_lists_operators_in_their_order(rig: Rig, models: dict[str, Path]) -> None:
    profile = run(rig, "profile", {"backbone": models["cast"], "head": models["cast"]}).profile
    assert profile is not None
    assert profile.runs >= 1
    assert profile.profiled_ms > 0
    assert [op.part for op in profile.ops] == ["backbone", "backbone", "head", "head"]
    assert [op.delegated for op in profile.ops] == [False, True, False, True]
    assert profile.ops[0].kind == "CAST"
    assert "Conv" in profile.ops[1].kind


def test_what_a_loop_runs_is_part_of_the_loop(rig: Rig, models: dict[str, Path]) -> None:
    if not rig.tells_outputs:
        pytest.skip("the pretended tool runs no model")
    profile, timed = (
        run(rig, "profile", {"model": models["loop"]}).profile,
        run(rig, "timed", {"model": models["loop"]}),
    )
    assert profile is not None
    assert timed.timed is not None
    assert [op.kind == "WHILE" for op in profile.ops] == [False, True]
    delegation = timed.timed.models[0][0].delegation
    assert delegation is not None
    assert (delegation.partitions, delegation.nodes, delegation.delegated) == (1, 2, 1)
    assert delegation.outside == {"WHILE": 1}


@pytest.mark.parametrize("kind", ["timed", "profile"])
def test_pass_without_end_is_ended_and_nothing_is_left(rig: Rig, models: dict[str, Path], kind: Kind) -> None:
    if kind == "profile" and not rig.tells_outputs:
        pytest.skip("the pretended tool profiles nothing")
    failure = run(rig, kind, {"model": models["large"]}, settings=ENDLESS).failure
    assert failure is not None
    assert failure.verdict == "timeout"
    assert "timeout_seconds" in failure.reason
    assert rig.wait_for_processes(some=False) == []
    assert rig.folders() == []


def test_process_that_dies_is_a_result(rig: Rig, models: dict[str, Path]) -> None:
    settings = MeasureSettings(runs=5, seconds=60, warmup_seconds=0.02, warmup_limit_seconds=0.1, timeout_seconds=50)
    killer = threading.Thread(target=lambda: rig.wait_for_processes(some=True) and rig.kill_pass())
    killer.start()
    failure = run(rig, "timed", {"model": models["large"]}, settings=settings).failure
    killer.join()
    assert failure is not None
    assert failure.verdict == "crashed"
    assert "SIGKILL" in failure.reason
    assert rig.wait_for_processes(some=False) == []
    assert rig.folders() == []


@pytest.mark.parametrize("kind", ["timed", "memory", "profile"])
def test_garbage_is_refused_as_a_result(rig: Rig, models: dict[str, Path], kind: Kind) -> None:
    failure = run(rig, kind, {"model": models["garbage"]}).failure
    assert failure is not None
    assert failure.verdict == "rejected"
    assert "\n" not in failure.reason


def test_model_that_eats_memory_is_a_result(rig: Rig, models: dict[str, Path]) -> None:
    if not rig.tells_outputs:
        pytest.skip("the pretended tool takes no memory")
    settings = MeasureSettings(memory_limit_mb=64, timeout_seconds=60)
    failure = run(rig, "timed", {"model": models["hungry"]}, settings=settings).failure
    assert failure is not None
    assert failure.verdict in ("crashed", "rejected")
    assert rig.wait_for_processes(some=False) == []


def test_switch_ends_a_pass_and_nothing_is_left(rig: Rig, models: dict[str, Path]) -> None:
    switch = KillSwitch()
    settings = MeasureSettings(runs=5, seconds=60, warmup_seconds=0.02, warmup_limit_seconds=0.1, timeout_seconds=50)
    puller = threading.Thread(target=lambda: rig.wait_for_processes(some=True) and switch.pull())
    puller.start()
    result = run(rig, "timed", {"model": models["large"]}, settings=settings, switch=switch)
    puller.join()
    assert result.timed is None
    assert rig.wait_for_processes(some=False) == []
    assert rig.folders() == []


def test_what_the_device_lacks_is_refused(rig: Rig, models: dict[str, Path]) -> None:
    with pytest.raises(DeviceRefusedError, match="nnapi"):
        run(rig, "timed", {"model": models["small"]}, settings=MeasureSettings(delegate="nnapi"))
    with pytest.raises(DeviceRefusedError, match="4000"):
        run(rig, "timed", {"model": models["small"]}, settings=MeasureSettings(processors=(0, 4000)))


def test_device_that_goes_away_is_no_result_and_is_used_again(rig: Rig, models: dict[str, Path]) -> None:
    settings = MeasureSettings(runs=5, seconds=60, warmup_seconds=0.02, warmup_limit_seconds=0.1, timeout_seconds=50)
    cut = threading.Event()

    def take_away() -> None:
        rig.wait_for_processes(some=True)
        cut.set()
        rig.cut()

    if type(rig).cut is Rig.cut:
        rig.cut()
    thief = threading.Thread(target=take_away)
    thief.start()
    with pytest.raises(DeviceAwayError):
        run(rig, "timed", {"model": models["large"]}, settings=settings)
    thief.join()
    assert cut.is_set()
    rig.restore()
    # The next pass removes what the lost one could not, and is measured.
    assert run(rig, "timed", {"model": models["small"]}).timed is not None
    assert rig.wait_for_processes(some=False) == []
    assert rig.folders() == []
