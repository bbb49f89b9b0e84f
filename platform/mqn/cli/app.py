"""Puts the commands together and turns failures into one line and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import typer
from typer.main import get_group

from mqn.cli import output
from mqn.cli.lazy import MARKUP, SETTINGS, LazyCommand
from mqn.distribution import __version__, install_command
from mqn.errors import MqnError
from mqn.net.telemetry import switch_off
from mqn.processes.interruption import signals_as_interrupt
from mqn.text.redaction import hide_url

EPILOG = "State lives under $MQN_HOME (default: .mqn in the current folder). --traceback after any command shows more."

COMMANDS: dict[str, tuple[str, str]] = {
    "search": ("study", "Run or resume a study: train, export, score, measure, record."),
    "status": ("study", "Where a study stands: trials, failures, hypervolume."),
    "front": ("study", "The Pareto front of a study, or of several: table, picture, interactive page."),
    "dashboard": ("system", "A live page of studies in the browser: watch, ask, choose, make a bundle."),
    "select": ("study", "Pick a model from a study, verify it, write a bundle."),
    "bundle": ("bundle", "Bundles: verify one, compare two."),
    "trials": ("study", "A study's trials as a table or as CSV."),
    "logs": ("study", "What the stages of a trial printed."),
    "timeline": ("study", "Where a study's time went: a picture, and a trace for Perfetto."),
    "export-study": ("exchange", "Write a study into one file, to share it."),
    "import-study": ("exchange", "Take a study from such a file, into this home or database."),
    "delete": ("study", "Delete a study: its trials, runs and artifacts."),
    "ablate": ("study", "The paper's Tables 1 and 2, ours beside theirs."),
    "train": ("model", "Train one network."),
    "export": ("model", "Convert and quantize a trained network; suggest plans."),
    "features": ("model", "What a network sees, in float and quantized."),
    "score": ("model", "Judge any methods on fixed pictures."),
    "compare": ("model", "Networks beside each other: the paper's Table 3, measured here."),
    "measure": ("device", "Time a model on a device, alone or against another."),
    "describe": ("model", "A network's size and where it may be cut; every metric."),
    "convert": ("model", "Turn LDR pictures and video into HDR."),
    "data": ("data", "Datasets: list, fetch, prepare, inspect."),
    "agent": ("device", "Lend a device to studies: set up, serve, look after."),
    "devices": ("device", "The devices that a profile names: list, check, bench."),
    "track": ("system", "What is logged to MLflow: send again what it did not take."),
    "ui": ("system", "Open MLflow's pages on all studies."),
    "clean": ("system", "How big each part of $MQN_HOME is, and what can go."),
    "doctor": ("system", "Is this machine ready for what a profile names?"),
}
"""The commands, in the order of `mqn --help`: the folder of `mqn.cli` that each lies in, and what it does in a line."""


def _version(shown: bool) -> None:
    if shown:
        typer.echo(f"mqn {__version__}")
        raise typer.Exit


def build() -> Any:
    """The command line with every command; none of them is imported before it is run."""
    app = typer.Typer(
        name="mqn",
        help="Search neural architectures and mixed quantization for the phone, by measurement.",
        epilog=EPILOG,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=MARKUP,
        context_settings=SETTINGS,
    )

    @app.callback()
    def _root(
        version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
    ) -> None:
        del version

    group = get_group(app)
    for name, (folder, line) in COMMANDS.items():
        group.add_command(LazyCommand(name, folder, line))
    return group


def run(arguments: Sequence[str]) -> int:
    """Run one command.

    Returns:
        The exit code: 0 done, 1 failed, 2 wrong usage, 3 nothing satisfies the request, 130 interrupted.
    """
    for word in arguments:
        begin = word.find("://")
        # Of `--data=URL` the URL.
        hide_url(word[word.rfind("=", 0, max(begin, 0)) + 1 :])
    with output.redacted(), signals_as_interrupt():
        return _run(list(arguments))


def _run(words: list[str]) -> int:
    shown = "--traceback" in words
    words = [word for word in words if word != "--traceback"]
    switch_off()
    # TensorFlow writes to stderr at every start; a user sees our own lines.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Threads that spin while they wait for each other collapse beside any other work: at load 9 on two processors a
    # training step took 18 to 37 s, passively waiting 2 to 6 s. Read when torch is imported, here and in Ray's workers.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    group = build()
    try:
        # Typer's own way to run a command swallows Ctrl-C without a word.
        with group.make_context("mqn", words) as context:
            group.invoke(context)
        return 0
    except typer.Exit as end:
        return int(end.exit_code)
    except MqnError as error:
        if shown:
            output.note(traceback.format_exc().rstrip())
        output.error(" ".join(str(error).split()))
        return error.exit_code
    except typer.TyperException as error:
        return _wrong_usage(error, words)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "mqn":
            raise
        if shown:
            output.note(traceback.format_exc().rstrip())
        output.error(f"this command needs the package {error.name!r}: {install_command('all')}")
        return 1
    except (KeyboardInterrupt, typer.Abort):
        output.error("interrupted")
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except Exception as error:  # noqa: BLE001 - what the system did not refuse is raised again
        return _tell_fault(error, shown=shown)


def _tell_fault(error: Exception, *, shown: bool) -> int:
    """Say what failed below us, a full disk, used up memory or a path: a traceback explains none of it."""
    from mqn.faults import fault_of, refused_path

    fault = fault_of(error) or refused_path(error)
    if fault is None:
        raise error
    if shown:
        output.note(traceback.format_exc().rstrip())
    output.error(str(fault))
    return fault.exit_code


def _wrong_usage(error: typer.TyperException, words: Sequence[str]) -> int:
    """Say what was not understood, and whose help tells more: that of the last word that was."""
    message = " ".join(error.format_message().split())
    if message:  # Without any: a group was called by its bare name, and its help has been shown.
        output.error(message)
        context = getattr(error, "ctx", None)
        known = next((f"mqn {word}" for word in words[:1] if word in COMMANDS), "mqn")
        output.note(f"see: {context.command_path if context else known} --help")
    return error.exit_code
