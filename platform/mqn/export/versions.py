"""The packages that take part in an export, for manifests: another version may well give another file."""

from __future__ import annotations

from importlib.metadata import version

_PACKAGES = {
    "convert": ("torch", "tensorflow", "tf_keras", "ai-edge-litert", "numpy"),
    "quantize": ("ai-edge-quantizer", "ai-edge-litert", "numpy"),
}


def versions(step: str) -> dict[str, str]:
    """Package to version, of those that a step uses; imports none of them.

    Args:
        step: `convert` or `quantize`.
    """
    return {package: version(package) for package in _PACKAGES[step]}
