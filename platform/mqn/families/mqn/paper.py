"""The paper's ablation figures (Tables 1 and 2) as published, and what it did otherwise than a candidate's defaults."""

from __future__ import annotations

from mqn.families.paper import Figure, Paper, PaperRow, PaperTable

_LAMBDAS = ("training.lambda_l1", "training.lambda_l2", "training.lambda_cosine", "training.lambda_features")


def _attention(label: str, kind: str, latency: Figure, psnr: Figure, ssim: Figure) -> PaperRow:
    figures = {"latency_ms.backbone": latency, "psnr_tm": psnr, "ssim_tm": ssim}
    return PaperRow(label=label, values={"arch.attention": kind}, figures=figures)


def _losses(label: str, used: str, psnr: Figure, ssim: Figure) -> PaperRow:
    """A row whose losses are marked by four digits, 1 for used: L1, L2, CS, FR."""
    values = {key: digit == "1" for key, digit in zip(_LAMBDAS, used, strict=True)}
    return PaperRow(label=label, values=values, figures={"psnr_tm": psnr, "ssim_tm": ssim})


def _plan(backbone: str, head: str, first: Figure, second: Figure, psnr: Figure, ssim: Figure) -> PaperRow:
    short = {"static_wi8_ai8": "int8", "dynamic_wi8_afp32": "dynamic", "float32": "float32"}
    return PaperRow(
        label=f"{short[backbone]} + {short[head]}",
        values={"plan.backbone": backbone, "plan.head": head},
        figures={"latency_ms.backbone": first, "latency_ms.head": second, "psnr_tm": psnr, "ssim_tm": ssim},
    )


_TABLES = {
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
        switches=frozenset(_LAMBDAS),
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

PAPER = Paper(
    tables=_TABLES,
    settings={
        "training.codec": (("linear",), "linear"),
        "training.precision": (("float32",), "float32"),
        "training.epochs": ((600, 610), "about 610 in the authors' code"),
        "training.frozen_epochs": ((), "the encoder is frozen at first"),
        "plan.layout": (("pair",), "pair"),
        "plan.calibration": (("minmax",), "not stated"),
        "plan.calibration_pictures": ((16,), "not stated"),
        "plan.qat_steps": ((200,), "no fine-tuning"),
    },
    pictures="3580 and 188 photographs of four public data sets",
    notes=(
        "Absolute decibels cannot be compared: the paper tone-maps with operators drawn at random, unseeded, after "
        "normalising each picture by its own extremes, on pictures of its own. Compare orderings and gaps.",
        "The paper's ± is over pictures, ours over seeds. Its latencies are of a phone (Exynos 990), ours of our "
        "device.",
    ),
)
"""Figures by our names (`mqn.quantities`)."""
