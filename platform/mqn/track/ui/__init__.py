"""MLflow's pages: where a study's are, and the server behind `mqn ui`."""
