"""What a bundle was made with, as a CycloneDX bill of materials: packages, their licences, the data, the files."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from typing import Any

from mqn.data.licence import Origin
from mqn.records import Manifest

BILL = "sbom.json"
_SCHEMA = "http://cyclonedx.org/schema/bom-1.6.schema.json"
_LONGEST_LICENCE = 120
_UNSAID = {"", "UNKNOWN", "Dual License"}


def bill(
    title: str, version: str, stages: Mapping[str, Manifest], files: Mapping[str, str], origin: Origin | None
) -> dict[str, Any]:
    """Write the bill, CycloneDX 1.6 as plain values; the same inputs give the same bill.

    Versions are those of the processes that did the work, as their manifests say. Licences are read from the packages
    that are installed here, and say so where these are of another version.

    Args:
        title: the model's name.
        version: which study and trial it comes from.
        stages: of the trial that took part, by step.
        files: the model's files to their SHA-256.
        origin: of the training pictures; None: unknown.
    """
    parts: list[dict[str, Any]] = [
        {"type": "file", "bom-ref": f"file:{name}", "name": name, "hashes": [{"alg": "SHA-256", "content": sha256}]}
        for name, sha256 in files.items()
    ]
    if origin is not None:
        parts.append(_data(origin))
    used: dict[tuple[str, str], list[str]] = {}
    for step, manifest in stages.items():
        for package, found in manifest.versions.items():
            used.setdefault((package, found), []).append(step)
    parts += [_package(name, found, steps) for (name, found), steps in sorted(used.items())]
    model = {"type": "machine-learning-model", "bom-ref": "model", "name": title, "version": version}
    return {
        "$schema": _SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": model},
        "components": parts,
    }


def _data(origin: Origin) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "data", "bom-ref": "data", "name": origin.name, "version": origin.hash}
    if origin.procedural:
        found["description"] = "drawn by this program; no licence is needed"
    elif origin.licence:
        found["licenses"] = [{"license": {"name": origin.licence}}]
    else:
        found["description"] = "its licence is not recorded"
    return found


def _package(name: str, version: str, steps: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": "platform" if name == "python" else "library",
        "bom-ref": f"package:{name}@{version}",
        "name": name,
        "version": version,
        "properties": [{"name": "mqn:stages", "value": ", ".join(steps)}],
    }
    if name == "python":
        return {**found, "licenses": [{"license": {"id": "PSF-2.0"}}]}
    package = "mqn-platform" if name == "mqn" else name
    found["purl"] = f"pkg:pypi/{package.lower().replace('_', '-')}@{version}"
    try:
        about = importlib.metadata.metadata(package)
    except importlib.metadata.PackageNotFoundError:
        return found
    licence = _licence(about)
    if licence is not None:
        found["licenses"] = [licence]
        if about["Version"] != version:
            found["properties"].append({"name": "mqn:licence-of-version", "value": about["Version"]})
    return found


def _licence(about: importlib.metadata.PackageMetadata) -> dict[str, Any] | None:
    if "License-Expression" in about:
        return {"expression": about["License-Expression"]}
    # Where the library `importlib_metadata` is loaded, which MLflow brings, asking for a field that is missing fails.
    text = str(about["License"]).strip() if "License" in about else ""
    if text not in _UNSAID and len(text) <= _LONGEST_LICENCE and "\n" not in text:
        return {"license": {"name": text}}
    classifiers = [line.rpartition(" :: ")[2] for line in about.get_all("Classifier", []) if line.startswith("License")]
    return {"license": {"name": ", ".join(classifiers)}} if classifiers else None
