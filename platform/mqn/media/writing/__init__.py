"""Video out: HEVC, HDR10, OpenEXR sequences, sound."""
