"""TwoStage."""
