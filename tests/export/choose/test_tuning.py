"""Which rewrites are chosen, by times that are made up: a file takes what its rewrites are said to take."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from mqn.errors import UnsteadyError
from mqn.export.choose.tuning import Tuned, time_choices, tune
from mqn.export.quantize.quantization import apply_plan
from mqn.records import Plan, Range, Ratio
from mqn.records.plan import DEFAULT_LOWERINGS, LOWERINGS
from mqn.tflite.flatbuffer import Network

Run = Callable[..., Tuned]


class Device:
    """Compares files by the rewrites in their names; `factors` is what each rewrite does to a file's time."""

    def __init__(self, factors: Mapping[str, float], *widths: float) -> None:
        self.factors, self.widths, self.asked = factors, list(widths), 0

    def compare(self, first: Sequence[Path], second: Sequence[Path]) -> Ratio:
        self.asked += 1
        value = self._time(second) / self._time(first)
        width = self.widths.pop(0) if self.widths else 0.004
        low, high = value - width, value + width
        return Ratio(value=value, range=Range(low=low, high=high), confidence=0.99, different=not low <= 1 <= high)

    def _time(self, files: Sequence[Path]) -> float:
        (names,) = {file.stem.rpartition("-")[0] for file in files}
        return float(np.prod([self.factors.get(name, 1.0) for name in names.split("-")]))


@pytest.fixture
def run(toy: Network, pictures: np.ndarray, tmp_path: Path) -> Run:
    parts, _, _ = apply_plan(toy, "backbone/mix", Plan(), pictures)

    def run(device: Device, seconds_left: Callable[[], float] = lambda: 60.0) -> Tuned:
        return tune(parts, tmp_path, device.compare, seconds_left=seconds_left)

    return run


def test_what_makes_a_file_faster_stays_and_what_makes_it_slower_goes(run: Run) -> None:
    found = run(Device({"phases": 0.9, "pairs": 1.1}))
    by_name = {one.name: one for one in found.tried}
    assert tuple(by_name) == ("tiles", *DEFAULT_LOWERINGS)  # What the default lacks is tried first.
    assert by_name["phases"].kept
    assert by_name["phases"].without.value == pytest.approx(1 / 0.9)
    assert (by_name["pairs"].kept, by_name["pairs"].why) == (False, "faster without it")
    assert "phases" in found.rewrites
    assert "pairs" not in found.rewrites
    assert found.over_none.value < 1
    assert found.over_default.value == pytest.approx(1 / 1.1)


def test_of_files_that_cannot_be_told_apart_the_simpler_one_stays(run: Run) -> None:
    found = run(Device({"phases": 0.9}))
    timed = [one for one in found.tried if one.without is not None and one.name != "phases"]
    assert timed
    assert all(not one.kept and "same within 2 %" in one.why for one in timed)
    assert found.rewrites == ("phases",)


def test_a_wide_range_is_measured_once_more(run: Run) -> None:
    device = Device({"tiles": 0.99}, 0.05, 0.004)
    assert run(device).tried[0].kept
    doubtful = run(Device({"tiles": 0.99}, 0.05, 0.04)).tried[0]
    assert (doubtful.kept, doubtful.why) == (False, "cannot be told apart; the simpler graph stays")
    assert doubtful.without.range.high - doubtful.without.range.low == pytest.approx(0.08)


def test_a_device_on_which_even_turns_say_nothing_is_refused(run: Run) -> None:
    with pytest.raises(UnsteadyError, match="known to 9 % only; stop what else runs there"):
        run(Device({"phases": 0.99}, 0.1, 0.09))
    assert run(Device({"phases": 0.99}, 0.1, *[0.04] * 20)).rewrites == ()


def test_a_rewrite_that_changes_nothing_is_not_timed(run: Run) -> None:
    device = Device(dict.fromkeys(LOWERINGS, 0.9))
    found = run(device)
    idle = [one for one in found.tried if one.without is None]
    assert {one.why for one in idle} == {"changes nothing in this network"}
    assert device.asked == len(LOWERINGS) - len(idle) + 2  # and against the default, and a file without rewrites


def test_when_time_is_over_the_rest_stays_as_it_is_by_default(run: Run) -> None:
    device = Device({"tiles": 1.2, "phases": 1.2})
    found = run(device, lambda: 4.0 - device.asked)
    tiles, phases, *others = found.tried
    assert [(one.kept, one.why) for one in (tiles, phases)] == [(False, "faster without it")] * 2
    untried = [one for one in others if one.why != "changes nothing in this network"]
    assert untried
    assert all(one.kept and one.why == "no time was left to try it" for one in untried)
    assert found.rewrites == tuple(one.name for one in found.tried if one.kept)
    assert device.asked == 4  # Time was kept for the last two: against the default, and a file without rewrites.


def test_a_rewrite_that_the_default_lacks_is_not_made_untried(run: Run) -> None:
    device = Device({"tiles": 0.8})
    found = run(device, lambda: 0.0)
    assert (found.tried[0].kept, found.tried[0].why) == (False, "no time was left to try it")
    assert "tiles" not in found.rewrites
    assert found.over_default is None
    assert "tiles" in run(Device({"tiles": 0.8, "phases": 0.9})).rewrites


def test_a_tuned_file_is_never_slower_than_one_without_rewrites(run: Run) -> None:
    device = Device(dict.fromkeys(LOWERINGS, 1.1))
    assert run(device, lambda: 0.0).rewrites == ()  # By default all; no time to try one by one.
    assert device.asked == 2


def test_a_tuned_file_is_never_slower_than_the_default(run: Run) -> None:
    """Each rewrite alone brings too little to be told, all together bring something."""
    slight = dict.fromkeys(LOWERINGS, 0.993)
    found = run(Device(slight, *[0.01] * 20))
    assert not any(one.kept for one in found.tried)
    assert (found.rewrites, found.over_default) == (DEFAULT_LOWERINGS, None)
    assert found.over_none.value < 1


def test_choices_are_timed_against_the_file_without_rewrites(
    toy: Network, pictures: np.ndarray, tmp_path: Path
) -> None:
    parts, _, _ = apply_plan(toy, "backbone/mix", Plan(), pictures)
    device, idle = Device({"phases": 0.9, "doubling": 0.8}), ("norms",)  # There are none in this network.

    def timed(*choices: tuple[str, ...], seconds: Callable[[], float]) -> dict[tuple[str, ...], float]:
        found = time_choices(parts, choices, tmp_path, device.compare, seconds_left=seconds)
        return {one.rewrites: round(one.over_none.value, 6) for one in found}

    both = ("phases", "doubling")
    assert timed(both, idle, ("phases",), seconds=lambda: 60.0) == {both: 0.72, ("phases",): 0.9}
    assert timed(both, ("phases",), seconds=lambda: 3.0 - device.asked) == {both: 0.72}
    with pytest.raises(UnsteadyError, match="known to 40 % only"):
        time_choices(parts, [both], tmp_path, Device({"phases": 1.2}, 0.4).compare, seconds_left=lambda: 60.0)
