"""Whether the bytes of a TFLite file can be unpacked without filling the memory."""

from __future__ import annotations

from ai_edge_litert import schema_py_generated as schema

from mqn.errors import ModelFileError

_BYTES_BEYOND = 1 << 20


def require_plausible(content: bytes, source: str) -> None:
    """Make sure that a file does not say the same bytes over and over: unpacked, it would fill the memory.

    In a flatbuffer several tables may point at one place. No writer of models makes use of it for more than a few.

    Raises:
        ValueError: it does.
        ModelFileError: it has another number of subgraphs than one.
        Exception: it is no TFLite file.
    """
    model = schema.Model.GetRootAs(content, 0)
    budget = 4 * len(content) + _BYTES_BEYOND

    def spend(count: int) -> None:
        nonlocal budget
        budget -= count
        if budget < 0:
            raise ValueError("more than the file holds")

    for length in (model.SubgraphsLength(), model.BuffersLength(), model.OperatorCodesLength(), model.MetadataLength()):
        spend(4 * length)
    spend(4 * model.SignatureDefsLength())
    if model.SubgraphsLength() != 1:
        raise ModelFileError(f"{source} has {model.SubgraphsLength()} subgraphs, not one; export it again")
    for index in range(model.BuffersLength()):
        spend(model.Buffers(index).DataLength())
    for index in range(model.SubgraphsLength()):
        graph = model.Subgraphs(index)
        spend(4 * (graph.TensorsLength() + graph.OperatorsLength() + graph.InputsLength() + graph.OutputsLength()))
        for number in range(graph.TensorsLength()):
            tensor = graph.Tensors(number)
            scales = tensor.Quantization()
            spend(4 * tensor.ShapeLength() + 4 * tensor.ShapeSignatureLength() + len(tensor.Name() or b""))
            if scales is not None:
                spend(4 * (scales.ScaleLength() + scales.MinLength() + scales.MaxLength()))
                spend(8 * scales.ZeroPointLength())
        for number in range(graph.OperatorsLength()):
            operator = graph.Operators(number)
            spend(4 * (operator.InputsLength() + operator.OutputsLength() + operator.IntermediatesLength()))
            spend(operator.CustomOptionsLength() + operator.MutatingVariableInputsLength())
