"""Opening a study of 10,000 trials until its status and its front are known, against Optuna's own reading of it.

Ours reads the trials and their records, counts states and trainings, and finds the front. Optuna only reads the trials.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from mqn.search.space.space_file import parse_space
from mqn.search.study.about import About
from mqn.search.study.studies import create_study
from tests.support.many_trials import definition, fill

TRIALS, LIMIT = 10_000, 1.0

_OURS = """
from mqn.report.front.front import front
from mqn.search.study.studies import open_study
from mqn.search.study.trials import count_states, count_trainings, records
began = time.perf_counter()
study = open_study("many", sys.argv[1])
found = records(study)
assert count_states(study, found)["complete"] == len(found) == int(sys.argv[2])
count_trainings(found)
front(found, study.space.objectives)
"""
_OPTUNAS = """
import optuna
began = time.perf_counter()
study = optuna.load_study(study_name="many", storage=sys.argv[1])
assert len(study.get_trials(deepcopy=False)) == int(sys.argv[2])
"""
_END = "print(time.perf_counter() - began)"


def run() -> dict[str, Any]:
    """Each in a process of its own, twice in turns; the shorter time of each."""
    with tempfile.TemporaryDirectory() as folder:
        space = parse_space(definition(), source="many")
        about = About(space=space.definition, space_hash=space.hash, space_name="many")
        url = f"sqlite:///{Path(folder) / 'study.db'}"
        study = create_study("many", url, about)
        fill(study, TRIALS)
        seconds: dict[str, list[float]] = {_OURS: [], _OPTUNAS: []}
        for _ in range(2):
            for words, times in seconds.items():
                times.append(_time(words, url))
    ours, optunas = min(seconds[_OURS]), min(seconds[_OPTUNAS])
    detail = {"trials": TRIALS, "ours_s": ours, "optuna_s": optunas}
    return {"name": f"opening a study of {TRIALS}", "ratio": ours / optunas, "limit": LIMIT, "detail": detail}


def _time(words: str, url: str) -> float:
    code = f"import sys, time\n{words}\n{_END}"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, url, str(TRIALS)], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
