"""Every command that README and `mqn agent init` tell to install with, run in an environment that has nothing yet.

What the package needs lies linked in a folder beside the environment, so that pip finds it and downloads nothing: that
what is asked for exists, and that the extras name it, is tested; not the network.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

import mqn
from mqn.distribution import WHEEL

pytestmark = pytest.mark.integration
ROOT = Path(mqn.__file__).parents[2]
PIP_INSTALL = re.compile(r"pip install [^`\n&|#]*")
# Packages of an index: for a bundle's README, and a page that is no part of ours.
OTHERS = {"pip install ai-edge-litert numpy pillow", "pip install optuna-dashboard"}

Environment = Callable[[str], Path]


def commands(text: str) -> list[str]:
    """Every `pip install ...` of a text that is about this package."""
    found = (match.strip().rstrip(").,;") for match in PIP_INSTALL.findall(text))
    return [command for command in dict.fromkeys(found) if command not in OTHERS]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with its wheel built as `make wheel` builds it."""
    pytest.importorskip("pip")
    folder = tmp_path_factory.mktemp("install") / "clone"
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", ROOT, folder], check=True)
    files = subprocess.run(["git", "diff", "HEAD", "--binary"], cwd=ROOT, capture_output=True, check=True).stdout
    if files:
        subprocess.run(["git", "apply"], cwd=folder, input=files, check=True)
    made = subprocess.run(
        ["make", "wheel", f"PYTHON={sys.executable}"], cwd=folder, capture_output=True, text=True, check=False
    )
    if made.returncode and "No matching distribution found for hatchling" in made.stderr:
        pytest.skip("pip cannot fetch hatchling, which builds the wheel: no network")
    assert made.returncode == 0, made.stderr[-2000:]
    assert (folder / "dist" / WHEEL).is_file()
    assert commands(made.stdout.replace("\n", " \n")), "make wheel says how its wheel is installed"
    return folder


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Links to all that is installed here but this package itself."""
    folder = tmp_path_factory.mktemp("libraries")
    for place in map(Path, dict.fromkeys(path for path in sys.path if path.endswith("-packages"))):
        for entry in place.iterdir() if place.is_dir() else ():
            own = entry.name.startswith(("mqn_platform", "__editable__", "_mqn")) or entry.suffix == ".pth"
            if not own and not (folder / entry.name).exists():
                (folder / entry.name).symlink_to(entry.resolve())
    return folder


@pytest.fixture
def environment(tmp_path: Path, libraries: Path) -> Path:
    """A new virtual environment; what the package needs is found, the package is not."""
    venv.create(tmp_path / "venv", with_pip=True)
    (site,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    for left in site.glob("setuptools*"):  # Older than what is linked, and before it on the path.
        shutil.rmtree(left)
    (site / "libraries.pth").write_text(f"{libraries}\n")
    return tmp_path / "venv"


def shell(environment: Path, command: str, folder: Path, code: int = 0) -> str:
    """Run a command as typed in a shell whose environment is active."""
    path = f"{environment / 'bin'}{os.pathsep}{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PIP_"))}
    variables = {**kept, "PATH": path, "PIP_NO_INDEX": "1", "MQN_HOME": str(environment / "home")}
    done = subprocess.run(["sh", "-c", command], cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == code, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout + done.stderr


def check_works(environment: Path, folder: Path) -> None:
    where = shell(environment, "python -c 'import mqn; print(mqn.__file__)'", folder).strip()
    assert where.startswith(str(environment)), where
    assert shell(environment, "mqn --version", folder).strip() == f"mqn {mqn.__version__}"
    assert "smoke" in shell(environment, "mqn search no-such-space", folder, code=2)  # Its data files came along.
    assert "agent" in shell(environment, "mqn agent serve --help", folder)


def test_readmes_commands_install_the_wheel(clone: Path, environment: Path) -> None:
    told = commands((clone / "README.md").read_text(encoding="utf-8"))
    assert any("[all]" in command for command in told)
    for command in told:
        assert WHEEL in command, f"{command}: no index has the package"
        # In the clone, or where the wheel was copied to.
        shell(environment, command, clone if "dist/" in command else clone / "dist")
        check_works(environment, clone.parent)
        shell(environment, "pip uninstall --yes --quiet mqn-platform", clone)


def test_agent_inits_commands_install_the_wheel(
    clone: Path, environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = clone / "dist" / WHEEL
    shell(environment, f"pip install {shlex.quote(f'{wheel}[agent]')}", clone)
    told = shell(environment, "mqn agent init --name board --host 127.0.0.1 --output made", tmp_path)
    (command,) = [step for line in told.splitlines() for step in commands(line)]
    # What `scp -r` brings to the board's home folder, under its name there.
    (tmp_path / "made").rename(tmp_path / "mqn-agent")
    shell(environment, "pip uninstall --yes --quiet mqn-platform", clone)
    shell(environment, command, tmp_path)
    check_works(environment, tmp_path)


def test_errors_advise_what_works(clone: Path, environment: Path, tmp_path: Path) -> None:
    shell(environment, f"pip install {shlex.quote(str(clone / 'dist' / WHEEL))}", clone)
    # As on a board: the base install, without what studies need.
    hidden = "import sys; sys.modules['optuna'] = None; from mqn.cli.app import run; sys.exit(run(['status', 'x']))"
    said = shell(environment, f"python -c {shlex.quote(hidden)}", tmp_path, code=1)
    (command,) = commands(said)
    shell(environment, command, tmp_path)
    check_works(environment, tmp_path)


def test_the_extras_name_what_doctor_looks_for() -> None:
    from mqn.cli.system.doctor import PACKAGES

    needs = " ".join(metadata.requires("mqn-platform") or ()).lower().replace("_", "-")
    named = [name for names in PACKAGES.values() for name in names]
    assert [name for name in named if name.lower().replace("_", "-") not in needs] == []
