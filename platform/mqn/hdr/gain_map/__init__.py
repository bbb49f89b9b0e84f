"""Gain maps of Ultra HDR files: arithmetic, metadata, and the parts of the file."""
