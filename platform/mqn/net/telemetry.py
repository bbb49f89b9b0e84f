"""Switches off the telemetry of the libraries that we use."""

from __future__ import annotations

import os

ENVIRONMENT = {
    "DO_NOT_TRACK": "true",  # MLflow takes no other spelling; https://consoledonottrack.com
    "MLFLOW_DISABLE_TELEMETRY": "true",  # its pages in a browser included
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_USAGE_STATS_PROMPT_ENABLED": "0",
}
"""What the libraries honour; Optuna, PyTorch, TensorFlow and the others that we install send nothing by themselves."""


def switch_off() -> None:
    """Switch it off in this process and in every one that it starts; call it before the libraries are imported."""
    os.environ.update(ENVIRONMENT)
