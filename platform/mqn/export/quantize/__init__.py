"""From a float file and a plan to the quantized files."""
