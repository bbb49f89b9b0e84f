"""DeepHDR."""
