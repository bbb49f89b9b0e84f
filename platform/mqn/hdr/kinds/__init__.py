"""Kinds of picture files: for each, what its header says, and its bytes to numbers."""
