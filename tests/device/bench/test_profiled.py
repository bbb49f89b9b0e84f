from __future__ import annotations

import pytest
from tests.support.tflite_models import convolutions, islands, loop

pytestmark = pytest.mark.integration  # Models run in processes of their own.


def test_every_operator_is_told_where_it_ran(run_pass) -> None:
    found = run_pass("profile", islands(16, 4, layers=2)).profile
    assert found.runs == 5
    assert [op.index for op in found.ops] == [0, 1, 2, 3, 4, 5]
    assert [op.delegated for op in found.ops] == [True, True, False, False, True, True]
    assert [op.kind for op in found.ops[2:4]] == ["CAST", "CAST"]
    assert all("Convolution" in op.kind for op in found.ops if op.delegated)


def test_operators_add_up_to_no_more_than_the_whole(run_pass) -> None:
    found = run_pass("profile", convolutions(64, 16, layers=4)).profile
    # The runtime notes whole microseconds, so that each of them may be 1 too many.
    assert 0 < sum(op.mean_ms for op in found.ops) <= found.profiled_ms + 0.001 * len(found.ops)


def test_without_a_delegate_operators_go_by_their_own_names(run_pass) -> None:
    found = run_pass("profile", islands(16, 4, layers=1), delegate="none").profile
    assert [op.kind for op in found.ops] == ["CONV_2D", "CAST", "CAST", "CONV_2D"]
    assert not any(op.delegated for op in found.ops)


@pytest.mark.parametrize("delegate", ["xnnpack", "none"])
def test_what_a_loop_runs_counts_once(run_pass, delegate: str) -> None:
    found = run_pass("profile", loop(16, 4, times=3), delegate=delegate).profile
    assert [op.kind == "WHILE" for op in found.ops] == [False, True]


def test_a_pairs_operators_keep_their_part(run_pass) -> None:
    found = run_pass("profile", (convolutions(8, 3, layers=2), convolutions(8, 4))).profile
    assert [(op.part, op.index) for op in found.ops] == [("backbone", 0), ("backbone", 1), ("head", 0)]


@pytest.mark.parametrize("dtype", ["int8", "bool"])
def test_inputs_of_other_kinds_are_made_up_too(run_pass, dtype: str) -> None:
    assert run_pass("profile", convolutions(8, 3, dtype=dtype)).failure is None


def test_inputs_that_cannot_be_made_up_are_rejected(run_pass) -> None:
    assert run_pass("profile", convolutions(8, 3, dtype="complex64")).failure.verdict == "rejected"
