"""Methods beside each other on a few pictures, with crops of what the input has lost: the paper's Figure 6."""
