"""HDR-VDP-2.2: the quality correlate Q, on the CPU or on a GPU, in little memory.

R. Mantiuk, K. J. Kim, A. G. Rempel and W. Heidrich, "HDR-VDP-2: A calibrated visual metric for visibility and quality
predictions in all luminance conditions", SIGGRAPH 2011; M. Narwaria, R. Mantiuk, M. P. Da Silva and P. Le Callet,
"HDR-VDP-2.2: a calibrated method for objective quality prediction of high-dynamic range and standard images", Journal
of Electronic Imaging 24(1), 2015. Written anew; the figures are those of release 2.2.1 (equal to 2.2.2's) with its
standard settings. The eye's optics, its receptors, a steerable pyramid, contrast masking in each band, pooling: a file
each.
"""

from mqn.metrics.hdrvdp.correlate import quality, visible_differences
from mqn.metrics.hdrvdp.scaling import prepare_p3

__all__ = ["prepare_p3", "quality", "visible_differences"]
