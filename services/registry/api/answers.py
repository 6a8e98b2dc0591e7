"""What the operations of the registry answer: the shapes, and the bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import Response

from services.web import encode_cursor, etag, not_modified

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request


def answer(
    body: Mapping[str, Any],
    *,
    status: int = 200,
    revision: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Give the response with `body` as JSON; its entity tag is the `revision`, where one is given."""
    told = {**(headers or {}), **({} if revision is None else {"ETag": etag(revision)})}
    return Response(orjson.dumps(body), status_code=status, headers=told, media_type="application/json")


def answer_unless_known(request: Request, body: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    """Give the response with `body`, or 304 when the caller holds just that; its entity tag is that of its bytes."""
    content = orjson.dumps(body)
    tag = etag(content)
    unchanged = not_modified(request, tag)
    if unchanged is not None:
        return unchanged
    return Response(content, headers={**headers, "ETag": tag}, media_type="application/json")


def next_page(
    request: Request, position: Mapping[str, str | int], filters: Mapping[str, object]
) -> tuple[str, dict[str, str]]:
    """Give the cursor that continues after `position`, and the Link header that keeps every filter."""
    cursor = encode_cursor(position, filters)
    url = request.url.include_query_params(cursor=cursor)
    return cursor, {"Link": f'<{url.path}?{url.query}>; rel="next"'}
