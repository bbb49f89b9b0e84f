"""What the command line repeats of its rooms is what the rooms say."""

from __future__ import annotations

from mqn.cli.convert import DEFAULT_TILE, PRIMARIES
from mqn.export.picture import TILE
from mqn.hdr.primaries import PRIMARIES as KNOWN


def test_the_command_repeats_the_rooms_defaults() -> None:
    assert DEFAULT_TILE == TILE
    assert set(PRIMARIES) <= set(KNOWN)
