"""LDR and HDR pairs: drawn to train on, fixed to judge by."""
