"""Runs every benchmark: `make bench`, or `python -m tests.benchmarks NAME ...` for some.

Each file `bench_*.py` measures its two sides in turn, in one run, and returns their ratio with the limit that the
project claims. The figures go to `benchmarks.json`.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

from mqn.errors import MqnError

FOLDER = Path(__file__).parent


def main(names: list[str]) -> int:
    """Run benchmarks by name (all without names); 1 if one is above its limit, or cannot be run."""
    known = sorted(file.stem.removeprefix("bench_") for file in FOLDER.glob("bench_*.py"))
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"no benchmark {unknown[0]!r}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    results: list[dict[str, Any]] = []
    missing = False
    for name in names or known:
        print(f"{name} ...", file=sys.stderr, flush=True)
        try:
            result = importlib.import_module(f"tests.benchmarks.bench_{name}").run()
        except MqnError as error:
            print(f"{name}: NOT RUN: {error}")
            missing = True
            continue
        kept = result["ratio"] <= result["limit"]
        print(f"{result['name']}: {result['ratio']:.3f}, limit {result['limit']} {'kept' if kept else 'BROKEN'}")
        print(f"    {json.dumps(result['detail'])}")
        results.append({**result, "kept": kept})
    Path("benchmarks.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0 if not missing and all(result["kept"] for result in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
