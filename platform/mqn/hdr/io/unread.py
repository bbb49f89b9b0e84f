"""Knows picture kinds that are not read, so that a folder with some of them is reported."""

from __future__ import annotations

from pathlib import PurePath

from mqn.hdr.io.files import HDR_SUFFIXES, LDR_SUFFIXES

_RAW = (
    ".3fr", ".cr3", ".crw", ".dcr", ".erf", ".fff", ".gpr", ".iiq", ".kdc", ".mef", ".mos", ".mrw", ".nrw", ".orf",
    ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f",
)  # fmt: skip
_OTHERS = (
    ".avif", ".cin", ".dpx", ".exrz", ".flif", ".gif", ".hdp", ".hif", ".j2k", ".jp2", ".jpe", ".jpx", ".jxl", ".jxr",
    ".logluv", ".mpo", ".pbm", ".pgm", ".pic", ".pnm", ".ppm", ".psb", ".psd", ".rad", ".rgbe", ".sxr", ".tga", ".wdp",
    ".xcf", ".xyze",
)  # fmt: skip


def is_unread(name: str) -> bool:
    """Whether a file is a picture by its suffix, of a kind that is read neither as HDR nor as LDR."""
    suffix = PurePath(name).suffix.lower()
    return suffix in (*_RAW, *_OTHERS) and suffix not in (*HDR_SUFFIXES, *LDR_SUFFIXES)
