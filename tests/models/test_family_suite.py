"""The contract suite: it passes for every family of ours and for one from outside, and it can fail."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support import own_family

from mqn.errors import UnknownNameError, UsageError
from mqn.families import FAMILIES
from mqn.families.contract import Family, find_family
from mqn.models.family_suite import CHECKS, run_checks

OURS = (*FAMILIES, own_family.NAME)


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", OURS)
def test_every_family_keeps_the_contract(name: str, check: str) -> None:
    assert CHECKS[check](find_family(name))


def broken(**changes: object) -> Family:
    return replace(own_family.FAMILY, **changes)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "check", "words"),
    [
        ({"name": "other"}, "record", "must be package.module:NAME"),
        ({"title": ""}, "record", "title must be one line"),
        ({"codecs": ("log", "lgo")}, "candidate", "training.codec = 'lgo'"),
        ({"labelled": frozenset({"depth"})}, "candidate", "labelled names no field of the arch: depth"),
        ({"build": own_family.build_unseeded}, "build", "differs from one build to the next"),
        ({"build": own_family.build_half_size}, "sizes", "becomes (1, 3, 32, 32)"),
        ({"build": own_family.build_branching}, "trace", "TraceError"),
        ({"build": own_family.build_idle}, "gradients", "no gradient reaches spare.weight"),
        ({"load_weights": lambda *_: None}, "weights", "load_weights has no field to go by"),
        ({"arch": own_family.OwnLoadedArch}, "weights", "nothing loads weights; fill in load_weights"),
        ({"cut": "bodi"}, "cuts", "cut 'bodi' is no submodule"),
        ({"cut": "last"}, "cuts", "not the network's output"),
        ({"frozen": "last.gate"}, "freezing", "has no convolutions"),
    ],
)
def test_what_breaks_the_contract_is_found(changes: dict[str, object], check: str, words: str) -> None:
    (found,) = [finding for finding in run_checks(broken(**changes)) if finding.check == check]
    assert not found.passed
    assert words in found.detail
    assert "\n" not in found.detail


def test_a_family_is_found_by_name_or_by_place() -> None:
    assert find_family(own_family.NAME) is own_family.FAMILY
    assert [find_family(name).name for name in FAMILIES] == list(FAMILIES)
    with pytest.raises(UnknownNameError, match="no family 'expandnt'; did you mean 'expandnet'"):
        find_family("expandnt")
    with pytest.raises(UsageError, match="Family named 'FAMILIE'"):
        find_family("tests.support.own_family:FAMILIE")
    with pytest.raises(UsageError, match=f"its record calls itself '{own_family.NAME}'"):
        find_family("tests.support.own_family:ALIAS")
