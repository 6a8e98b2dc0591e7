"""Reports as files, over HTTP: the same formats that the command line writes."""

from collections.abc import Sequence
from datetime import date
from importlib.metadata import version
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from services.audit.api.checks import REGISTRY_UNAVAILABLE, On, problem_of, reading_of, refuse_body
from services.audit.checks import Checks, UnknownApp
from services.audit.clock import today
from services.audit.formats.checked import Judged
from services.audit.formats.rendering import FORMATS, FormatName, render
from services.audit.registry_client import RegistryUnavailable
from services.manifest.model import Manifest
from services.manifest.reading import MAX_BYTES
from services.manifest.values import AppId
from services.text import Lang
from services.web import NOT_FOUND, language_of, operation

router = APIRouter(prefix="/v1", tags=["checks"])

Format = Annotated[FormatName, Query(description="格式 · the format")]
LangQuery = Annotated[
    Lang | None, Query(description="语言，默认按 Accept-Language · the language; by Accept-Language when not given")
]


def declared(**declared: Any) -> dict[str, Any]:  # noqa: ANN401 - what `operation` gives
    """Declare an operation that answers with a file in any of the formats."""
    said = {"schema": {"type": "string", "format": "binary", "description": "报告 · the report"}}
    media_types = sorted({each.media_type.partition(";")[0] for each in FORMATS.values()})
    declared["responses"][200] = {
        "description": "所选格式的报告 · the report in the format asked for",
        "content": dict.fromkeys(media_types, said),
    }
    return {**declared, "response_class": Response}


def written(request: Request, judged: Judged, format: FormatName, lang: Lang | None) -> Response:
    """Answer with a report in a format, as a file that a browser saves under the name of the app."""
    return file_of(request, [judged], format, lang, name=judged.report.app or "report", on=judged.report.on)


def file_of(
    request: Request, judged: Sequence[Judged], format: FormatName, lang: Lang | None, *, name: str, on: date
) -> Response:
    """Answer with reports in a format, as a file of that name."""
    chosen = FORMATS[format]
    content = render(judged, format, lang=lang or language_of(request), version=version("govapp"), on=on)
    headers = {"Content-Disposition": f'inline; filename="{name}{chosen.suffix}"', "Vary": "Accept-Language"}
    if format == "html":
        # A page of ours runs nothing and fetches nothing; the browser is told so as well.
        headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    return Response(content, media_type=chosen.media_type, headers=headers)


@router.post(
    "/reports",
    summary="检查并写成报告文件 · Check, and write the report as a file",
    **declared(
        **operation(
            "public", NOT_FOUND, REGISTRY_UNAVAILABLE, body=Manifest, is_body_required=False, max_body_bytes=MAX_BYTES
        )
    ),
)
async def write_report(
    request: Request,
    format: Format = "html",
    lang: LangQuery = None,
    on: On = None,
    app: Annotated[AppId | None, Query(description="已登记应用的标识，代替请求体 · id of a registered app")] = None,
) -> Response:
    """Judge an app as `POST /v1/checks` does, and write the report in a format that people file.

    Send the manifest as the body (JSON or YAML), whose lines and columns the report then names, or name a registered
    app with `?app=`.
    """
    checks: Checks = request.state.checks
    day = on or today()
    if app is None:
        reading = await reading_of(request)
        report = await checks.check(reading.manifest, day)
        judged = Judged(report.app or "manifest", report, reading.positions, reading.manifest)
        return written(request, judged, format, lang)
    await refuse_body(request)
    try:
        report = await checks.check_registered(app, day)
    except (UnknownApp, RegistryUnavailable) as reason:
        raise problem_of(reason, "?app") from reason
    return written(request, Judged(app, report), format, lang)
