"""The README's commands exist, with the options that it gives them; what it names lies where it says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from mqn.cli.app import COMMANDS
from mqn.cli.lazy import load
from mqn.distribution import WHEEL, __version__
from mqn.profile import load_profile

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)


def _commands() -> list[list[str]]:
    """Every `mqn ...` of the README as words, those in running text included."""
    lines = [line for block in BLOCKS for line in block.replace("\\\n", " ").splitlines()]
    lines += [text.replace("\n", " ") for text in re.findall(r"`(mqn [^`]+)`", TEXT)]
    words = [shlex.split(part, comments=True) for line in lines for part in line.split("&&")]
    return [found for found in words if found[:1] == ["mqn"]]


@pytest.mark.slow
@pytest.mark.parametrize("words", _commands(), ids=" ".join)
def test_a_command_exists_with_its_options(words: list[str]) -> None:
    name, *rest = words[1:]
    assert name in COMMANDS
    command = load(name, COMMANDS[name][0])
    if hasattr(command, "commands"):
        assert rest[0] in command.commands, f"mqn {name} has no {rest[0]}"
        command, rest = command.commands[rest[0]], rest[1:]
    options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert [word for word in rest if word.startswith("-") and word.partition("=")[0] not in options] == []


def test_make_targets_exist() -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    told = {line.split()[-1] for block in BLOCKS for line in re.findall(r"^make [a-z]+", block, re.MULTILINE)}
    told |= set(re.findall(r"`make ([a-z]+)`", TEXT))
    assert {"demo", "quick", "test", "wheel"} <= told <= set(targets)


def test_the_wheel_is_named_as_this_version_is() -> None:
    named = set(re.findall(r"mqn_platform-[\w.]+-py3-none-any\.whl", TEXT))
    assert named == {WHEEL}
    assert __version__ in WHEEL


def test_files_spaces_and_sections_are_there() -> None:
    places = re.findall(r"`((?:platform|runners|search_spaces|dashboards)/[\w./]*)`", TEXT)
    places += re.findall(r"\]\((?!#)([\w./]+)\)", TEXT)
    assert [place for place in places if not (ROOT / place).exists()] == []
    searched = [words[2] for words in _commands() if words[1] == "search" and "/" not in words[2] and words[2] != "..."]
    assert [name for name in searched if not (ROOT / "search_spaces" / f"{name}.toml").is_file()] == []
    headings = {line.lstrip("# ").lower().replace(" ", "-") for line in TEXT.splitlines() if line.startswith("#")}
    assert set(re.findall(r"\]\(#([\w-]+)\)", TEXT)) <= headings


def test_every_shipped_space_is_named() -> None:
    shipped = {path.stem for path in (ROOT / "search_spaces").glob("*.toml")}
    assert {name for name in shipped if f"`{name}`" not in TEXT} == set()


def test_the_profiles_that_it_shows_can_be_read(tmp_path: Path) -> None:
    profiles = []
    for block in re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL):
        (tmp_path / "lab.toml").write_text(block)
        profiles.append(load_profile(str(tmp_path / "lab.toml")))
    storage, devices = profiles
    assert set(devices.devices) == {"board", "phone"}
    assert devices.targets == ("board", "kind:pixel8")
    assert storage.artifacts == "s3://lab/mqn"
