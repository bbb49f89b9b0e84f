"""The tables of a runner profile, one file each."""
