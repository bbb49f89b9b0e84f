"""What networks see, in float and quantized: the paper's Figures 3 and 5."""
