from __future__ import annotations

import errno
from types import ModuleType
from typing import Any

import pytest

from mqn.errors import DiskError, PlanError
from mqn.export import process
from mqn.export.process import STEPS, step_handler


@pytest.fixture
def _module(monkeypatch: pytest.MonkeyPatch) -> None:
    def divide(what: int, by: int, directory: str = "/home/artifacts") -> float:
        if by == 0:
            raise PlanError("0 divides nothing; give another number")
        if by < 0:
            raise OSError(-by, "No space left on device")
        return what / by

    module = ModuleType("sums")
    module.divide = divide  # type: ignore[attr-defined]
    monkeypatch.setitem(STEPS, "divide", "sums:divide")
    monkeypatch.setattr(process.importlib, "import_module", {"sums": module}.__getitem__)


def carry_out(**arguments: Any) -> list[Any]:
    return list(step_handler()(("divide", arguments)))


@pytest.mark.usefixtures("_module")
def test_a_step_answers_once_and_raises_by_name() -> None:
    assert carry_out(what=6, by=3) == [2.0]
    with pytest.raises(PlanError, match=r"^0 divides nothing; give another number$"):
        carry_out(what=6, by=0)


@pytest.mark.usefixtures("_module")
def test_a_full_disk_is_told_in_a_line_with_its_step_and_folder() -> None:
    with pytest.raises(DiskError) as raised:
        carry_out(what=6, by=-errno.ENOSPC, directory="/home/artifacts")
    assert str(raised.value) == "divide in /home/artifacts: No space left on device: make room there"
    with pytest.raises(OSError, match="No space"):
        carry_out(what=6, by=-errno.ENOENT)


def test_a_mistake_of_ours_is_loud() -> None:
    with pytest.raises(KeyError):
        list(step_handler()(("absent", {})))


@pytest.mark.parametrize("name", STEPS)
def test_every_step_names_a_module_that_exists(name: str) -> None:
    import importlib.util

    assert importlib.util.find_spec(STEPS[name].split(":")[0]) is not None
