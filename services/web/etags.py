"""Versions of a thing (RFC 9110, section 13): conditional reads, and changes that overwrite nobody's change."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Protocol

from starlette.datastructures import Headers
from starlette.responses import Response

from services.text import Text
from services.web.problem_types import INVALID_HEADER, PRECONDITION_FAILED, PRECONDITION_REQUIRED
from services.web.problems import Fault, Problem

_OPAQUE = re.compile(r"[\x21\x23-\x7e]+")
_TAG = re.compile(r'[ \t]*((?:W/)?"[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?:,|\Z)')


class Conditions(Protocol):
    """What has conditions: a request, or a part of one that has headers of its own."""

    @property
    def headers(self) -> Headers:
        """The headers."""
        ...


@dataclass(frozen=True, slots=True)
class Stated:
    """Conditions that stand elsewhere than in the headers of a request, beside one item of its body for instance."""

    headers: Headers

    @classmethod
    def of(cls, *, if_match: str | None = None, if_none_match: str | None = None) -> Stated:
        """Take the conditions, each written as in its header."""
        written = {"If-Match": if_match, "If-None-Match": if_none_match}
        return cls(Headers({name: value for name, value in written.items() if value is not None}))


def etag(version: str | int | bytes) -> str:
    """Give a strong entity tag, quotes included: a version's name or number as it is, content (bytes) by its digest.

    Raises:
        ValueError: a name that is empty or has characters other than visible ASCII without the quote.

    """
    if isinstance(version, bytes):
        return f'"{hashlib.sha256(version).hexdigest()[:32]}"'
    name = str(version)
    if not _OPAQUE.fullmatch(name):
        raise ValueError(f"{name!r} cannot be an entity tag")
    return f'"{name}"'


def require_if_match(request: Conditions, current: str | None) -> None:
    """Let a change pass only when `If-Match` names the `current` tag of what is changed (None: there is no such thing).

    Raises:
        Problem: `precondition-required` (428) without the header, `precondition-failed` (412) when it names other
            versions, `invalid-header` (400) when it cannot be read.

    """
    tags = _tags(request, "If-Match")
    if tags is None:
        remedy = Text("请先读取，再以其 ETag 作为 If-Match 发送。", "Read it first, and send its ETag as If-Match.")
        fault = Fault("If-Match:", PRECONDITION_REQUIRED.meaning, remedy)
        raise Problem(PRECONDITION_REQUIRED, errors=[fault])
    # Strong comparison: a weak tag promises too little to base a change on.
    if current is None or ("*" not in tags and current not in tags):
        raise _failed("If-Match:", current)


def require_if_none_match(request: Conditions, current: str | None) -> None:
    """Let a creation pass unless `If-None-Match` (usually `*`) names what is there; without the header it passes.

    Raises:
        Problem: `precondition-failed` (412), or `invalid-header` (400) when it cannot be read.

    """
    tags = _tags(request, "If-None-Match")
    if tags is not None and current is not None and ("*" in tags or _weakly(current) in map(_weakly, tags)):
        raise _failed("If-None-Match:", current)


def require_for_put(request: Conditions, current: str | None) -> None:
    """Let a PUT pass that creates (nothing is there, and no `If-Match`) or changes what the caller has read.

    Raises:
        Problem: as `require_if_match` and `require_if_none_match` do.

    """
    require_if_none_match(request, current)
    if current is not None or _tags(request, "If-Match") is not None:
        require_if_match(request, current)


def not_modified(request: Conditions, current: str) -> Response | None:
    """Give the 304 answer when `If-None-Match` names the `current` tag, else None: answer in full, with the ETag."""
    tags = _tags(request, "If-None-Match")
    if tags is None or ("*" not in tags and _weakly(current) not in map(_weakly, tags)):
        return None
    return Response(status_code=304, headers={"ETag": current})


def _tags(request: Conditions, header: str) -> set[str] | None:
    lines = request.headers.getlist(header)
    if not lines:
        return None
    value = ",".join(lines).strip()
    if value == "*":
        return {"*"}
    if not value:
        raise _unreadable(header)
    tags: set[str] = set()
    position = 0
    while position < len(value):
        tag = _TAG.match(value, position)
        if tag is None:
            raise _unreadable(header)
        tags.add(tag[1])
        position = tag.end()
    return tags


def _weakly(tag: str) -> str:
    return tag.removeprefix("W/")


def _failed(place: str, current: str | None) -> Problem:
    remedy = Text("请重新读取，在当前版本上再作更改。", "Read it again and make the change on the current version.")
    fault = Fault(place, PRECONDITION_FAILED.meaning, remedy)
    return Problem(PRECONDITION_FAILED, errors=[fault], headers={"ETag": current} if current else None)


def _unreadable(header: str) -> Problem:
    detail = Text("不是实体标签的列表。", "This is not a list of entity tags.")
    remedy = Text(
        '请写作 "标签"（带双引号），多个以逗号分隔，或写 *。',
        'Write "tag" in double quotes, several with commas, or *.',
    )
    return Problem(INVALID_HEADER, errors=[Fault(f"{header}:", detail, remedy)])
