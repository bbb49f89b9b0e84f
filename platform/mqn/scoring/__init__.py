"""Scoring: judges any method on a fixed set of pictures, in parallel; a scoring that was ended goes on."""
