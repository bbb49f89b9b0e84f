from __future__ import annotations

from ai_edge_litert.interpreter import Interpreter, OpResolverType
from tests.support.tflite_models import islands

from mqn.device.bench.delegation import inspect, trace
from mqn.records import Delegation


def node(name: str, inputs: list[int], outputs: list[int]) -> dict[str, object]:
    return {"op_name": name, "inputs": inputs, "outputs": outputs}


def test_nothing_is_delegated_without_a_delegate() -> None:
    nodes = [node("CONV_2D", [0, 1], [2]), node("ADD", [2, 0], [3])]
    assert trace(nodes, "none") == Delegation(
        delegate="none", partitions=0, nodes=2, delegated=0, outside={"ADD": 1, "CONV_2D": 1}
    )


def test_what_lies_between_a_delegates_borders_is_its_own() -> None:
    # 0 -> SPLIT -> 1, 2; ADD(1, 2) -> 3; CAST(3) -> 4; the delegate took SPLIT and ADD.
    nodes = [
        node("SPLIT", [0], [1, 2]),
        node("ADD", [1, 2], [3]),
        node("CAST", [3], [4]),
        node("DELEGATE", [0], [3]),
    ]
    found = trace(nodes, "xnnpack")
    assert (found.partitions, found.nodes, found.delegated, found.outside) == (1, 3, 2, {"CAST": 1})


def test_a_partition_ends_where_another_begins() -> None:
    nodes = [
        node("ADD", [0, 0], [1]),
        node("CAST", [1], [2]),
        node("ADD", [2, 1], [3]),
        node("DELEGATE", [0], [1]),
        node("DELEGATE", [2, 1], [3]),
    ]
    found = trace(nodes, "xnnpack")
    assert (found.partitions, found.delegated, found.outside) == (2, 2, {"CAST": 1})


def test_xnnpack_takes_convolutions_and_leaves_casts() -> None:
    interpreter = Interpreter(model_content=islands(8, 3, layers=2), num_threads=1)
    interpreter.allocate_tensors()
    assert inspect(interpreter, "xnnpack") == Delegation(
        delegate="xnnpack", partitions=2, nodes=6, delegated=4, outside={"CAST": 2}
    )


def test_an_interpreter_without_delegates_tells_so() -> None:
    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(model_content=islands(8, 3), experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    found = inspect(interpreter, "none")
    assert (found.partitions, found.delegated, found.nodes) == (0, 0, 6)


def test_a_runtime_that_cannot_tell_is_not_guessed_at() -> None:
    assert inspect(object(), "xnnpack") is None
