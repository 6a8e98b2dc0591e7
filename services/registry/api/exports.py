"""Exports over HTTP: the apps of one registry revision as a file; and the empty file that sponsors fill in."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from enum import StrEnum
from typing import Annotated, Any, cast
from urllib.parse import quote

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from services.registry import sheets
from services.registry.api import moments
from services.registry.api.desk import DATABASE_UNAVAILABLE, desk_of
from services.registry.api.moments import AS_OF, HEADER, AsOfText
from services.registry.api.streams import streams_of
from services.registry.filters import AppFilter
from services.registry.sheets import Form, Registered
from services.registry.store import exports
from services.registry.store.database import Database
from services.registry.store.past import AsOf
from services.registry.store.snapshots import Snapshot
from services.text import Lang, Text
from services.web import language_of, operation

router = APIRouter(prefix="/v1", tags=["exports"])

_LANGUAGE = (
    "标题和用词的语言（XLSX、CSV），默认依 Accept-Language；导入时两种都读"
    " · language of headings and words (XLSX, CSV), by Accept-Language when not given; imports read both"
)


class Format(StrEnum):
    """The forms in which apps are exported. Archives hold all tables, or files; CSV alone is the table of apps."""

    XLSX = "xlsx"
    CSV = "csv"
    CSV_ZIP = "csv.zip"
    NDJSON = "ndjson"
    YAML_ZIP = "yaml.zip"
    PARQUET = "parquet"

    @property
    def media_type(self) -> str:
        """The media type of such files."""
        return "text/csv; charset=utf-8; header=present" if self is Format.CSV else self._form.media_type

    @property
    def has_words(self) -> bool:
        """Whether such files have headings, and so a language."""
        return self in {Format.XLSX, Format.CSV, Format.CSV_ZIP}

    @property
    def _form(self) -> Form:
        return Form(self.value.removesuffix(".zip"))

    def written(self, apps: Iterator[Registered], lang: Lang) -> Iterator[bytes]:
        """Write apps in this form."""
        return sheets.written_table(apps, lang) if self is Format.CSV else sheets.written(apps, self._form, lang)


class TemplateFormat(StrEnum):
    """The forms of files to fill in."""

    XLSX = "xlsx"
    CSV_ZIP = "csv.zip"


class ExportQuery(AppFilter):
    """Which apps, as of when, and how they are written."""

    format: Format = Field(
        description="文件形式；csv 只有“应用”一张表，csv.zip 含全部各表，yaml.zip 每个应用一份清单"
        " · the form of the file; csv holds the table of apps only, csv.zip all tables, yaml.zip a manifest an app"
    )
    lang: Lang | None = Field(default=None, description=_LANGUAGE)
    as_of: AsOfText | None = Field(default=None, description=AS_OF)


def _files(*formats: Format, is_snapshot: bool) -> dict[str, Any]:
    kinds = (DATABASE_UNAVAILABLE,) if is_snapshot else ()
    declared = operation("read", *kinds)
    name = {"description": "The name under which to keep it.", "schema": {"type": "string"}}
    number = {"description": "The registry revision that the file stands for.", "schema": {"type": "integer"}}
    media_types = dict.fromkeys(each.media_type.partition(";")[0] for each in formats)
    declared["responses"][200] = {
        "description": "文件 · the file",
        "content": {each: {"schema": {"type": "string", "format": "binary"}} for each in media_types},
        "headers": {"Content-Disposition": name, **({HEADER: number} if is_snapshot else {})},
    }
    return {**declared, "response_class": Response}


@router.get("/exports/apps", summary="导出应用 · Export apps as a file", **_files(*Format, is_snapshot=True))
async def export_apps(request: Request, query: Annotated[ExportQuery, Query()]) -> Response:
    """Stream all apps that the conditions hold for, in the order of their ids, as of one registry revision.

    The conditions are those of lists. XLSX, `csv.zip`, NDJSON and `yaml.zip` hold all that was declared and can be
    imported again. Texts that a spreadsheet would take for a formula begin with an apostrophe, which imports take away.

    A file that ends before its time is broken, never merely shorter: the answer then ends without its last chunk.
    """
    desk = desk_of(request)
    lang = query.lang or language_of(request)
    opened = _opened(desk.database, query, moments.as_of(query.as_of), query.format, lang)

    def headers(revision: int) -> dict[str, str]:
        name = Text(f"应用-{revision}", f"apps-{revision}")
        return {"Cache-Control": "no-store", **_named(name, query.format, lang)}

    return await streams_of(request).answer(opened, query.format.media_type, headers)


@router.get(
    "/imports/template",
    summary="导入模板 · The file to fill in for an import",
    **_files(Format.XLSX, Format.CSV_ZIP, is_snapshot=False),
)
async def get_template(
    request: Request,
    format: Annotated[
        TemplateFormat, Query(description="xlsx，或每张表一个文件的 csv.zip · xlsx, or csv.zip with a file a table")
    ] = TemplateFormat.XLSX,
    lang: Annotated[Lang | None, Query(description=_LANGUAGE)] = None,
) -> Response:
    """Give an empty file with the tables, headings, words to choose from and explanations of an export."""
    written, language = Format(format.value), lang or language_of(request)
    content = await desk_of(request).read(lambda: b"".join(written.written(iter(()), language)))
    headers = _named(Text("应用登记模板", "apps-template"), written, language)
    return Response(content, headers=headers, media_type=written.media_type)


@contextmanager
def _opened(
    database: Database, wanted: AppFilter, as_of: AsOf | None, format: Format, lang: Lang
) -> Iterator[Snapshot]:
    with exports.selection(database, wanted, as_of) as found:
        apps = (Registered(manifest, since) for manifest, since in found.apps)
        chunks = cast("Any", format.written(apps, lang))
        with closing(chunks):
            yield Snapshot(found.revision, chunks)


def _named(name: Text, format: Format, lang: Lang) -> dict[str, str]:
    """Give the headers that name a file (RFC 6266), to those who do not read UTF-8 names too."""
    utf8 = quote(f"{name.in_(lang)}.{format}")
    told = {"Content-Disposition": f"attachment; filename=\"{name.en}.{format}\"; filename*=UTF-8''{utf8}"}
    return told | ({"Content-Language": "zh-CN" if lang == "zh" else "en"} if format.has_words else {})
