"""The command line with trivial stages in place of real ones: real profile, driver, Ray, agent, database and tracker.

python -m tests.support.secrets_driver LOG WORDS...
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mqn.cli import main
from mqn.search.study import driver
from tests.support.search_fakes import FakePipeline


class FilePipeline(FakePipeline):
    """Logs a file with every trial, so that there is something to upload."""

    def logged(self, candidate: Any, artifacts: Any) -> tuple[list[dict[str, float]], dict[str, Path]]:
        return [{"epoch": 0, "loss": 1.0}], {"score.json": artifacts["score"].folder / "out.json"}


if __name__ == "__main__":
    log = Path(sys.argv.pop(1))
    driver.TrialPipeline = SimpleNamespace(of_space=lambda *_: FilePipeline(log))  # type: ignore[assignment, misc]
    main()
