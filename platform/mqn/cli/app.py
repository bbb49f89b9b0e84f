"""Puts the commands together and turns failures into one line and an exit code."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Sequence

import typer

from mqn import __version__
from mqn.cli import output
from mqn.errors import MqnError

EPILOG = "State lives under $MQN_HOME (default: .mqn in the current folder). --traceback after any command shows more."

# Command to the file that holds it, in the order of `mqn --help`; a tuple's first name is the group.
COMMANDS: tuple[str, ...] = (
    "search",
    "status",
    "front",
    "select",
    "ablate",
    "train",
    "export",
    "features",
    "score",
    "measure",
    "describe",
    "convert",
    "data",
    "agent",
    "devices",
    "ui",
    "doctor",
)


def _version(shown: bool) -> None:
    if shown:
        typer.echo(f"mqn {__version__}")
        raise typer.Exit


def build() -> typer.Typer:
    """The command-line application with every command."""
    app = typer.Typer(
        name="mqn",
        help="Search neural architectures and mixed quantization for the phone, by measurement.",
        epilog=EPILOG,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def _root(
        version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
    ) -> None:
        del version

    for name in COMMANDS:
        importlib.import_module(f"mqn.cli.{name}").register(app)
    return app


def run(arguments: Sequence[str]) -> int:
    """Run one command.

    Args:
        arguments: the words behind `mqn`.

    Returns:
        The exit code: 0 done, 1 failed, 2 wrong usage, 3 nothing satisfies the request, 130 interrupted.
    """
    words = list(arguments)
    shown = "--traceback" in words
    words = [word for word in words if word != "--traceback"]
    # TensorFlow writes to stderr at every start; a user sees our own lines.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Threads that spin while they wait for each other collapse beside any other work: at load 9 on two processors a
    # training step took 18 to 37 s, passively waiting 2 to 6 s. Read when torch is imported, here and in Ray's workers.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        code = build()(args=words, standalone_mode=False, prog_name="mqn")
        return code if isinstance(code, int) else 0
    except MqnError as error:
        if shown:
            output.note(traceback.format_exc().rstrip())
        output.error(" ".join(str(error).split()))
        return error.exit_code
    except typer.Abort:
        output.error("interrupted")
        return 130
    except typer.TyperException as error:
        output.error(" ".join(error.format_message().split()))
        output.note("see: mqn " + " ".join([*[word for word in words if not word.startswith("-")][:1], "--help"]))
        return error.exit_code
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "mqn":
            raise
        if shown:
            output.note(traceback.format_exc().rstrip())
        output.error(f"this command needs the package {error.name!r}; pip install 'mqn-platform[all]'")
        return 1
    except KeyboardInterrupt:
        output.error("interrupted")
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0
