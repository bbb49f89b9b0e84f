"""From torch network to float TFLite file: the Keras twin, the converter, and proof that they agree."""
