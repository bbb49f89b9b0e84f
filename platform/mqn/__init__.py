"""mqn: search neural architectures and mixed quantization for the phone, by measurement.

For notebooks, each imported at its first use:

- `mqn.open_study("first")`: a study; its records, a pandas table, its front, its status.
- `mqn.load_bundle("bundle")`: a model; `predict` turns an LDR array into an HDR array.
- `mqn.run_search("smoke", trials=3)`: run a search; returns the study.

`mqn.notebook` documents them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mqn.distribution import __version__
    from mqn.notebook import Model, Study, load_bundle, open_study, run_search

__all__ = ["Model", "Study", "__version__", "load_bundle", "open_study", "run_search"]

if not TYPE_CHECKING:  # A type checker would take every unknown name for one of these.

    def __getattr__(name: str) -> object:
        import importlib

        if name not in __all__:
            raise AttributeError(f"module 'mqn' has no attribute {name!r}")
        return getattr(importlib.import_module("mqn.distribution" if name == "__version__" else "mqn.notebook"), name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
