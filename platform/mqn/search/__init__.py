"""The search: spaces, studies, stages, the engine that runs them and the driver that keeps count."""
