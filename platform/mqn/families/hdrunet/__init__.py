"""HDRUNet."""
