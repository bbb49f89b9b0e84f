"""Pixels: picture files, transfer functions, tone-mapping operators, codecs and procedural scenes."""
