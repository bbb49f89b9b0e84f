"""The memory pass: how much resident memory a model adds to a process that has run another one before.

A process of its own, for reading memory would disturb the clock and the samples would count as memory.
"""

from __future__ import annotations

import base64
import gc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mqn.device import machine
from mqn.device.bench.loading import fill_inputs, load, run_first
from mqn.device.passes import MemoryResult, PassFile
from mqn.records import MeasureSettings

PEAK_RESET = "VmHWM after writing 5 to clear_refs"
PEAK_UNRESET = "VmHWM of the whole process"
UNREADABLE = "none: /proc/self/status cannot be read"

# A model of one ADD of two 1 x 1 floats (tests/device/bench/test_memory.py reads it back): running it first makes the
# runtime and its delegate allocate what they need once per process, which is not the measured model's memory.
DUMMY_MODEL = base64.b85decode(
    "7ytkOR7OlQ000gE6aWwa3;+lK000C44gdfE5C8xG7ytkO5CH%H0{{R30RR911ONa4`2PR@0RR915C8xG3;+}W5C9AS2mk~C3;+NC5C8xGPyhe`"
    "Q~&?~TmS$70RR916aWAK000gE6aWAK5C9AS3jhQF4gdfE5C8xG0000B3;+NC5C8xGQ2+n`0RR910ssI20ssI2000000RR910RR910ssI20ssI2"
    "000000RR910{{R3SO5S3C;$Ke1ONa4!2kdM2mk;83;+NC0RR91c>n+a0ssI20RR910RR91;Q#;s2mk;83;+NC0RR91VgLXD0ssI20RR910RR91"
    "3;+xO2mk;8000C43;+NC2mk;83;+NC0RR91VE_OC0ssI20RR910RR910RR912mk;81ONm81ONa4"
)


def weigh(files: Sequence[PassFile], settings: MeasureSettings) -> MemoryResult:
    """Load and run the files of a model, all at once, and measure the peak that they cause.

    Raises:
        PassFailedError: a file cannot be loaded or run.
    """
    dummy = PassFile(part="model", name="dummy.tflite")
    Path(dummy.name).write_bytes(DUMMY_MODEL)
    _run_once(dummy, settings)
    gc.collect()
    reset = machine.reset_peak()
    before = machine.resident_mb()
    held = [_run_once(file, settings) for file in files]
    for interpreter in held:
        interpreter.invoke()
    after = machine.resident_mb()
    if before is None or after is None:
        return MemoryResult(baseline_mb=None, peak_mb=None, method=UNREADABLE)
    # Without the reset the peak may be that of the start: only an upper bound, under a method's name of its own.
    method = PEAK_RESET if reset else PEAK_UNRESET
    return MemoryResult(baseline_mb=before[0], peak_mb=max(0.0, after[1] - before[0]), method=method)


def _run_once(file: PassFile, settings: MeasureSettings) -> Any:
    interpreter = load(file, settings)
    fill_inputs(file, interpreter)
    run_first(file, interpreter, settings)
    return interpreter
