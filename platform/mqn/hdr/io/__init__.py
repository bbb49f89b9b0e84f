"""Picture files in and out, LDR and HDR, checked."""
