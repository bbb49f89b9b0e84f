"""Running exported files: interpreter, tiles, whole pictures. No torch, no TensorFlow."""
