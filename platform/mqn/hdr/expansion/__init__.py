"""Classical inverse tone-mapping operators: one LDR picture to HDR by formulas, nothing learned.

The yardsticks between doing nothing and a network, rewritten from their papers. Each maps display-referred sRGB code
values in [0, 1], (H, W, 3), to linear light, (H, W, 3) float32, finite and not negative, where 1.0 is meant for the
scene's 99.9 % point: each operator's docstring says what of its own scale that is.

| name | published in | global or local |
| --- | --- | --- |
| `landis` | Landis 2002, "Production-ready global illumination" | global |
| `banterle` | Banterle et al. 2006, "Inverse tone mapping" | local: where lights are |
| `rempel` | Rempel et al. 2007, "LDR2HDR" | local: around clipped pixels |
| `akyuz` | Akyuz et al. 2007, "Do HDR displays support LDR content?" | global |
| `masia2009` | Masia et al. 2009, "Evaluation of reverse tone mapping through varying exposure conditions" | global |
| `huo` | Huo et al. 2014, "Physiological inverse tone mapping based on retina response" | local adaptation |
| `masia2017` | Masia et al. 2017, "Dynamic range expansion based on image statistics" | global |

What holds for all of them, where the papers differ or say nothing: code values are linearised by the sRGB curve, for
which papers take a gamma of 2.2 or the camera's response; operators work on BT.709 luminance, and colour is kept by
scaling red, green and blue alike. No noise filter runs before them: papers that want one give no parameters for it.
Constants that a paper leaves out are those of the HDR Toolbox (Banterle et al. 2017, "Advanced high dynamic range
imaging"), and are said to be.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mqn.hdr.expansion import banterle, curves, huo, rempel

EXPANSIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "landis": curves.landis,
    "banterle": banterle.expand,
    "rempel": rempel.expand,
    "akyuz": curves.akyuz,
    "masia2009": curves.masia2009,
    "huo": huo.expand,
    "masia2017": curves.masia2017,
}
"""By name, in the order of their years."""
