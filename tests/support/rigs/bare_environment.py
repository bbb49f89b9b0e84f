"""A virtual environment with all that the platform depends on, but without the platform: what Ray's nodes may have.

python = make_bare_environment(tmp_path / "bare")
node = ray.add_node(cpus=2, python=str(python))      # its workers can import mqn only where it is brought to them
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path


def make_bare_environment(folder: Path) -> Path:
    """Make it in a moment: it links to the packages of this process's environment, but for the platform's.

    Left out is what an installation of the platform leaves there: a `.pth` file to its code, its TOML files in a folder
    `mqn`, its metadata.

    Returns:
        Its interpreter.

    Raises:
        RuntimeError: `mqn` can be imported there all the same.
    """
    import ray

    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    packages = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    for path in Path(ray.__file__).parents[1].iterdir():
        if path.suffix != ".pth" and not path.name.startswith(("mqn", "_mqn", "__")):
            (packages / path.name).symlink_to(path)
    command = [str(python), "-c", "import ray, mqn"]
    said = subprocess.run(command, cwd=folder, env={}, capture_output=True, text=True, check=False).stderr
    if "No module named 'mqn'" not in said:
        raise RuntimeError(f"mqn is no stranger to {python}: {said or 'it can be imported'}")
    return python
