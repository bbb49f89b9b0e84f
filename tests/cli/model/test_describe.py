"""What `mqn describe` says of a family, and what a family does not have."""

from __future__ import annotations

import json

import pytest

from mqn.cli.app import run


@pytest.mark.slow
def test_a_peer_is_described_with_what_it_does_not_have(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["describe", "--set", "arch.family=expandnet"]) == 0
    text = capsys.readouterr().out
    assert (
        "ExpandNet (expandnet): output: light; weights: arch.weights; frozen at first: nothing; pruning: none" in text
    )
    assert "456,899" in text
    assert "what end_net.0 puts out" in text


@pytest.mark.slow
def test_the_document_names_the_family(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["describe", "--set", "arch.family=lhdr", "--json"]) == 0
    described = json.loads(capsys.readouterr().out)
    assert described["arch"] == {"family": "lhdr", "input_size": 256, "weights": "random"}
    assert "interface" in described["cuts"]


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        (
            "arch.attention=ca",
            "unknown key 'arch.attention' of family 'expandnet'; allowed: family, features, input_size, weights",
        ),
        ("training.frozen_epochs=3", "training.frozen_epochs 3: family 'expandnet' has nothing to freeze; give 0"),
        ("plan.sparsity=0.5", "plan.sparsity 0.5: family 'expandnet' cannot be pruned; give 0"),
        ("training.codec=log", "training.codec 'log': family 'expandnet' answers in light"),
    ],
)
def test_what_a_family_does_not_have_is_one_line(setting: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["describe", "--set", "arch.family=expandnet", "--set", setting]) == 2
    assert words in capsys.readouterr().err


def test_a_family_without_a_paper_s_tables_is_refused_before_anything_is_trained(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["ablate", "losses", "--set", "arch.family=lhdr"]) == 2
    assert "family 'lhdr' has no published table to set beside ours" in capsys.readouterr().err
