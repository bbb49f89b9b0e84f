"""The manifest beside every artifact, and the artifact's key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mqn.parsing import content_hash, to_plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What an artifact was made from, and what it holds.

    Attributes:
        stage: what made it: `train`, `convert`, `quantize`, `score`, `measure`.
        key: hash of the stage's inputs; the same inputs are never worked through twice.
        inputs: what went in: names to hashes or plain values.
        files: what came out: file name to SHA-256.
        versions: of the packages that took part.
        seconds: wall time.
        details: what the stage wants known (codec, calibration set, parity, ...).
        sizes: file name to bytes; empty in artifacts of before this was noted.
    """

    stage: str
    key: str
    inputs: dict[str, Any]
    files: dict[str, str]
    versions: dict[str, str]
    seconds: float
    details: dict[str, Any] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)


def stage_key(stage: str, inputs: Mapping[str, Any]) -> str:
    """The name of an artifact: a hash of its stage and of everything that goes in."""
    return content_hash({"stage": stage, "inputs": to_plain(inputs)})
