from __future__ import annotations

import json
import subprocess
import sys

import pytest

from mqn import shipping

JOB = "RAY_JOB_CONFIG_JSON_ENV_VAR"


@pytest.mark.slow
def test_the_packed_package_works_by_itself():
    with shipping.packed() as folder:
        assert folder.name == "mqn"
        assert not list(folder.rglob("__pycache__"))
        code = "import mqn; from mqn.home import shipped; print(mqn.__file__, shipped('search_spaces', 'smoke'))"
        said = subprocess.run(
            [sys.executable, "-c", code], cwd=folder.parent, capture_output=True, text=True, check=True
        ).stdout.split()
        assert said == [str(folder / "__init__.py"), str(folder / "_shipped" / "search_spaces" / "smoke.toml")]
    assert not folder.exists()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, {}),
        ("", {}),
        ("not JSON", {}),
        (json.dumps({"metadata": {}}), {}),
        (json.dumps({"runtime_env": {"py_modules": ["gcs://a.zip"]}}), {"py_modules": ["gcs://a.zip"]}),
    ],
)
def test_a_submitted_driver_knows_as_what(monkeypatch, text, found):
    monkeypatch.delenv(JOB, raising=False)
    if text is not None:
        monkeypatch.setenv(JOB, text)
    assert shipping.submitted_as() == found
