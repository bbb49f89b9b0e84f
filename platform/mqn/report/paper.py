"""The paper's ablation figures (Tables 1 and 2) as published, and which candidates belong to which row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mqn.records import Candidate

Ablation = Literal["attention", "losses", "quantization"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean and its standard deviation.

    Attributes:
        mean: over pictures in the paper, over seeds in ours.
        std: over the same; None where there is only one.
        seeds: how many; None in the paper.
    """

    mean: float
    std: float | None
    seeds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperRow:
    """A row of a table of the paper.

    Attributes:
        label: as the paper prints it.
        values: what marks a candidate of this row, by dotted key; of loss weights, whether they are above 0.
        figures: by our names (`mqn.quantities`).
    """

    label: str
    values: Mapping[str, Any]
    figures: Mapping[str, Figure]

    def holds(self, candidate: Candidate) -> bool:
        """Whether a candidate belongs to this row."""
        flat = candidate.flat()
        return all((flat[key] > 0 if key in LAMBDAS else flat[key]) == value for key, value in self.values.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperTable:
    """A table of the paper.

    Attributes:
        title: which one.
        metrics: its columns, by our names.
        reference: label of the row that gaps are told against.
        rows: its rows, in order.
    """

    title: str
    metrics: tuple[str, ...]
    reference: str
    rows: tuple[PaperRow, ...]

    @property
    def varied(self) -> frozenset[str]:
        """Dotted keys that distinguish the rows."""
        return frozenset(key for row in self.rows for key in row.values)


LAMBDAS = ("training.lambda_l1", "training.lambda_l2", "training.lambda_cosine", "training.lambda_features")


def _attention(label: str, kind: str, latency: Figure, psnr: Figure, ssim: Figure) -> PaperRow:
    figures = {"latency_ms.backbone": latency, "psnr_tm": psnr, "ssim_tm": ssim}
    return PaperRow(label=label, values={"arch.attention": kind}, figures=figures)


def _losses(label: str, used: str, psnr: Figure, ssim: Figure) -> PaperRow:
    """A row whose losses are marked by four digits, 1 for used: L1, L2, CS, FR."""
    values = {key: digit == "1" for key, digit in zip(LAMBDAS, used, strict=True)}
    return PaperRow(label=label, values=values, figures={"psnr_tm": psnr, "ssim_tm": ssim})


def _plan(backbone: str, head: str, first: Figure, second: Figure, psnr: Figure, ssim: Figure) -> PaperRow:
    short = {"static_wi8_ai8": "int8", "dynamic_wi8_afp32": "dynamic", "float32": "float32"}
    return PaperRow(
        label=f"{short[backbone]} + {short[head]}",
        values={"plan.backbone": backbone, "plan.head": head},
        figures={"latency_ms.backbone": first, "latency_ms.head": second, "psnr_tm": psnr, "ssim_tm": ssim},
    )


TABLES: dict[Ablation, PaperTable] = {
    "attention": PaperTable(
        title="Attention mechanisms (the paper's Table 1, left)",
        metrics=("latency_ms.backbone", "psnr_tm", "ssim_tm"),
        reference="None",
        rows=(
            _attention("None", "none", Figure(11.55, 0.27), Figure(20.76, 3.21), Figure(0.8440, 0.0741)),
            _attention("SA", "sa", Figure(11.68, 0.49), Figure(21.12, 3.03), Figure(0.8333, 0.0800)),
            _attention("CSA", "csa", Figure(12.17, 0.25), Figure(20.75, 3.06), Figure(0.8559, 0.0597)),
            _attention("CA", "ca", Figure(12.40, 0.32), Figure(21.25, 3.11), Figure(0.8782, 0.0520)),
        ),
    ),
    "losses": PaperTable(
        title="Loss functions (the paper's Table 1, right)",
        metrics=("psnr_tm", "ssim_tm"),
        reference="(i) L1",
        rows=(
            _losses("(i) L1", "1000", Figure(20.00, 3.10), Figure(0.8295, 0.0646)),
            _losses("(ii) L1, L2", "1100", Figure(19.96, 3.05), Figure(0.8281, 0.0656)),
            _losses("(iii) L1, L2, CS", "1110", Figure(20.22, 3.02), Figure(0.8268, 0.0625)),
            _losses("(iv) L1, L2, CS, FR", "1111", Figure(21.25, 3.11), Figure(0.8782, 0.0520)),
            _losses("(v) L1, FR", "1001", Figure(21.19, 2.85), Figure(0.8261, 0.0832)),
            _losses("(vi) L2, FR", "0101", Figure(21.53, 2.92), Figure(0.8343, 0.0675)),
            _losses("(vii) L1, L2, FR", "1101", Figure(21.54, 2.85), Figure(0.8538, 0.0597)),
        ),
    ),
    "quantization": PaperTable(
        title="Quantization schemes (the paper's Table 2)",
        metrics=("latency_ms.backbone", "latency_ms.head", "psnr_tm", "ssim_tm"),
        reference="float32 + float32",
        rows=(
            _plan(
                "static_wi8_ai8", "dynamic_wi8_afp32",
                Figure(11.52, 0.82), Figure(9.63, 0.12), Figure(21.25, 3.11), Figure(0.8782, 0.05),
            ),
            _plan(
                "static_wi8_ai8", "float32",
                Figure(11.52, 0.82), Figure(20.95, 0.99), Figure(21.34, 3.08), Figure(0.8793, 0.05),
            ),
            _plan(
                "float32", "float32",
                Figure(21.13, 0.42), Figure(20.95, 0.99), Figure(21.58, 3.14), Figure(0.8727, 0.05),
            ),
        ),
    ),
}  # fmt: skip
"""The tables by the name of `mqn ablate`."""
