"""The command line: one file a command; rooms are imported inside the commands, so that `mqn --help` is quick."""

from __future__ import annotations

import sys


def main() -> None:
    """Run `mqn`: a failure that a user can act upon becomes one line on stderr and its exit code."""
    from mqn.cli import output
    from mqn.cli.app import run

    sys.excepthook = output.crash
    sys.exit(run(sys.argv[1:]))
