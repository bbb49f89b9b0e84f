"""Image-adaptive 3D look-up tables."""
