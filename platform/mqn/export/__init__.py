"""From a trained network of any family to TFLite files: twin, conversion, quantization, lowering, tuning, choice."""
