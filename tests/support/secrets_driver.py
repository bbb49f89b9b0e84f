"""The command line with trivial stages in place of real ones: real profile, driver, Ray, agent, database and tracker.

python -m tests.support.secrets_driver LOG WORDS... [-- WORDS...]

Several commands run one after the other. The last line on stderr has their exit codes.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mqn.cli import output
from mqn.cli.app import run
from mqn.search.study import driver
from mqn.text import redaction
from tests.support.search_fakes import FakePipeline


class FilePipeline(FakePipeline):
    """Logs a file with every trial, so that there is something to upload."""

    def logged(self, candidate: Any, artifacts: Any) -> tuple[list[dict[str, float]], dict[str, Path]]:
        return [{"epoch": 0, "loss": 1.0}], {"score.json": artifacts["score"].folder / "out.json"}


if __name__ == "__main__":
    log, *words = sys.argv[1:]
    driver.TrialPipeline = SimpleNamespace(of_space=lambda *_: FilePipeline(Path(log)))  # type: ignore[assignment, misc]
    sys.excepthook = output.crash  # As `mqn.cli.main` has it.
    commands = [list(command) for end, command in itertools.groupby(words, lambda word: word == "--") if not end]
    codes = []
    for command in commands:
        redaction._hidden.clear()  # What one command was told is secret must not help the next one.
        codes.append(run(command))
    sys.stderr.write(f"{codes}\n")
