"""Reports as files over HTTP: every format, by manifest and by id, with headers that keep a browser safe."""

from __future__ import annotations

from typing import TYPE_CHECKING

import html5lib
import orjson
import pytest

from services.audit.formats.rendering import FORMATS
from tests.integration.audit.test_checks_api import APP, JSON, ON, YAML, ask

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

BODY = orjson.dumps(APP)


def written(path: Path | None, content: bytes | None, headers: dict[str, str], **query: str) -> httpx.Response:
    """Ask for a report as a file."""

    async def post(client: httpx.AsyncClient, _: httpx.AsyncClient | None) -> httpx.Response:
        return await client.post("/v1/reports", content=content, headers=headers, params={"on": ON, **query})

    return ask(path, post)


def test_every_format_is_written_with_its_media_type_and_a_file_name(tmp_path: Path) -> None:
    answers: dict[str, httpx.Response] = {}

    async def every(client: httpx.AsyncClient, _: httpx.AsyncClient | None) -> httpx.Response:
        for format in FORMATS:
            query = {"on": ON, "format": format}
            answers[format] = await client.post("/v1/reports", content=BODY, headers=JSON, params=query)
        answers["checks"] = await client.post("/v1/checks", content=BODY, headers=JSON, params={"on": ON})
        answers["by id"] = await client.post("/v1/reports", params={"on": ON, "app": APP["id"], "format": "json"})
        return answers["checks"]

    ask(tmp_path, every)
    for name, format in FORMATS.items():
        answer = answers[name]
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"] == format.media_type
        assert answer.headers["Content-Disposition"] == f'inline; filename="{APP["id"]}{format.suffix}"'
        assert answer.content
    assert answers["json"].content == answers["checks"].content == answers["by id"].content


def test_a_page_may_run_nothing(tmp_path: Path) -> None:
    answer = written(tmp_path, BODY, JSON)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    html5lib.HTMLParser(strict=True).parse(answer.content)


@pytest.mark.parametrize(
    ("headers", "query", "wanted"),
    [
        ({}, {}, "结论"),
        ({"Accept-Language": "en"}, {}, "Outcome"),
        ({"Accept-Language": "zh"}, {"lang": "en"}, "Outcome"),
    ],
)
def test_the_language_is_the_one_asked_for(headers: dict[str, str], query: dict[str, str], wanted: str) -> None:
    answer = written(None, BODY, {**JSON, **headers}, format="text", **query)
    assert wanted in answer.text


def test_places_are_lines_of_the_body_that_was_sent() -> None:
    answer = written(None, b'manifest: "1"\nkind: app\nstage: online\nsector: x\n', YAML, format="text")
    assert answer.status_code == 200
    assert "manifest:4:9" in answer.text


@pytest.mark.parametrize(
    ("content", "query", "status"),
    [
        (BODY, {"format": "pdf"}, 422),
        (BODY, {"lang": "fr"}, 422),
        (b"{", {}, 422),
        (BODY, {"app": "x"}, 400),
        (None, {"app": "nobody"}, 404),
    ],
)
def test_what_cannot_be_written_is_refused(
    tmp_path: Path, content: bytes | None, query: dict[str, str], status: int
) -> None:
    answer = written(tmp_path, content, JSON if content else {}, **query)
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
