"""`python -m mqn.device.agent`: an agent that a program starts; people use `mqn agent serve`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from mqn.device.agent.http.server import serve
from mqn.device.agent.service.config import AgentConfig
from mqn.device.backends.local.isolation import TOKEN_VARIABLE
from mqn.errors import MqnError
from mqn.net.telemetry import switch_off
from mqn.text.terminal import printable


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve a device, and return the exit code.

    The owner's token comes in the environment, where other users do not see it.
    """
    switch_off()
    parser = argparse.ArgumentParser(prog="python -m mqn.device.agent", description="Serve a device.")
    parser.add_argument("--host", default="127.0.0.1", help="address to bind (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one (default)")
    parser.add_argument("--folder", type=Path, help="where models and jobs are kept (default: a temporary folder)")
    parser.add_argument("--backend", default="local", help="local, adb:SERIAL or ssh:USER@HOST (default: %(default)s)")
    parser.add_argument(
        "--benchmark-model", type=Path, help="TensorFlow Lite's benchmark tool for an adb or ssh device (experimental)"
    )
    parser.add_argument("--ready-file", type=Path, help="gets the URL as JSON once requests are answered")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end when standard input does")
    given = parser.parse_args(arguments)
    config = AgentConfig(
        folder=given.folder,
        host=given.host,
        port=given.port,
        backend=given.backend,
        benchmark_model=given.benchmark_model,
    )
    try:
        serve(
            config,
            # Removed: programs that the agent starts, such as adb's server, must not have it.
            os.environ.pop(TOKEN_VARIABLE, None) or None,
            ready_file=given.ready_file,
            on_ready=lambda url: print(url, flush=True),  # noqa: T201
            on_warning=lambda line: print(f"warning: {printable(line)}", file=sys.stderr),  # noqa: T201
            until_stdin_closes=given.until_stdin_closes,
        )
    except MqnError as error:
        print(f"error: {printable(' '.join(str(error).split()))}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
