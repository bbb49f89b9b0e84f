"""Files that the schedule of integration tests names are there."""

from __future__ import annotations

from tests.conftest import REPOSITORY
from tests.support.scheduling import INDEPENDENT, LONGEST, ON_ONE_EXPORTER, group_of, place_of


def test_named_files_are_there() -> None:
    files = {path.stem for path in (REPOSITORY / "tests").rglob("test_*.py")}
    assert {*INDEPENDENT, *LONGEST, *ON_ONE_EXPORTER} - files == set()


def test_a_file_s_tests_stay_together_but_for_exceptions() -> None:
    assert group_of("tests/integration/test_cli.py::test_a[x::y]") == "tests/integration/test_cli.py"
    assert group_of("tests/integration/test_media.py::a") == group_of("tests/integration/test_plans.py::b")
    assert group_of("tests/integration/test_search.py::a") != group_of("tests/integration/test_search.py::b")


def test_long_files_come_first() -> None:
    files = ["tests/a/test_other.py::t", "tests/integration/test_search.py::t", "tests/integration/test_cli.py::t"]
    assert sorted(files, key=place_of) == files[::-1]
