"""TFLite files as graphs that can be read, cut, resized and written: no interpreter, no TensorFlow."""
