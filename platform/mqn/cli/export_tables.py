"""Tables of `mqn export`: what files really are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mqn.cli import output

if TYPE_CHECKING:
    from mqn.export.audit import Audit


def print_audits(audits: Sequence[Audit]) -> None:
    """Print one block a file."""
    for audit in audits:
        output.table(
            ["operator", "input", "weights", "output", "count", "in the delegate"],
            [
                [kind.kind, kind.inputs, kind.weights, kind.outputs, f"{kind.count}", f"{kind.delegated}"]
                for kind in audit.kinds
            ],
            title=f"{audit.file}: {audit.size_bytes:,} bytes",
        )
        output.line(
            f"XNNPACK takes {audit.delegated} of {audit.operators} operators in "
            f"{audit.partitions} partition{'' if audit.partitions == 1 else 's'}; left outside: {_outside(audit)}"
        )
        output.line(
            f"conversions: {audit.quantize} from float to integers, {audit.dequantize} back, "
            f"{audit.requantize} from integers to integers of another scale"
        )
        stored = ", ".join(f"{kind} {count:,}" for kind, count in audit.bytes_by_kind.items())
        output.line(f"bytes: {stored}")


def _outside(audit: Audit) -> str:
    counted = Counter(operator.kind for operator in audit.outside)
    return ", ".join(f"{count} {kind}" for kind, count in counted.most_common()) or "none"
