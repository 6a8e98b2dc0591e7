"""Exports: the apps of one registry revision as files, which are read again as they were, or are known to be broken."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import httpx
import orjson
import pytest
from arro3.io import read_parquet
from starlette.testclient import TestClient

from services.registry import sheets
from services.registry.filters import AppFilter
from services.registry.main import create_service
from services.registry.store import exports
from tests.integration.registry.clerk import Clerk, new_id, problem

if TYPE_CHECKING:
    from services.registry.settings import RegistrySettings
    from services.registry.store.database import Database

WHOLE = ("xlsx", "csv.zip", "ndjson", "yaml.zip")
"""The forms that hold all that was declared, and are imported again."""

FORMATS = (*WHOLE, "csv", "parquet")
FULL: dict[str, Any] = {
    "features": [{"id": "a", "name": "=1+1"}, {"id": "b", "kind": "query"}],
    "asks": [{"name": "示例数据项", "feature": "a"}],
    "regions": ["", "33"],
    "online_on": "2024-08-06",
    "complaint_channel": "none",
}


def exported(clerk: Clerk, form: str, **parameters: Any) -> httpx.Response:  # noqa: ANN401 - any condition
    answer: httpx.Response = clerk.http.get("/v1/exports/apps", params={"format": form, **parameters})
    assert answer.status_code == 200, answer.text
    return answer


def read(content: bytes) -> dict[str, tuple[dict[str, Any], int | None]]:
    """Read an exported file as an import does: manifests and the revisions that they say they are of."""
    with sheets.opened(io.BytesIO(content)) as file:
        entries = list(file.entries())
        assert not file.notes
    assert [entry.problems for entry in entries] == [()] * len(entries)
    return {
        str(entry.id): (entry.manifest.model_dump(mode="json", exclude_none=True), entry.revision)
        for entry in entries
        if entry.manifest
    }


@pytest.mark.parametrize("form", WHOLE)
def test_what_is_exported_is_what_was_registered(clerk: Clerk, form: str) -> None:
    sector = f"示例行业{new_id()}"
    apps = [clerk.register(sector=sector, name=name, **FULL) for name in ("'无", "=HYPERLINK(1)", "甲、乙")]
    clerk.register()
    records = {app: clerk.get(f"/v1/apps/{app}") for app in apps}
    for lang in ("zh", "en"):
        answer = exported(clerk, form, sector=sector, lang=lang)
        found = read(answer.content)
        assert list(found) == sorted(apps)
        for app, (declared, revision) in found.items():
            assert declared == records[app]["manifest"]
            # Where there is a column for it, an import knows which version somebody has changed.
            assert revision == (records[app]["revision"] if form in {"xlsx", "csv.zip"} else None)


def test_a_table_and_parquet_have_a_row_an_app(clerk: Clerk) -> None:
    sector = f"示例行业{new_id()}"
    apps = sorted(clerk.register(sector=sector, **FULL) for _ in range(3))
    lines = exported(clerk, "csv", sector=sector, lang="zh").content.decode("utf-8-sig").splitlines()
    assert lines[0].startswith("标识,")
    assert [line.partition(",")[0] for line in lines[1:]] == apps
    table = read_parquet(io.BytesIO(exported(clerk, "parquet", sector=sector).content)).read_all()
    assert table.column("id").to_pylist() == apps
    assert table.column("sector").to_pylist() == [sector] * 3
    revisions = [clerk.get(f"/v1/apps/{app}")["revision"] for app in apps]
    assert table.column("registry_revision").to_pylist() == revisions


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_has_a_name_a_media_type_and_the_registry_revision(clerk: Clerk, form: str) -> None:
    clerk.register()
    newest = clerk.get("/v1/changes", since=0, limit=1)["revision"]
    answer = exported(clerk, form, sector=new_id(), lang="zh")
    assert answer.headers["Registry-Revision"] == str(newest)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Disposition"] == (
        f"attachment; filename=\"apps-{newest}.{form}\"; filename*=UTF-8''%E5%BA%94%E7%94%A8-{newest}.{form}"
    )
    kinds = {"csv": "text/csv", "csv.zip": "application/zip", "yaml.zip": "application/zip"}
    kinds |= {"ndjson": "application/x-ndjson", "parquet": "application/vnd.apache.parquet"}
    assert answer.headers["Content-Type"].startswith(kinds.get(form, "application/vnd.openxmlformats"))
    assert answer.headers.get("Content-Language") == ("zh-CN" if form in {"xlsx", "csv", "csv.zip"} else None)


@pytest.mark.parametrize("form", FORMATS)
def test_no_apps_are_a_valid_file(clerk: Clerk, form: str) -> None:
    content = exported(clerk, form, sector=new_id()).content
    match form:
        case "ndjson":
            assert content == b""
        case "parquet":
            assert read_parquet(io.BytesIO(content)).read_all().num_rows == 0
        case "csv":
            assert content.count(b"\n") == 1
        case _:
            assert read(content) == {}


def test_the_language_is_that_of_the_caller_unless_one_is_named(clerk: Clerk) -> None:
    def heading(accepted: str, **parameters: str) -> str:
        headers = {"Accept-Language": accepted}
        asked = {"format": "csv", "sector": new_id(), **parameters}
        answer: httpx.Response = clerk.http.get("/v1/exports/apps", params=asked, headers=headers)
        return answer.content.decode("utf-8-sig").partition(",")[0]

    assert heading("en") == "id"
    assert heading("zh-CN") == "标识"
    assert heading("en", lang="zh") == "标识"
    assert heading("zh", lang="en") == "id"


@pytest.mark.parametrize("form", WHOLE)
def test_an_export_as_of_the_past_holds_what_stood_then(clerk: Clerk, form: str) -> None:
    sector = f"示例行业{new_id()}"
    kept, changed, gone = (clerk.register(sector=sector, name="原名") for _ in range(3))
    then = clerk.get("/v1/changes", since=0, limit=1)["revision"]
    clerk.change(changed, sector=sector, name="新名")
    clerk.withdraw(gone)
    new = clerk.register(sector=sector)
    answer = exported(clerk, form, sector=sector, as_of=then)
    assert answer.headers["Registry-Revision"] == str(then)
    found = read(answer.content)
    assert set(found) == {kept, changed, gone}
    assert {declared["name"] for declared, _ in found.values()} == {"原名"}
    now = read(exported(clerk, form, sector=sector).content)
    assert set(now) == {kept, changed, new}
    assert now[changed][0]["name"] == "新名"
    assert set(read(exported(clerk, form, sector=sector, withdrawn="only").content)) == {gone}


def test_an_export_stays_what_it_is_while_others_write(
    database: Database, clerk: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:

    monkeypatch.setattr(exports, "_ROWS", 1)
    sector = f"示例行业{new_id()}"
    apps = sorted(clerk.register(sector=sector, name="原名") for _ in range(4))
    with exports.selection(database, AppFilter(sector=sector), None) as found:
        first = next(found.apps)
        clerk.change(apps[2], sector=sector, name="新名")
        clerk.withdraw(apps[3])
        clerk.register(sector=sector)
        told = [orjson.loads(text) for text, _ in (first, *found.apps)]
    assert [(each["id"], each["name"]) for each in told] == [(app, "原名") for app in apps]


@pytest.mark.parametrize(
    ("parameters", "pointer"),
    [
        ({}, "?format"),
        ({"format": "xls"}, "?format"),
        ({"format": "csv", "lang": "fr"}, "?lang"),
        ({"format": "csv", "as_of": "2999-01-01"}, "?as_of"),
        ({"format": "csv", "as_of": "10000000"}, "?as_of"),
        ({"format": "csv", "stage": "finished"}, "?stage"),
        ({"format": "csv", "limit": "5"}, "?limit"),
    ],
)
def test_what_cannot_be_exported_is_told(clerk: Clerk, parameters: dict[str, str], pointer: str) -> None:
    problem(clerk.http.get("/v1/exports/apps", params=parameters), 422, pointer)


def test_an_export_takes_its_place_among_the_streams_and_gives_it_back(settings: RegistrySettings) -> None:
    service = create_service(settings.model_copy(update={"max_streams": 1}))
    with TestClient(service) as http:
        for form in FORMATS:
            problem(http.get("/v1/exports/apps", params={"format": form, "as_of": 10**17}), 422, "?as_of")
            assert http.get("/v1/exports/apps", params={"format": form}).status_code == 200


@pytest.mark.parametrize("form", ["xlsx", "csv.zip"])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_template_is_an_export_without_apps(clerk: Clerk, form: str, lang: str) -> None:
    answer = clerk.http.get("/v1/imports/template", params={"format": form, "lang": lang})
    assert answer.status_code == 200
    assert read(answer.content) == {}
    assert answer.content == exported(clerk, form, sector=new_id(), lang=lang).content
    name = answer.headers["Content-Disposition"]
    assert f'filename="apps-template.{form}"' in name
    assert "filename*=UTF-8''" in name


def test_the_template_is_a_workbook_unless_another_is_asked_for(clerk: Clerk) -> None:
    answer = clerk.http.get("/v1/imports/template")
    assert answer.content == clerk.http.get("/v1/imports/template", params={"format": "xlsx"}).content
    problem(clerk.http.get("/v1/imports/template", params={"format": "ndjson"}), 422, "?format")
