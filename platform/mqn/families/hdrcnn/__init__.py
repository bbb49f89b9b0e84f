"""HDRCNN."""
