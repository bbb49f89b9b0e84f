"""FHDR."""
