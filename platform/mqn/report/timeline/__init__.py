"""Where a study's time went: its jobs by worker and device, and what the trainers waited for."""
