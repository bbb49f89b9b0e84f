"""Jobs and leases of one device: who has it, what waits, what came of it."""
