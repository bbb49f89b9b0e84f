"""The command line with trivial stages in place of real ones: real profile, driver, Ray, agent, database and tracker.

python secrets_driver.py LOG WORDS...
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from search_fakes import FakePipeline

from mqn.cli import main
from mqn.search import driver


class FilePipeline(FakePipeline):
    """Logs a file with every trial, so that there is something to upload."""

    def logged(self, artifacts: Any) -> tuple[list[dict[str, float]], dict[str, Path]]:
        return [{"epoch": 0, "loss": 1.0}], {"score.json": artifacts["score"].folder / "out.json"}


if __name__ == "__main__":
    log = Path(sys.argv.pop(1))
    driver.MqnPipeline = lambda *_, **__: FilePipeline(log)  # type: ignore[assignment, misc]
    main()
