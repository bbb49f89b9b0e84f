"""Tells people and programs what has become of a study: its end, a stall, failures, new members of its front."""
