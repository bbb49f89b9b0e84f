"""From a trained torch network to TFLite files: twin, conversion, cutting, quantization, parity, inference."""
