"""Fair shares between the studies that run on one Ray cluster."""
