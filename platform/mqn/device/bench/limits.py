"""Limits on a pass, set before the model is opened: the model may be hostile."""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import resource
import signal
import sys
from pathlib import Path

from mqn.device import machine
from mqn.device.backends.local.isolation import PARENT_VARIABLE
from mqn.device.passes import MAX_RESULT_BYTES
from mqn.records import MeasureSettings


def limit(settings: MeasureSettings) -> None:
    """Limit memory, processor time, files and processors of this process, for good.

    The warden has limited the number of processes before. The kernel counts processes by user, so that this limit only
    makes sense for a user of its own (`mqn.device.backends.local.confinement`).

    Args:
        settings: `memory_limit_mb` comes on top of what is taken already.

    Raises:
        OSError: `processors` names one that this process may not use.
    """
    if settings.processors:
        os.sched_setaffinity(0, settings.processors)
    space = machine.address_space_bytes() + settings.memory_limit_mb * 1_000_000
    # One second more than the wall clock could allow: the agent's own limit comes first and says "timeout".
    seconds = math.ceil(settings.timeout_seconds) * settings.threads + 1
    limits = {
        resource.RLIMIT_AS: space,
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: MAX_RESULT_BYTES,
    }
    for kind, wanted in limits.items():
        hard = resource.getrlimit(kind)[1]
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (allowed, allowed))


def die_with_parent() -> None:
    """End this process when its parent ends: an agent that is killed cannot kill its pass."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG is 1
    # It may have ended while this process was starting: then no signal comes.
    if os.environ.get(PARENT_VARIABLE, str(os.getppid())) != str(os.getppid()):
        os._exit(1)


def die_first() -> None:
    """Where memory runs out, let the kernel end this process rather than the agent."""
    with contextlib.suppress(OSError):
        (Path("/proc/self/oom_score_adj")).write_text("1000")
