"""Commands on devices."""
