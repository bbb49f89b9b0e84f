"""One pass in a process of its own: `python -m mqn.device.bench`, in a folder that holds its request.

The model may be hostile: limits are set before it is opened, and whatever happens to this process is a result to the
agent.
"""

from __future__ import annotations

import sys
from pathlib import Path

from mqn.device.bench.limits import die_first, die_with_parent, limit
from mqn.device.bench.loading import PassFailedError
from mqn.device.bench.memory import weigh
from mqn.device.bench.profiled import profile_model
from mqn.device.bench.timed import time_models
from mqn.device.passes import REQUEST_FILE, RESULT_FILE, PassRequest, PassResult
from mqn.parsing import read_json, write_json


def main() -> int:
    """Carry out the request in the current folder and leave the result beside it.

    Returns:
        The exit code: 0 whenever a result was written.
    """
    die_with_parent()
    die_first()
    request = read_json(PassRequest, Path(REQUEST_FILE))
    import ai_edge_litert.interpreter  # noqa: F401  (its own needs are not the model's: before the limits)

    limit(request.settings)
    try:
        result = _carry_out(request)
    except PassFailedError as error:
        result = PassResult(failure=error.failure)
    write_json(Path(RESULT_FILE), result)
    return 0


def _carry_out(request: PassRequest) -> PassResult:
    if request.kind == "timed":
        return PassResult(timed=time_models(request))
    if request.kind == "memory":
        return PassResult(memory=weigh(request.models[0], request.settings))
    return PassResult(profile=profile_model(request.models[0], request.settings))


if __name__ == "__main__":
    sys.exit(main())
