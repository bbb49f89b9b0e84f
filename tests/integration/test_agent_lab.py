"""The lab's scripts against the agent, shortened: strange requests, damaged models."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.lab.fuzz import fuzz
from tests.lab.mutated import assail, bases
from tests.lab.running import start_agent

pytestmark = pytest.mark.integration


def test_strange_requests_meet_no_mistakes_and_reach_nothing_without_a_token(tmp_path: Path) -> None:
    found = fuzz(400, 7, tmp_path)
    assert found["failures"] == []
    assert found["reached_without_token"] == ["/v1/health"]
    assert {"200", "202", "404", "409", "422"} <= set(found["by_status"]["with token"])


def test_damaged_models_end_with_a_verdict_and_none_with_false_figures(tmp_path: Path) -> None:
    with start_agent(tmp_path / "agent") as agent:
        found = assail(agent, bases([]), 20, 7, tmp_path)
    assert found["failures"] == []
    assert sum(found["by_verdict"].values()) == 20
    assert found["by_verdict"]["rejected"] > 0
