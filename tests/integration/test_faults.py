"""A short portion of the fault suite, which `make faults` runs for as long as one likes."""

from __future__ import annotations

import pytest
from tests.lab.faults.suite import run_suite
from tests.support.rigs.postgres import missing

pytestmark = [pytest.mark.integration, pytest.mark.skipif(bool(missing()), reason=missing())]


def test_a_study_outlasts_faults_of_everything_it_stands_on() -> None:
    findings, folder = run_suite(seed=14, faults=8, minutes=1, drivers=2, network=91)
    assert findings.wrong == [], f"outputs lie in {folder}"
    assert findings.studies >= 1
    assert sum(findings.faults.values()) >= 4
