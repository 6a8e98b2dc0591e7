"""The OpenAPI document of a service, finished: scopes checked, every problem announced, raw bodies described."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.web.bodies import FORMATS
from services.web.operations import METHODS, Operation
from services.web.problem_types import (
    BODY_TOO_LARGE,
    DEADLINE_EXCEEDED,
    FORBIDDEN,
    HEADERS_TOO_LARGE,
    INVALID_BODY,
    INVALID_HEADER,
    INVALID_VALUE,
    OVERLOADED,
    PATH_TOO_LONG,
    RATE_LIMITED,
    UNAUTHENTICATED,
    UNKNOWN_PATH,
    UNSUPPORTED_MEDIA_TYPE,
)
from services.web.problems import PROBLEM_JSON, ProblemBody
from services.web.settings import SCOPES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from starlette.types import ASGIApp

    from services.web.problem_types import ProblemType

_SCHEMAS = "#/components/schemas/{model}"
_HEADERS_BY_STATUS = {
    401: {"WWW-Authenticate": "The scheme to use: Bearer."},
    429: {
        "Retry-After": "Seconds to wait.",
        "RateLimit": "What is left of the quota.",
        "RateLimit-Policy": "The quota.",
    },
    503: {"Retry-After": "Seconds to wait."},
}


def finish_document(document: dict[str, Any], kinds: Sequence[ProblemType]) -> dict[str, Any]:
    """Complete, in place, what FastAPI has generated; `kinds` are all problems the service can answer with.

    Raises:
        ValueError: an operation lacks scope, operationId or summary, or announces a problem not among `kinds`.

    """
    by_name = {kind.name: kind for kind in kinds}
    if len(by_name) != len(kinds):
        raise ValueError("two problem types have the same name")
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    _add_schema(schemas, ProblemBody.model_json_schema(ref_template=_SCHEMAS))
    components["responses"] = {}
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
    document["x-problems"] = {
        kind.uri: {"status": kind.status, "title": kind.title.en, "title-zh": kind.title.zh, "meaning": kind.meaning.en}
        for kind in sorted(kinds, key=lambda kind: (kind.status, kind.name))
    }
    seen: set[str] = set()
    for method, path, operation in _walk(document):
        _check(operation, f"{method} {path}", seen)
        _describe_raw_body(operation, schemas)
        if operation["x-scope"] != "public":
            # An installation may be open (on loopback), so the document says: a token, or none.
            operation["security"] = [{"bearer": [operation["x-scope"]]}, {}]
        _announce_problems(operation, path, by_name, components["responses"])
    components["schemas"] = dict(sorted(schemas.items()))
    components["responses"] = dict(sorted(components["responses"].items()))
    return document


def read_operations(
    document: Mapping[str, Any],
    apps: Mapping[tuple[str, str], ASGIApp],
    max_body_bytes: int,
) -> Iterator[Operation]:
    """Give every operation of a finished document.

    `apps` holds what answers, by method and path; `max_body_bytes` holds where an operation states no limit of its own.
    """
    for method, path, operation in _walk(document):
        yield Operation(
            id=operation["operationId"],
            method=method,
            template=path,
            scope=operation["x-scope"],
            media_types=tuple(operation.get("requestBody", {}).get("content", ())),
            query_names=frozenset(p["name"] for p in _in_query(operation)),
            repeatable=frozenset(p["name"] for p in _in_query(operation) if _is_list(p["schema"])),
            max_body_bytes=operation.get("x-max-body-bytes", max_body_bytes),
            is_probe=operation.get("x-probe", False),
            is_once=operation.get("x-once", False),
            app=apps[method, path],
        )


def _in_query(operation: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [parameter for parameter in operation.get("parameters", []) if parameter["in"] == "query"]


def _is_list(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "array" or any(map(_is_list, schema.get("anyOf", ())))


def _walk(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield method.upper(), path, item[method]


def _check(operation: Mapping[str, Any], place: str, seen: set[str]) -> None:
    if operation.get("x-scope") not in SCOPES:
        message = f"{place} declares no scope"
    elif not operation.get("summary"):
        message = f"{place} has no summary"
    elif operation.get("operationId", "") in seen | {""}:
        message = f"{place} has no operationId of its own"
    else:
        seen.add(operation["operationId"])
        return
    raise ValueError(message)


def _describe_raw_body(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    body = operation.pop("x-body", None)
    if body is None:
        return
    reference = {"$ref": _SCHEMAS.format(model=_add_schema(schemas, body["schema"]))}
    content = {media_type: {"schema": reference} for media_type in body.get("media_types") or FORMATS}
    operation["requestBody"] = {"required": body["required"], "content": content}


def _add_schema(schemas: dict[str, Any], schema: dict[str, Any]) -> str:
    """Add a schema and those it refers to; give its name, which is its title without spaces."""
    parts = schema.pop("$defs", {})
    name: str = schema["title"].replace(" ", "")
    for part_name, part in {**parts, name: schema}.items():
        if schemas.setdefault(part_name, part) != part:
            raise ValueError(f"two different schemas are called {part_name}")
    return name


def _announce_problems(
    operation: dict[str, Any],
    path: str,
    by_name: Mapping[str, ProblemType],
    shared: dict[str, Any],
) -> None:
    responses: dict[str, Any] = operation.setdefault("responses", {})
    # What FastAPI announces by itself is its own shape of a validation error; ours is added for every operation below.
    if "x-problems" not in responses.get("422", {}):
        responses.pop("422", None)
    names: dict[str, None] = {}
    for status in [status for status, response in responses.items() if "x-problems" in response]:
        names |= dict.fromkeys(responses.pop(status)["x-problems"])
    names |= dict.fromkeys(kind.name for kind in _always_possible(operation, path))
    by_status: dict[int, list[ProblemType]] = {}
    for name in names:
        if name not in by_name:
            raise ValueError(
                f"{operation['operationId']} announces the problem {name}, which the service does not list"
            )
        by_status.setdefault(by_name[name].status, []).append(by_name[name])
    for code, kinds in sorted(by_status.items()):
        kinds.sort(key=lambda kind: kind.name)
        key = "_".join(kind.name for kind in kinds)
        shared.setdefault(key, _problem_response(code, kinds))
        responses[str(code)] = {"$ref": f"#/components/responses/{key}"}


def _always_possible(operation: Mapping[str, Any], path: str) -> Iterator[ProblemType]:
    yield from (PATH_TOO_LONG, HEADERS_TOO_LARGE, RATE_LIMITED, DEADLINE_EXCEEDED)
    # A query parameter that does not exist is refused everywhere.
    yield INVALID_VALUE
    if not operation.get("x-probe"):
        yield OVERLOADED
    if operation["x-scope"] != "public":
        yield from (UNAUTHENTICATED, FORBIDDEN)
    if "{" in path:
        yield UNKNOWN_PATH
    if "requestBody" in operation:
        yield from (INVALID_BODY, INVALID_HEADER, BODY_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE)


def _problem_response(status: int, kinds: Sequence[ProblemType]) -> dict[str, Any]:
    response: dict[str, Any] = {
        "description": " / ".join(f"{kind.title.zh} {kind.title.en} ({kind.name})" for kind in kinds),
        "content": {
            PROBLEM_JSON: {
                "schema": {
                    "allOf": [
                        {"$ref": _SCHEMAS.format(model="Problem")},
                        {"properties": {"type": {"enum": [kind.uri for kind in kinds]}, "status": {"const": status}}},
                    ]
                }
            }
        },
    }
    headers = _HEADERS_BY_STATUS.get(status, {})
    if headers:
        response["headers"] = {
            name: {"description": said, "schema": {"type": "string"}} for name, said in headers.items()
        }
    return response
