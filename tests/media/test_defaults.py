"""What the command line repeats of its rooms is what the rooms say."""

from __future__ import annotations

from mqn.cli.model.convert import DEFAULT_TILE, PRIMARIES
from mqn.hdr.primaries import PRIMARIES as KNOWN
from mqn.infer.picture import TILE


def test_the_command_repeats_the_rooms_defaults() -> None:
    assert DEFAULT_TILE == TILE
    assert set(PRIMARIES) <= set(KNOWN)
