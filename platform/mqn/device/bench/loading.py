"""Loads a file into an interpreter, and turns the runtime's exceptions into results."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from typing import Any

from mqn.device.passes import Failure, PassFile, printable
from mqn.records import Delegate, MeasureSettings, Verdict

SEED = 0


class PassFailedError(Exception):
    """The model cannot be measured; carries the verdict and the one line why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


def load(file: PassFile, settings: MeasureSettings) -> Any:
    """Open a file with LiteRT's `Interpreter` and allocate its tensors.

    Raises:
        PassFailedError: `rejected`, with the runtime's own words.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    resolvers: dict[Delegate, Any] = {
        "xnnpack": OpResolverType.BUILTIN,
        "none": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    }
    with blaming(file.part, "cannot be loaded", settings, verdict="rejected"):
        interpreter = Interpreter(
            model_path=file.name,
            num_threads=settings.threads,
            experimental_op_resolver_type=resolvers[settings.delegate],
        )
        interpreter.allocate_tensors()
    return interpreter


def fill_inputs(file: PassFile, interpreter: Any) -> None:
    """Write seeded noise into the inputs, in place, so that no copy counts as memory (see `fill_with_noise`).

    Raises:
        PassFailedError: an input is of a kind that cannot be made up.
    """
    import numpy as np

    generator = np.random.default_rng(SEED)
    for detail in interpreter.get_input_details():
        if not fill_with_noise(interpreter.tensor(detail["index"])(), generator):
            kind = np.dtype(detail["dtype"])
            reason = (
                f"{file.part}: input {printable(detail['name'])!r} is {kind}; only numbers and booleans can be made up"
            )
            raise PassFailedError(Failure(verdict="rejected", reason=reason))


def fill_with_noise(view: Any, generator: Any) -> bool:
    """Fill a numpy array in place: [0, 1) for floats, the full range for whole numbers.

    Returns:
        False where values of its dtype cannot be made up.
    """
    import numpy as np

    kind = view.dtype
    if kind in (np.float32, np.float64):
        generator.random(out=view, dtype=kind)
    elif kind == np.float16:
        view[...] = generator.random(view.shape, dtype=np.float32)
    elif kind == np.bool_:
        view[...] = generator.integers(0, 2, view.shape, dtype=np.uint8)
    elif kind.kind in "iu":
        view[...] = np.frombuffer(generator.bytes(view.nbytes), dtype=kind).reshape(view.shape)
    else:
        return False
    return True


def run_first(file: PassFile, interpreter: Any, settings: MeasureSettings) -> None:
    """Invoke for the first time, where most failures show: `crashed`, with the runtime's own words."""
    with blaming(file.part, "cannot be run", settings, verdict="crashed"):
        interpreter.invoke()


def hash_outputs(interpreter: Any) -> str:
    """SHA-256 of the outputs' bytes, in the graph's order."""
    digest = hashlib.sha256()
    for detail in interpreter.get_output_details():
        digest.update(interpreter.get_tensor(detail["index"]).tobytes())
    return digest.hexdigest()


@contextlib.contextmanager
def blaming(name: str, what: str, settings: MeasureSettings, *, verdict: Verdict) -> Iterator[None]:
    """Turn exceptions by which the runtime fails on a model into a result. Other exceptions end the process.

    Raises:
        PassFailedError: carries the result.
    """
    try:
        yield
    except MemoryError as error:
        reason = f"{name} ran out of memory; memory_limit_mb is {settings.memory_limit_mb}"
        raise PassFailedError(Failure(verdict="crashed", reason=reason)) from error
    except (ValueError, RuntimeError) as error:
        line = printable(str(error)) or type(error).__name__
        raise PassFailedError(Failure(verdict=verdict, reason=f"{name} {what}: {line}")) from error
