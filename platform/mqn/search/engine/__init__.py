"""The engine that runs a study's jobs on Ray: what there is, where a job goes, how it ended."""
