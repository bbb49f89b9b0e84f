from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Literal

import pytest

from mqn.device import wire
from mqn.device.agent.http.routes import openapi
from mqn.device.agent.http.schema import describe_records
from mqn.parsing import to_plain
from mqn.records import MeasureSettings


@dataclass(frozen=True)
class Inner:
    """An inner record.

    More of it.
    """

    kind: Literal["a", "b"]
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True)
class Outer:
    """An outer record."""

    inner: Inner
    share: float | None = None
    tags: dict[str, str] = field(default_factory=dict)


def test_records_become_schemas() -> None:
    found = describe_records((Outer,), {("Outer", "share"): {"minimum": 0}})
    assert found == {
        "Outer": {
            "type": "object",
            "description": "An outer record.",
            "properties": {
                "inner": {"$ref": "#/components/schemas/Inner"},
                "share": {"anyOf": [{"type": "number"}, {"type": "null"}], "minimum": 0, "default": None},
                "tags": {"type": "object", "additionalProperties": {"type": "string"}},
            },
            "required": ["inner"],
            "additionalProperties": False,
        },
        "Inner": {
            "type": "object",
            "description": "An inner record.",
            "properties": {
                "kind": {"enum": ["a", "b"]},
                "numbers": {"type": "array", "items": {"type": "integer"}, "default": []},
            },
            "required": ["kind"],
            "additionalProperties": False,
        },
    }


def test_what_is_sent_fits_what_is_described(make_measurement) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    components = json.loads(json.dumps(openapi()))["components"]
    request = wire.JobRequest(files=wire.name_parts(["0" * 64] * 2), settings=MeasureSettings(processors=(0,)))
    status = wire.JobStatus(id="1", state="done", measurement=make_measurement())
    lease = wire.Lease(id="1", holder="a", state="held", ttl_seconds=60.0)
    for record in (request, status, lease, wire.LeaseRequest(holder="a")):
        schema = {"$ref": f"#/components/schemas/{type(record).__name__}", "components": components}
        jsonschema.validate(to_plain(record), schema)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**to_plain(record), "other": 1}, schema)


def test_only_health_needs_no_token() -> None:
    document = openapi()
    open_paths = [
        (path, method)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if "401" not in operation["responses"] or operation.get("security") == []
    ]
    assert document["security"] == [{"token": []}]
    assert open_paths == [(wire.HEALTH, "get")]
