"""benchmark_model's words, read; those of a phone are from the tool's public logs."""

from __future__ import annotations

import pytest

from mqn.device.backends.shell import benchmark_model as tool
from mqn.device.backends.shell.benchmark_model import compose_loop, read_loop
from mqn.device.passes import OpResult, PassFile, PassRequest
from mqn.records import Delegate, MachineState, MeasureSettings

GPU = """VERBOSE: Replacing 58 out of 60 node(s) with delegate (TfLiteGpuDelegateV2) node, yielding 3 partitions for \
the whole graph.
INFO: Explicitly applied GPU delegate, and the model graph will be partially executed by the delegate w/ 2 delegate \
kernels.
INFO: Inference timings in us: Init: 842225, First inference: 115098, Warmup (avg): 40199.8, Inference (avg): 1.2345e+06
INFO: Memory footprint delta from the start of the tool (MB): init=2.43359 overall=8
INFO: Overall peak memory footprint (MB) via periodic monitoring: 12
"""
REFUSED = "INFO: Though GPU delegate is explicitly applied, the model graph will not be executed by the delegate.\n"


def test_times_may_be_written_with_exponents() -> None:
    timings = tool.read_timings(GPU)
    assert timings == (842225, 115098, 40199.8, 1_234_500)


def test_memory_is_in_million_bytes() -> None:
    footprint = tool.read_footprint(GPU)
    assert footprint is not None
    assert footprint == pytest.approx((12 * 1.048576, 8 * 1.048576))


def test_delegate_took_what_the_tool_says() -> None:
    delegation = tool.read_delegation(GPU, "gpu")
    assert delegation is not None
    assert (delegation.partitions, delegation.nodes, delegation.delegated) == (2, 60, 58)
    assert delegation.outside == {"not named": 2}


@pytest.mark.parametrize(
    ("text", "delegate", "applied"),
    [(GPU, "gpu", True), (GPU, "nnapi", False), (REFUSED, "gpu", False), ("", "gpu", False)],
)
def test_delegate_is_believed_only_when_applied(text: str, delegate: Delegate, applied: bool) -> None:
    assert (tool.find_applied(text, delegate) is not None) is applied


@pytest.mark.parametrize("read", [tool.read_timings, tool.read_footprint])
def test_nothing_is_made_up(read: object) -> None:
    assert read("INFO: STARTING!\n") is None  # type: ignore[operator]


def test_only_the_runs_own_table_counts() -> None:
    head = "\t[node type]\t[first]\t[avg ms]\t[%]\t[cdf%]\t[mem KB]\t[times called]\t[Name]\n"
    row = "\t{}\t0.1\t{}\t1%\t1%\t0.000\t1\tname\n"
    text = (
        "Profiling Info for Benchmark Initialization:\n=== Run Order ===\n"
        + head + row.format("AllocateTensors", 9) + "\n"
        "Operator-wise Profiling Info for Regular Benchmark Runs:\n=== Run Order ===\n"
        + head + row.format("CAST", 0.25) + row.format("Convolution (NHWC, QS8) IGEMM", 1.5) + "\n"
        "=== Top by Computation Time ===\n" + head + row.format("CAST", 7)
    )  # fmt: skip
    assert tool.read_operators(text, "head") == [
        OpResult(part="head", index=0, kind="CAST", delegated=False, mean_ms=0.25),
        OpResult(part="head", index=1, kind="Convolution (NHWC, QS8) IGEMM", delegated=True, mean_ms=1.5),
    ]


UNREAD = MachineState(load_1m=None, frequency_mhz=None, temperature_c=None)
PAIR = PassRequest(
    kind="timed",
    models=((PassFile(part="backbone", name="a"), PassFile(part="head", name="b")),),
    settings=MeasureSettings(runs=2, processors=(1,)),
)


def _look(uptime: str, ticks: int, children: str) -> str:
    rows = f"cpu0 900 0 0 0 0 0 0 0 0 0\ncpu1 {ticks} 0 0 5000 0 0 0 0 0 0\n"
    return f"mqn-look\n{uptime} 99.9\n{rows}0m0.01s 0m0.02s\n{children}\nmqn-look\n"


def _loop() -> str:
    times = "INFO: Inference timings in us: Init: 2000, First inference: 30, Warmup (avg): 20, Inference (avg): {}\n"
    rounds = "".join(
        f"mqn-part 0 {part}\n" + times.format(10 * (part + 1) + number) for number in range(2) for part in range(2)
    )
    begin, end = _look("100.00", 1000, "0m1.00s 0m0.50s"), _look("104.00", 1500, "1m1.00s 0m2.50s")
    return f"00000000,00000003\n{begin}{rounds}{end}"


def test_loop_gives_a_sample_a_process() -> None:
    timed = read_loop(_loop(), PAIR, UNREAD, UNREAD)
    assert timed is not None
    backbone, head = timed.models[0]
    assert (backbone.samples_ns, head.samples_ns) == ((10_000, 11_000), (20_000, 21_000))
    assert (backbone.init_ms, backbone.first_ms, backbone.warmup_ms) == (2.0, 0.03, 0.02)
    # Children: 60 s in user code and 2 s in the kernel; processor 1 was busy for 5 s only, so others had none of it.
    assert (timed.wall_seconds, timed.cpu_seconds, timed.others_seconds) == (4.0, 62.0, 0.0)
    assert timed.affinity == (1,)


@pytest.mark.parametrize("missing", ["mqn-look\n", "Inference (avg)", "mqn-part 0 1"])
def test_loop_that_makes_no_sense_is_none(missing: str) -> None:
    assert read_loop(_loop().replace(missing, "?"), PAIR, UNREAD, UNREAD) is None


@pytest.mark.parametrize(
    ("said", "instead"),
    [("1m1.00s 0m2.50s", "61.00 2.50"), ("Inference (avg): 11\n", "Inference (avg): 1e999\n"), ("104.00 99.9", "")],
)
def test_loop_whose_numbers_make_no_sense_is_none(said: str, instead: str) -> None:
    assert said in _loop()
    assert read_loop(_loop().replace(said, instead), PAIR, UNREAD, UNREAD) is None


def test_the_clock_of_idle_processors_is_left_out() -> None:
    before, after = (MachineState(load_1m=1.0, frequency_mhz=mhz, temperature_c=40.0) for mhz in (2400.0, 300.0))
    timed = read_loop(_loop(), PAIR, before, after)
    assert timed is not None
    assert timed.before == timed.after == MachineState(load_1m=1.0, frequency_mhz=None, temperature_c=40.0)


@pytest.mark.parametrize("head", ["\t[node type]\t[avg]\n\tCAST\t1.0\n", "\t[node type]\t[avg ms]\n\tCAST\tmuch\n"])
def test_a_table_that_cannot_be_read_has_no_operators(head: str) -> None:
    assert tool.read_operators(f"=== Run Order ===\n{head}", "model") == []


def test_a_number_with_two_points_is_none() -> None:
    assert tool.read_footprint(GPU.replace("overall=8", "overall=8.1.2")) is None


def test_loop_pins_and_names_its_files_safely() -> None:
    script = compose_loop(PAIR)[2]
    assert "taskset 2 ./benchmark_model --graph=a" in script
    assert "[ $count -lt 2 ]" in script


def test_without_processors_the_affinity_is_the_mask_of_the_shell() -> None:
    anywhere = PassRequest(kind="timed", models=PAIR.models, settings=MeasureSettings(runs=2))
    timed = read_loop(_loop(), anywhere, UNREAD, UNREAD)
    assert timed is not None
    assert timed.affinity == (0, 1)


def test_a_graph_that_a_delegate_runs_whole_is_one_partition() -> None:
    said = GPU.replace(
        "partially executed by the delegate w/ 2 delegate kernels", "completely executed by the delegate"
    )
    delegation = tool.read_delegation(said, "gpu")
    assert delegation is not None
    assert delegation.partitions == 1
