"""Confirms a front: its members are trained again with further seeds, as trials of the same study."""
