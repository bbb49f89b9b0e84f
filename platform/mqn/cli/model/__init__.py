"""Commands on one network or model."""
