"""ColorVideoVDP, from its authors' own package: an optional extra.

R. K. Mantiuk, P. Hanji, M. Ashraf, Y. Asano and A. Chapiro, "ColorVideoVDP: A visual difference predictor for image,
video and display distortions", ACM Transactions on Graphics 43(4), 2024. The extra `cvvdp` installs it. It needs
torchvision, whose wheel breaks beside a torch of another build; so it is never imported before it is asked for.
"""

from __future__ import annotations

import functools
import importlib
from typing import Any

import numpy as np

from mqn.distribution import install_command
from mqn.errors import MissingLibraryError
from mqn.metrics.fidelity import require_pictures

DISPLAY = "standard_hdr_linear"
"""The package's name for: 30 inches, 3840 x 2160, 1500 cd/m2, 10 lux of ambient light, seen from two display heights
(75.4 pixels per degree), pictures linear BT.709 in cd/m2. Light above 1500 cd/m2 is clipped, as that display would."""

ADVICE = (
    "ColorVideoVDP is optional: leave out the measure 'cvvdp', or install it ({command}) and a torchvision built for "
    "this torch (beside a CPU torch: pip install torchvision --index-url https://download.pytorch.org/whl/cpu)"
)


def quality(test: np.ndarray, reference: np.ndarray) -> float:
    """ColorVideoVDP's quality of a still picture, in JOD (just objectionable differences).

    Equal pictures have 10. One less means that 75 % of people see which picture is worse. The metric adapts to the
    picture, so that it hardly sees a wrong exposure of the whole. Both are (H, W, 3) linear BT.709, cd/m2.

    Raises:
        MissingLibraryError: the package or its torchvision is missing or broken; says how to mend it.
        ValueError: the shapes differ.
    """
    require_pictures(test, reference)
    jod, _ = _metric().predict(test.astype(np.float32), reference.astype(np.float32), dim_order="HWC")
    return float(jod)


def require() -> None:
    """Make sure that `quality` can run, before much else is done; raises `MissingLibraryError` as it does."""
    _metric()


@functools.cache
def _metric() -> Any:
    try:
        package = importlib.import_module("pycvvdp")
    # What a missing library raises, and what torchvision raises beside another build of torch: RuntimeError at its
    # first import (operator torchvision::nms does not exist), AttributeError later, OSError for a library it links to.
    except (ImportError, RuntimeError, AttributeError, OSError) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise MissingLibraryError(
            f"ColorVideoVDP cannot be loaded ({said}); {ADVICE.format(command=install_command('cvvdp'))}"
        ) from error
    import torch

    # Left to itself it takes a GPU where there is one: other figures, and a share of its memory for each worker.
    return package.cvvdp(display_name=DISPLAY, quiet=True, device=torch.device("cpu"))
