from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from mqn.data.pairs.evaluation import EvaluationPicture
from mqn.hdr.transfer import srgb_decode
from mqn.scoring.strip import write_strip


def test_what_the_input_shows_is_as_bright_in_prediction_and_truth(tmp_path: Path) -> None:
    ldr = np.full((8, 8, 3), 0.5, np.float32)
    ldr[:2] = 1.0  # Clipped: there the truth is four times as bright as white.
    truth = (srgb_decode(ldr) / 4).astype(np.float32)
    truth[:2] = 1.0
    picture = EvaluationPicture(name="one", source="one", ldr=ldr, truth=truth, operator="camera")
    write_strip(tmp_path / "strip.png", lambda _: truth / 2, [picture])
    shown = np.asarray(Image.open(tmp_path / "strip.png"), np.int16)
    assert shown.shape == (8, 24, 3)
    given, predicted, wanted = (shown[4:, left : left + 8].mean() for left in (0, 8, 16))
    assert abs(wanted - given) <= 1
    assert predicted < given - 30  # Half the light is seen as such.
    assert shown[0, 20, 0] > shown[0, 12, 0] > wanted  # And so is what is brighter than white.
