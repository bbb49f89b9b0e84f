"""Which layers mind being quantized: one at a time, against the float network, on pictures with a known truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mqn.data.pairs.evaluation import EvaluationPicture
from mqn.errors import PlanError
from mqn.export.lower.lowering import lower
from mqn.export.quantize.parity import dequantize
from mqn.export.quantize.quantization import apply_plan
from mqn.export.quantize.rules import assign, layer_name
from mqn.export.quantize.schemes import WEIGHTED
from mqn.hdr.codec import decode, in_scale
from mqn.infer.interpreter import open_interpreter, run
from mqn.metrics.protocol import score
from mqn.records import LayerSensitivity, Plan, Sensitivity
from mqn.tflite.cutting import INPUT, INTERFACE, OUTPUT, cut_tensor, expose
from mqn.tflite.flatbuffer import Network


def measure_sensitivity(
    float_model: Path,
    plan: Plan,
    calibration: np.ndarray,
    pictures: Sequence[EvaluationPicture],
    codec: str,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Sensitivity:
    """Quantize one layer after the other as a plan would, all others in float.

    Args:
        float_model: what `convert` wrote.
        plan: says which scheme each layer has.
        calibration: as in `quantize`.
        pictures: to judge upon, of the file's input size; at least one.
        codec: how the output stands for linear light.
        progress: told before each layer how many are done, and how many there are.

    Raises:
        PlanError: the plan cannot be carried out, quantizes no layer, or is about other weights than the trained ones.
        ModelFileError: the float file is missing or damaged.
    """
    if plan.tuned:
        raise PlanError(
            f"the plan {plan.label} is about fine-tuned weights, and sensitivity is that of the trained ones; take "
            "method ptq and no sparsity"
        )
    network, tensor = Network.read(float_model), cut_tensor(float_model, plan.cut)
    judge = _Judge(network, tensor, pictures, codec)
    layers = quantized_layers(network, tensor, plan)
    if not layers:
        raise PlanError(f"the plan {plan.label} leaves every layer in float; give another scheme")
    # First, because its calibration sees every tensor that those of single layers ask for.
    whole = judge.judge(_fused(network, tensor, plan, calibration))[0]
    found = []
    for done, (layer, kind, scheme) in enumerate(layers):
        if progress is not None:
            progress(done, len(layers))
        alone = replace(plan, backbone="float32", head="float32", rules=f"{layer}={scheme}")
        psnr_tm, squares, features = judge.judge(_fused(network, tensor, alone, calibration))
        found.append(
            LayerSensitivity(
                layer=layer,
                kind=kind,
                scheme=scheme,
                psnr_tm_drop=judge.psnr_tm - psnr_tm,
                output_psnr=float(-10 * np.log10(squares)) if squares else None,
                interface_error=features,
            )
        )
    return Sensitivity(
        plan=plan.label,
        pictures=len(pictures),
        psnr_tm_float=judge.psnr_tm,
        psnr_tm_plan=whole,
        layers=tuple(sorted(found, key=lambda one: -one.psnr_tm_drop)),
    )


def quantized_layers(network: Network, tensor: str, plan: Plan) -> list[tuple[str, str, str]]:
    """Name, kind and scheme of every layer with weights that a plan quantizes, from the front to the back."""
    schemes = assign(network, tensor, plan)
    return [
        (layer_name(network, operator), network.kind(operator), scheme)
        for operator, scheme in zip(network.operators, schemes, strict=True)
        if network.kind(operator) in WEIGHTED and scheme != "float32"
    ]


def _fused(network: Network, tensor: str, plan: Plan, calibration: np.ndarray) -> Network:
    """As one file, whatever the plan's layout: the numbers are the same."""
    ((quantized,), _, _) = apply_plan(network, tensor, replace(plan, layout="fused"), calibration)
    lower(quantized)
    return quantized


class _Judge:
    """Compares networks with the float one, whose outputs and features are kept."""

    def __init__(self, network: Network, tensor: str, pictures: Sequence[EvaluationPicture], codec: str) -> None:
        self._tensor = tensor
        self._pictures = pictures
        self._codec = codec
        self._expected: list[tuple[np.ndarray, np.ndarray]] = []
        self._expected = self._outputs(network)
        self.psnr_tm = self._psnr_tm([output for output, _ in self._expected])

    def judge(self, network: Network) -> tuple[float, float, float]:
        """PSNR-TM, mean squared difference of outputs, relative rms difference of features."""
        found = self._outputs(network)
        pairs = list(zip(found, self._expected, strict=True))
        squares = np.mean([np.square(one[0] - other[0], dtype=np.float64).mean() for one, other in pairs])
        difference = np.sum([np.square(one[1] - other[1], dtype=np.float64).sum() for one, other in pairs])
        energy = np.sum([np.square(other[1], dtype=np.float64).sum() for _, other in pairs])
        features = float(np.sqrt(difference / energy)) if energy else 0.0
        return self._psnr_tm([output for output, _ in found]), float(squares), features

    def _outputs(self, network: Network) -> list[tuple[np.ndarray, np.ndarray]]:
        interpreter = open_interpreter(expose(network, {INTERFACE: self._tensor}).to_bytes())
        results = []
        for picture in self._pictures:
            values = run(interpreter, {INPUT: picture.ldr[None]})
            results.append((values[OUTPUT][0], dequantize(values[INTERFACE], network, self._tensor)))
        return results

    def _psnr_tm(self, outputs: Sequence[np.ndarray]) -> float:
        given = iter(outputs)

        def predict(ldr: np.ndarray) -> np.ndarray:
            return in_scale(decode(next(given), self._codec, ldr), self._codec)

        return score(predict, self._pictures, metrics=["psnr_tm"]).scores["psnr_tm"].mean
