"""A dataset as one network sees it: the pictures that calibrate it, fine-tune it and judge it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from mqn.records import Codec, Plan, Training
from mqn.search.stages.keys import camera_inputs, require_seen
from mqn.search.work.data_place import DataPlace

if TYPE_CHECKING:
    import numpy as np

    from mqn.data.dataset import Dataset
    from mqn.data.pairs.evaluation import SyntheticInputs

_COMPARED_PICTURES = 4
"""Even where no side is static, the quantized network is compared with the float one on a few pictures."""

_TUNING_PICTURES, _TUNING_SEED = 256, 1
"""Fine-tuning sees other crops than calibration, whose seed is 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataView:
    """A dataset, the size of a network's input, and how the network was trained. It travels to worker processes.

    Attributes:
        data: the dataset.
        size: S, side of the network's square input in pixels.
        training: tells which inputs the network knows, and how its output stands for linear light.
    """

    data: DataPlace
    size: int
    training: Training

    @classmethod
    def of(cls, dataset: Dataset, size: int, training: Training) -> Self:
        """The view that a network with inputs of `size` has of a dataset."""
        return cls(data=DataPlace.of(dataset), size=size, training=training)

    @property
    def codec(self) -> Codec:
        """How the network's output stands for linear light."""
        return self.training.codec

    @property
    def key(self) -> dict[str, Any]:
        """What of the virtual camera has an effect; see `camera_inputs`."""
        return camera_inputs(self.training)

    @property
    def judged_on(self) -> SyntheticInputs:
        """The kind of inputs that the network is judged on: the kind that it was mostly trained on."""
        from mqn.data.pairs.evaluation import inputs_of

        return inputs_of(self.training.virtual_camera)

    @property
    def hash(self) -> str:
        """Of the dataset's content."""
        return self.data.hash

    def open(self) -> Dataset:
        """The dataset; a `NetworkError` if this machine does not see it."""
        return self.data.open()

    def calibration(self, plan: Plan) -> np.ndarray:
        """Training pictures that fix the ranges of a plan, (N, S, S, 3) float32 in [0, 1]."""
        return self._inputs(plan.calibration_pictures if plan.static else _COMPARED_PICTURES, seed=0)

    def tuning(self) -> np.ndarray:
        """Training pictures that pruning and fine-tuning learn on, (N, S, S, 3) uint8."""
        import numpy as np

        return np.rint(self._inputs(_TUNING_PICTURES, seed=_TUNING_SEED) * 255).astype(np.uint8)

    def _inputs(self, count: int, *, seed: int) -> np.ndarray:
        from mqn.data.pairs.calibration import calibration_inputs
        from mqn.data.pairs.response import curves_of

        if self.training.virtual_camera:
            require_seen(self.training.response_curves)
        camera, curves = self.training.virtual_camera, curves_of(self.training.response_curves)
        return calibration_inputs(self.open(), self.size, count, seed, virtual_camera=camera, curves=curves)
