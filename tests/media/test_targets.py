"""Names of results: apart on every system, the same from run to run."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqn.media.targets import Result, name_targets, results


def named(folder: Path, *sources: str, known: dict[str, Result] | None = None) -> list[str]:
    targets = name_targets(sorted(sources), folder, ".exr", known or {}, lambda source: f"work of {source}")
    return [targets[source] for source in sources]


@pytest.mark.parametrize(
    ("sources", "targets"),
    [
        (("a.png", "b.jpg"), ["a.exr", "b.exr"]),
        (("a.jpg", "a.png"), ["a.jpg.exr", "a.png.exr"]),
        (("a.jpg", "a.jpg.bmp", "a.png"), ["a.jpg.exr", "a.jpg.bmp.exr", "a.png.exr"]),
        (("photo.jpg", "photo.jpg.png", "photo.png"), ["photo.jpg.exr", "photo.jpg.png.exr", "photo.png.exr"]),
        # One file where case does not count, and where forms of Unicode do not.
        (("A.png", "a.png"), ["A.png.exr", "a.png.2.exr"]),
        (("e\u0301.png", "\u00e9.png"), ["e\u0301.png.exr", "\u00e9.png.2.exr"]),
        # A picture beside a folder that has its result's name.
        (("a.exr/b.png", "a.png"), ["a.exr/b.exr", "a.png.exr"]),
        (("s/a.png", "t/a.png"), ["s/a.exr", "t/a.exr"]),
        (("A/x.png", "a/x.png"), ["A/x.png.exr", "a/x.png.2.exr"]),
    ],
)
def test_no_two_results_are_one_file(sources: tuple[str, ...], targets: list[str], tmp_path: Path) -> None:
    assert named(tmp_path, *sources) == targets


def test_a_result_of_an_unnamed_picture_is_recognised_by_what_it_was_made_from(tmp_path: Path) -> None:
    known = {"a.exr": Result(source=None, folder=None, work="work of a.png")}
    assert named(tmp_path, "a.jpg", "a.png", known=known) == ["a.jpg.exr", "a.exr"]
    assert named(tmp_path, "a.jpg", known=known) == ["a.exr"]
    changed = {"a.exr": Result(source=None, folder=None, work="of another model")}
    assert named(tmp_path, "a.jpg", "a.png", known=changed) == ["a.jpg.exr", "a.png.exr"]


def test_a_result_of_another_folder_is_not_taken_while_that_exists(tmp_path: Path) -> None:
    other = tmp_path / "other"
    known = {"a.exr": Result(source="a.png", folder=str(other), work="w")}
    assert named(tmp_path, "a.png", known=known) == ["a.exr"]
    other.mkdir()
    assert named(tmp_path, "a.png", known=known) == ["a.png.exr"]


def test_lines_that_lead_out_of_the_folder_or_make_no_sense_are_passed_over() -> None:
    lines = [
        {"target": "a.exr", "work": "w"},
        {"target": "../b.exr"},
        {"target": "/c.exr"},
        {},
        {"target": "d", "work": 5},
    ]
    assert results(lines) == {"a.exr": Result(source=None, folder=None, work="w")}
