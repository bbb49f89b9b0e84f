"""A driver seen from outside: what it does now, in the database, as metrics and as spans; and what its jobs printed."""
