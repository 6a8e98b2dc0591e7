"""Problems: what a caller is told when a request fails, in one shape (RFC 9457) everywhere."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from services.text import Lang, Text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from services.web.problem_types import ProblemType

PROBLEM_JSON = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a request.

    `pointer` says where: a JSON pointer into the body (`/features/0/kind`, empty for the whole body), `?limit` for a
    query parameter, `{id}` for a part of the path, `If-Match:` for a header.
    """

    pointer: str
    detail: Text
    remedy: Text | None = None


class Problem(HTTPException):
    """Raised anywhere below an endpoint, and answered as problem+json.

    It is an `HTTPException` because FastAPI turns any other exception into its own 400 while it reads a body.
    """

    def __init__(
        self,
        kind: ProblemType,
        detail: Text | None = None,
        *,
        errors: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.kind = kind
        self.text = detail or kind.meaning
        self.errors = tuple(errors)
        super().__init__(kind.status, self.text.en, headers)

    def __str__(self) -> str:
        return f"{self.kind.name}: {self.text.en}"


class FaultBody(BaseModel):
    """One thing wrong with the request."""

    model_config = ConfigDict(extra="forbid", title="Fault")

    pointer: str = Field(
        description="Where: a JSON pointer into the body (empty for all of it), `?name` for a query parameter, "
        "`{name}` for a part of the path, `Name:` for a header."
    )
    detail: str = Field(description="What is wrong there.")
    remedy: str | None = Field(description="What to do about it, when that is known.")


class ProblemBody(BaseModel):
    """Why a request failed (RFC 9457), in Chinese, or in English when `Accept-Language` prefers it."""

    model_config = ConfigDict(extra="forbid", title="Problem")

    type: str = Field(description="The kind of problem, a permanent URN.")
    title: str = Field(description="The kind of problem in words; the same for every occurrence.")
    status: int = Field(description="The HTTP status.", ge=400, le=599)
    detail: str = Field(description="What happened this time.")
    instance: str = Field(description="The path that was asked.")
    request_id: str = Field(description="The id of this request in the logs.")
    errors: list[FaultBody] = Field(description="Everything wrong with the request, at once; may be empty.")


def preferred_language(accept_language: str) -> Lang:
    """Decide between `zh` and `en` by the weights of an Accept-Language header; without a preference, `zh`."""
    weights: dict[str, float] = {}
    for entry in accept_language.split(",")[:20]:
        tag, *parameters = (part.strip().lower() for part in entry.split(";"))
        quality = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        primary = tag.partition("-")[0]
        try:
            weight = float(quality)
        except ValueError:
            continue
        weights[primary] = max(weight, weights.get(primary, 0))
    return "en" if weights.get("en", 0) > weights.get("zh", weights.get("*", 0)) else "zh"


def problem_body(problem: Problem, *, lang: Lang, instance: str, request_id: str) -> dict[str, Any]:
    """Give the JSON object that says `problem` in one language."""
    return {
        "type": problem.kind.uri,
        "title": problem.kind.title.in_(lang),
        "status": problem.kind.status,
        "detail": problem.text.in_(lang),
        "instance": instance,
        "request_id": request_id,
        "errors": [
            {
                "pointer": fault.pointer,
                "detail": fault.detail.in_(lang),
                "remedy": fault.remedy.in_(lang) if fault.remedy else None,
            }
            for fault in problem.errors
        ],
    }


def problem_response(problem: Problem, *, lang: Lang, instance: str, request_id: str) -> Response:
    """Give the HTTP response that says `problem`."""
    body = problem_body(problem, lang=lang, instance=instance, request_id=request_id)
    return Response(
        # What callers sent may be quoted in it, lone surrogates included, which UTF-8 cannot say.
        json.dumps(body, ensure_ascii=False).encode("utf-8", "backslashreplace"),
        status_code=problem.kind.status,
        media_type=PROBLEM_JSON,
        headers={
            **(problem.headers or {}),
            "Content-Language": "zh-CN" if lang == "zh" else "en",
            "Vary": "Accept-Language",
            "Cache-Control": "no-store",
        },
    )
