"""The table of routes: the application and its OpenAPI document are built from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mqn.device import wire
from mqn.device.agent.http.schema import describe_records, refer
from mqn.distribution import __version__
from mqn.records import DeviceInfo, MachineState

_REFUSALS = {
    400: "cannot be read as HTTP",
    401: "no token, a wrong or an expired one",
    404: "nothing of that name here",
    408: "the body does not come",
    409: "not now: no lease, a full queue, or an agent on its way down",
    413: "too many bytes",
    421: "asked for under a name that is not this agent's",
    422: "understood, and cannot be",
    429: "too much at once",
    503: "the agent cannot reach its device",
    507: "the agent's disk is full",
}
_BOUNDS: dict[tuple[str, str], dict[str, Any]] = {
    ("JobFile", "sha256"): {"pattern": wire.MODEL_NAME.pattern},
    ("JobRequest", "files"): {"minItems": 1, "maxItems": 2},
    ("JobRequest", "against"): {"maxItems": 2},
    ("LeaseRequest", "holder"): {"minLength": 1, "maxLength": wire.MAX_HOLDER_CHARACTERS},
    ("LeaseRequest", "ttl_seconds"): {"minimum": wire.MIN_LEASE_SECONDS, "maximum": wire.MAX_LEASE_SECONDS},
    ("MeasureSettings", "threads"): {"minimum": 1, "maximum": wire.MAX_THREADS},
    ("MeasureSettings", "processes"): {"minimum": 1, "maximum": wire.MAX_PROCESSES},
    ("MeasureSettings", "runs"): {"minimum": 1, "maximum": wire.MAX_RUNS},
    ("MeasureSettings", "attempts"): {"minimum": 1},
    ("MeasureSettings", "seconds"): {"minimum": 0, "maximum": wire.MAX_TIMEOUT_SECONDS},
    ("MeasureSettings", "warmup_seconds"): {"minimum": 0},
    ("MeasureSettings", "warmup_limit_seconds"): {"minimum": 0, "maximum": wire.MAX_TIMEOUT_SECONDS},
    ("MeasureSettings", "timeout_seconds"): {"exclusiveMinimum": 0, "maximum": wire.MAX_TIMEOUT_SECONDS},
    ("MeasureSettings", "memory_limit_mb"): {"minimum": 64, "maximum": wire.MAX_MEMORY_LIMIT_MB},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One route.

    Attributes:
        method: of HTTP.
        path: with its parameters in braces.
        does: the endpoint's name, which says what it does.
        summary: likewise, in words.
        answers: by status, the record or media type that comes; None: nothing.
        takes: the record or media type that goes; None: nothing.
        waits: whether the answer may be waited for.
        keyed: whether it may be repeated under an idempotency key.
        leased: whether it names a lease.
        refuses: statuses of its own, beside those that every path has.
    """

    method: str
    path: str
    does: str
    summary: str
    answers: dict[int, type | str | None]
    takes: type | str | None = None
    waits: bool = False
    keyed: bool = False
    leased: bool = False
    refuses: tuple[int, ...] = ()


_MODEL, _LEASE, _JOB = wire.MODELS + "/{sha256}", wire.LEASES + "/{id}", wire.JOBS + "/{id}"
_BYTES, _ANY = "application/octet-stream", "application/json"

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        method="PUT", path=_MODEL, does="put_model", summary="Take a model in", takes=_BYTES,
        answers={200: _ANY, 201: _ANY}, leased=True, refuses=(404, 408, 413, 422, 429, 507),
    ),
    Operation(
        method="HEAD", path=_MODEL, does="head_model", summary="Say whether a model is here", answers={200: None},
        refuses=(404, 422),
    ),
    Operation(
        method="POST", path=wire.LEASES, does="post_lease", summary="Ask for the device", takes=wire.LeaseRequest,
        answers={201: wire.Lease}, keyed=True, refuses=(408, 409, 413, 422, 507),
    ),
    Operation(
        method="GET", path=_LEASE, does="get_lease", summary="Say where a lease stands", answers={200: wire.Lease},
        waits=True, refuses=(404, 422),
    ),
    Operation(
        method="PUT", path=_LEASE, does="put_lease", summary="Take a sign of life", answers={200: wire.Lease},
        refuses=(404,),
    ),
    Operation(
        method="DELETE", path=_LEASE, does="delete_lease", summary="Take a lease back", answers={200: wire.Lease},
        refuses=(404,),
    ),
    Operation(
        method="POST", path=wire.JOBS, does="post_job", summary="Queue a job", takes=wire.JobRequest,
        answers={202: wire.JobStatus}, keyed=True, leased=True, refuses=(404, 408, 409, 413, 422, 507),
    ),
    Operation(
        method="GET", path=_JOB, does="get_job", summary="Say where a job stands", answers={200: wire.JobStatus},
        waits=True, refuses=(404, 422),
    ),
    Operation(
        method="DELETE", path=_JOB, does="delete_job", summary="Cancel a job", answers={200: wire.JobStatus},
        refuses=(404,),
    ),
    Operation(
        method="GET", path=wire.DEVICE, does="get_device", summary="Say who the device is", answers={200: DeviceInfo},
        refuses=(503,),
    ),
    Operation(
        method="GET", path=wire.STATE, does="get_state", summary="Say how the device is", answers={200: MachineState},
        refuses=(503,),
    ),
    Operation(
        method="GET", path=wire.ISOLATION, does="get_isolation", summary="Say what passes are kept from",
        answers={200: wire.Isolation}, refuses=(503,),
    ),
    Operation(
        method="GET", path=wire.METRICS, does="get_metrics", summary="Say what was counted",
        answers={200: "text/plain"},
    ),
    Operation(
        method="GET", path=wire.OPENAPI, does="get_openapi", summary="Describe this interface", answers={200: _ANY}
    ),
    Operation(method="GET", path=wire.HEALTH, does="get_health", summary="Say that it lives", answers={200: _ANY}),
)  # fmt: skip


def openapi() -> dict[str, Any]:
    """This interface as an OpenAPI 3.1 document."""
    records = (wire.LeaseRequest, wire.Lease, wire.JobRequest, wire.JobStatus, DeviceInfo, MachineState)
    error = {
        "type": "object",
        "properties": {"error": {"type": "string"}},
        "required": ["error"],
        "additionalProperties": False,
    }
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _describe(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "mqn device agent", "version": __version__, "description": "Lends a device over HTTP."},
        "paths": paths,
        "security": [{"token": []}],
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Error": error, **describe_records(records, _BOUNDS)},
        },
    }


def _describe(operation: Operation) -> dict[str, Any]:
    refused = {401, 421, 429, *operation.refuses} if operation.path != wire.HEALTH else {421, 429}
    responses: dict[str, Any] = {
        str(status): {"description": "done", **_content(answer)} for status, answer in operation.answers.items()
    }
    for status in sorted(refused):
        body = {} if operation.method == "HEAD" else _content("Error")
        responses[str(status)] = {"description": _REFUSALS[status], **body}
    described: dict[str, Any] = {
        "operationId": operation.does,
        "summary": operation.summary,
        "parameters": list(_parameters(operation)),
        "responses": responses,
    }
    if operation.takes is not None:
        described["requestBody"] = {"required": True, **_content(operation.takes)}
    if operation.path == wire.HEALTH:
        described["security"] = []
    return described


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if "{sha256}" in operation.path:
        schema: dict[str, Any] = {"type": "string", "pattern": wire.MODEL_NAME.pattern}
        found.append({"name": "sha256", "in": "path", "required": True, "schema": schema})
    if "{id}" in operation.path:
        found.append({"name": "id", "in": "path", "required": True, "schema": {"type": "string"}})
    if operation.waits:
        schema = {"type": "number", "minimum": 0, "maximum": wire.MAX_WAIT_SECONDS, "default": 0}
        found.append({"name": "wait", "in": "query", "required": False, "schema": schema})
    if operation.keyed:
        schema = {"type": "string", "maxLength": wire.MAX_KEY_CHARACTERS}
        found.append({"name": wire.IDEMPOTENCY_HEADER, "in": "header", "required": False, "schema": schema})
    if operation.leased:
        found.append({"name": wire.LEASE_HEADER, "in": "header", "required": False, "schema": {"type": "string"}})
    return found


def _content(what: type | str | None) -> dict[str, Any]:
    if what is None:
        return {}
    if what == "Error":
        return {"content": {_ANY: {"schema": {"$ref": "#/components/schemas/Error"}}}}
    if isinstance(what, str):
        schema = {} if what == _ANY else {"type": "string"}
        return {"content": {what: {"schema": schema}}}
    return {"content": {_ANY: {"schema": refer(what)}}}
