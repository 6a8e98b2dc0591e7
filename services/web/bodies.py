"""Request bodies that an endpoint reads itself: their media type, their size, their encoding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from services.text import Text
from services.web.problem_types import BODY_TOO_LARGE, INVALID_BODY, UNSUPPORTED_MEDIA_TYPE
from services.web.problems import Fault, Problem

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.requests import Request

BodyFormat = Literal["json", "yaml"]

FORMATS: dict[str, BodyFormat] = {
    "application/json": "json",
    "application/yaml": "yaml",
    "application/x-yaml": "yaml",
    "text/yaml": "yaml",
}
"""The media types in which a manifest may be sent. `application/yaml` is the registered one (RFC 9512)."""


async def read_body(request: Request, limit: int | None = None) -> bytes:
    """Read the body: not empty, UTF-8, and at most `limit` bytes (None: what the operation itself allows).

    Raises:
        Problem: `body-too-large` (413), or `invalid-body` (400) when it is empty or not UTF-8.

    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if limit is not None and len(body) > limit:
            raise body_too_large(limit)
    if not body:
        raise Problem(INVALID_BODY, Text("请求体为空。", "The body is empty."))
    try:
        body.decode()
    except UnicodeDecodeError as error:
        detail = Text(f"第 {error.start} 个字节起不是 UTF-8。", f"From byte {error.start} on it is not UTF-8.")
        remedy = Text("请以 UTF-8 保存后再发送。", "Save it as UTF-8 and send it again.")
        raise Problem(INVALID_BODY, detail, errors=[Fault("", detail, remedy)]) from None
    return bytes(body)


def body_format(request: Request) -> BodyFormat:
    """Give the format that Content-Type names.

    Raises:
        Problem: `unsupported-media-type` (415) when it is none of `FORMATS`, missing, or not UTF-8.

    """
    return FORMATS[require_media_type(request.headers.get("content-type", ""), FORMATS)]


def require_media_type(content_type: str, accepted: Collection[str], header: str = "Accept") -> str:
    """Give the media type that a Content-Type header names, if it is among `accepted` and its charset is UTF-8.

    When it is not, the answer says in `header` which are.

    Raises:
        Problem: `unsupported-media-type` (415).

    """
    if content_type in accepted:
        return content_type
    media_type, *parameters = (part.strip().lower() for part in content_type.split(";"))
    accept = ", ".join(accepted)
    if media_type not in accepted:
        said = media_type or "-"
        detail = Text(f"内容类型 {said} 不在接受之列。", f"The media type {said} is not accepted.")
        remedy = Text(f"请在 Content-Type 中写明下列之一：{accept}。", f"Send one of these as Content-Type: {accept}.")
        raise _unsupported(detail, remedy, {header: accept})
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') not in {"utf-8", "utf8"}:
            detail = Text("只接受 UTF-8 编码。", "Only UTF-8 is accepted.")
            remedy = Text("请改用 charset=utf-8，或不写 charset。", "Send charset=utf-8, or no charset.")
            raise _unsupported(detail, remedy, {header: accept})
    return media_type


def body_too_large(limit: int) -> Problem:
    """Give the problem (413) of a body over `limit` bytes."""
    detail = Text(f"请求体最多 {limit} 字节。", f"A body may have at most {limit} bytes.")
    # The rest of the body is not read, so the connection cannot be used again.
    return Problem(BODY_TOO_LARGE, detail, headers={"Connection": "close"})


def _unsupported(detail: Text, remedy: Text, headers: dict[str, str]) -> Problem:
    fault = Fault("Content-Type:", detail, remedy)
    return Problem(UNSUPPORTED_MEDIA_TYPE, detail, errors=[fault], headers=headers)
