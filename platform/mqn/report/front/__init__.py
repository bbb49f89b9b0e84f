"""Which trials no other beats, how certain that is, and how to pick one."""
