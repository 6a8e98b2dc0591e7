"""What an operation declares, and the table by which the gate finds it again.

The table is made from the finished OpenAPI document, so what callers read is what is enforced: a path that the document
does not show cannot be reached, and an operation without a scope keeps the service from starting.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from services.web.idempotency import KEY_PATTERN
from services.web.problem_types import (
    INVALID_HEADER,
    KEY_IN_USE,
    KEY_REUSED,
    PRECONDITION_FAILED,
    PRECONDITION_REQUIRED,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pydantic import BaseModel
    from starlette.types import ASGIApp

    from services.web.problem_types import ProblemType
    from services.web.settings import Scope

Conditional = Literal["get", "put", "change"]

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
"""The keys of an OpenAPI path item that are operations."""

_ENTITY_TAGS = r'^(\*|(W/)?"[!#-~]*"(, ?(W/)?"[!#-~]*")*)$'
_CONDITION_HEADERS = {
    "get": {"If-None-Match": "The version the caller holds; when it is still the current one, the answer is 304."},
    "put": {
        "If-Match": "The version this change is based on; needed unless the thing is new.",
        "If-None-Match": "`*` when the thing must be new.",
    },
    "change": {"If-Match": "The version this change is based on; needed."},
}

_KEY_SAID = (
    "A name of the caller's own for this request, best a UUID: sent again under it, the request is not done twice, and "
    "the answer is the same. Recommended."
)

# No path holds a control character: no name has one, and a line break at the end slips past patterns that end with `$`.
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BLOT = "\x00"


def operation(  # noqa: PLR0913 - all that an operation declares, each by its name.
    scope: Scope,
    *raises: ProblemType,
    body: type[BaseModel] | None = None,
    is_body_required: bool = True,
    media_types: Sequence[str] | None = None,
    conditional: Conditional | None = None,
    is_once: bool = False,
    max_body_bytes: int | None = None,
    is_probe: bool = False,
) -> dict[str, Any]:
    """Declare an operation: `@router.get("/v1/rules", summary="…", **operation("public", NOT_FOUND))`.

    Args:
        scope: what the caller must hold.
        raises: the problems of the endpoint itself; those that any operation can have are added to the document.
        body: for an endpoint that reads its body with `read_body`: the model that the document shows for it, as JSON
            and as YAML. (FastAPI documents a body that is a parameter.)
        is_body_required: False when the endpoint can do without that body.
        media_types: in which media types that body may be sent, where it is none of `FORMATS`.
        conditional: `get` for a read that may answer 304 (`not_modified`), `put` for `require_for_put`, `change` for
            `require_if_match`.
        is_once: it changes something, and its answer is kept with the change for whoever sends the request again
            under the same `Idempotency-Key` (see `Answers`). Every POST and PATCH that changes something is.
        max_body_bytes: the largest body, where the service's own limit does not fit.
        is_probe: answered even when the service is overloaded, for those who watch over it.

    """
    kinds = list(raises)
    extra: dict[str, Any] = {"x-scope": scope}
    if body is not None:
        schema = body.model_json_schema(ref_template="#/components/schemas/{model}")
        extra["x-body"] = {"schema": schema, "required": is_body_required, "media_types": media_types}
    if max_body_bytes is not None:
        extra["x-max-body-bytes"] = max_body_bytes
    if is_probe:
        extra["x-probe"] = True
    if conditional is not None:
        is_required = conditional == "change"
        headers = [
            _header(name, said, _ENTITY_TAGS, is_required=is_required)
            for name, said in _CONDITION_HEADERS[conditional].items()
        ]
        extra["parameters"] = headers
        kinds += (
            [INVALID_HEADER] if conditional == "get" else [INVALID_HEADER, PRECONDITION_FAILED, PRECONDITION_REQUIRED]
        )
    if is_once:
        extra["x-once"] = True
        extra.setdefault("parameters", []).append(_header("Idempotency-Key", _KEY_SAID, KEY_PATTERN, is_required=False))
        kinds += [INVALID_HEADER, KEY_IN_USE, KEY_REUSED]
    responses = problems(*kinds)
    if conditional == "get":
        responses[304] = {"description": "The version that If-None-Match names is the current one."}
    return {"responses": responses, "openapi_extra": extra}


def _header(name: str, said: str, pattern: str, *, is_required: bool) -> dict[str, Any]:
    schema = {"type": "string", "pattern": pattern}
    return {"name": name, "in": "header", "required": is_required, "description": said, "schema": schema}


def problems(*kinds: ProblemType) -> dict[int | str, dict[str, Any]]:
    """Give the `responses=` that announce problems, for a router or a route; the finished document spells them out."""
    by_status: defaultdict[int, list[str]] = defaultdict(list)
    for kind in dict.fromkeys(kinds):
        by_status[kind.status].append(kind.name)
    return {status: {"description": ", ".join(names), "x-problems": names} for status, names in by_status.items()}


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the OpenAPI document, as far as the gate enforces it, and the ASGI object that does it."""

    id: str
    method: str
    template: str
    scope: Scope
    media_types: tuple[str, ...]
    query_names: frozenset[str]
    repeatable: frozenset[str]
    max_body_bytes: int
    is_probe: bool
    is_once: bool
    app: ASGIApp

    def parameters_in(self, path: str) -> dict[str, str]:
        """Give the parameters that a decoded path of this operation holds, by name."""
        if "{" not in self.template:
            return {}
        pairs = zip(self.template.split("/"), path.split("/"), strict=True)
        return {name[1:-1]: value for name, value in pairs if name.startswith("{")}


class Operations:
    """All operations of a service, found by path.

    A router that tries one route after the other takes longer the more routes there are. Here a path is looked up as it
    is, then with its parameters blotted out, once for each way in which parameters are arranged in paths of its length.
    """

    def __init__(self, operations: Iterable[Operation]) -> None:
        """Index `operations`.

        Raises:
            ValueError: a parameter in a path is not a whole segment.

        """
        self._all = tuple(operations)
        self._by_path: defaultdict[str, dict[str, Operation]] = defaultdict(dict)
        arrangements: defaultdict[int, set[tuple[bool, ...]]] = defaultdict(set)
        for entry in self._all:
            segments = entry.template.split("/")
            is_parameter = tuple(_is_parameter(segment, entry.template) for segment in segments)
            self._by_path[_blot_out(segments, is_parameter)][entry.method] = entry
            if any(is_parameter):
                arrangements[len(segments)].add(is_parameter)
        # Where two paths fit, the one with the earlier fixed segment is meant, in whatever order they were declared.
        self._arrangements = {length: sorted(ways) for length, ways in arrangements.items()}

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._all)

    def at(self, path: str) -> Mapping[str, Operation]:
        """Give what answers at a decoded path: operations by upper-case method; none when there is no such path."""
        if _CONTROL.search(path):
            return {}
        found = self._by_path.get(path)
        if found is not None:
            return found
        segments = path.split("/")
        for is_parameter in self._arrangements.get(len(segments), ()):
            found = self._by_path.get(_blot_out(segments, is_parameter))
            if found is not None and all(segments[i] for i, does in enumerate(is_parameter) if does):
                return found
        return {}


def _blot_out(segments: Sequence[str], is_parameter: Sequence[bool]) -> str:
    return "/".join([_BLOT if does else text for text, does in zip(segments, is_parameter, strict=True)])


def _is_parameter(segment: str, template: str) -> bool:
    if "{" not in segment:
        return False
    if segment.startswith("{") and segment.endswith("}") and segment.count("{") == 1:
        return True
    raise ValueError(f"{template}: a parameter must be a whole segment of the path")
