"""LHDR."""
