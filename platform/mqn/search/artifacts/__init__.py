"""Artifacts: what stages made, kept under the hash of what went in, and found by every process of a study."""

from mqn.search.artifacts.arguments import resolve
from mqn.search.artifacts.artifact import GATE, MANIFEST, Artifact, ArtifactFile, Key, stage_of
from mqn.search.artifacts.contract import Entry, Slot
from mqn.search.artifacts.store import ArtifactStore

__all__ = [
    "GATE",
    "MANIFEST",
    "Artifact",
    "ArtifactFile",
    "ArtifactStore",
    "Entry",
    "Key",
    "Slot",
    "resolve",
    "stage_of",
]
