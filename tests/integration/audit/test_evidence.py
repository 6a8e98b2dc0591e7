"""Evidence: kept as it is sent, known by its hash, recognised by its content, given back to be saved only."""

from __future__ import annotations

import hashlib
import io
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from services.audit.evidence import FileType, type_of
from services.audit.store.database import Database
from tests.integration.audit.conftest import audit_of
from tests.integration.audit.inspector import Inspector, done, forced

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from tests.integration.audit.conftest import Registry


def container(*members: str) -> bytes:
    """Give a zip file with members of these names."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in members:
            archive.writestr(name, "示例")
    return file.getvalue()


PDF = b"%PDF-1.7\n" + bytes(range(256)) * 4000
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 64
ACCEPTED = {
    FileType.PDF: PDF,
    FileType.PNG: PNG,
    FileType.JPEG: b"\xff\xd8\xff\xe0" + b"\0" * 64,
    FileType.OFD: container("OFD.xml", "Doc_0/Document.xml"),
    FileType.DOCX: container("[Content_Types].xml", "word/document.xml"),
    FileType.XLSX: container("[Content_Types].xml", "xl/workbook.xml", "xl/printerSettings/printerSettings1.bin"),
}
HOSTILE = {
    "a page": b"<!DOCTYPE html><script>alert(1)</script>",
    "a drawing with a script": b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>",
    "a program": b"MZ" + b"\0" * 200,
    "a script": b"#!/bin/sh\nrm -rf /\n",
    "a page behind a blank": b" %PDF-1.7 <script>",
    "a container of anything": container("run.exe"),
    "a document with macros": container("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"),
    "a workbook with an object inside": container("xl/workbook.xml", "xl/embeddings/oleObject1.bin"),
    "a document with a program": container("word/document.xml", "word/media/payload.EXE"),
    "a broken container": b"PK\x03\x04" + b"\0" * 100,
    "one byte": b"%",
}


@pytest.fixture
def finding(http: TestClient, registry: Registry) -> str:
    document = forced()
    registry.register(document)
    inspector = Inspector(http, {})
    inspector.audit(document["id"])
    return str(inspector.findings(app=document["id"])[0]["id"])


def attach(http: TestClient, id: str, content: Any, name: str = "照片.png", sent_as: str = "image/png") -> Any:  # noqa: ANN401 - as the client has it
    headers = {"Content-Type": sent_as}
    return http.post(f"/v1/findings/{id}/evidence", params={"name": name}, content=content, headers=headers)


def test_a_file_is_kept_as_it_was_sent(http: TestClient, finding: str) -> None:
    answer = attach(http, finding, PDF, "现场 “照片”/../x.png\\y", "application/octet-stream")
    told = done(answer, 201)
    digest = f"sha256:{hashlib.sha256(PDF).hexdigest()}"
    # What it is, its content says, whatever its name and the request say.
    assert (told["hash"], told["type"], told["size"]) == (digest, "application/pdf", len(PDF))
    got = http.get(answer.headers["Location"])
    assert got.content == PDF
    assert got.headers["Content-Type"] == "application/pdf"
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in got.headers["Content-Security-Policy"]
    disposition = got.headers["Content-Disposition"]
    assert disposition.startswith(f"attachment; filename=\"evidence-{digest[7:23]}.pdf\"; filename*=UTF-8''")
    assert disposition.isascii()
    assert not set('/\\"') & set(disposition.partition("UTF-8''")[2])
    listed = done(http.get(f"/v1/findings/{finding}/evidence"))["items"]
    assert listed == [told]
    last = Inspector(http, {}).history(finding)[-1]
    assert (last["action"], last["state"], last["said"]["hash"]) == ("attach", "open", digest)


def test_the_same_file_is_attached_once_to_each_finding(http: TestClient, registry: Registry, finding: str) -> None:
    first = done(attach(http, finding, PNG), 201)
    assert done(attach(http, finding, PNG, "另一个名字.png"), 200) == first
    assert len(Inspector(http, {}).history(finding)) == 2
    document = forced("乙")
    registry.register(document)
    inspector = Inspector(http, {})
    inspector.audit(document["id"])
    other = inspector.findings(app=document["id"])[0]["id"]
    assert done(attach(http, other, PNG), 201)["finding"] == other


@pytest.mark.parametrize("kind", FileType)
def test_what_may_be_attached_is_recognised(kind: FileType) -> None:
    assert type_of(io.BytesIO(ACCEPTED[kind])) is kind


@pytest.mark.parametrize("what", HOSTILE)
def test_it_refuses(what: str) -> None:
    assert type_of(io.BytesIO(HOSTILE[what])) is None


def test_what_is_refused_leaves_nothing_behind(
    http: TestClient, finding: str, audit_database_url: str, registry: Registry
) -> None:
    for content in HOSTILE.values():
        refused = attach(http, finding, content, "看起来像.pdf", "application/pdf")
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (415, "")
    assert attach(http, finding, b"").status_code == 400
    assert attach(http, finding, PNG, sent_as="text/html").status_code == 415
    assert attach(http, finding, PNG, name="x\r\nSet-Cookie: y").status_code == 422
    assert attach(http, "f-" + "0" * 32, PNG).status_code == 404
    missing = http.get(f"/v1/findings/{finding}/evidence/sha256:{'0' * 64}")
    assert missing.status_code == 404

    def pieces() -> Any:  # noqa: ANN401 - a generator
        yield b"%PDF-"
        for _ in range(300):
            yield b"x" * 1000

    with audit_of(registry, audit_database_url, evidence_max_bytes=100_000) as small:
        # It does not say its size beforehand, and is refused as soon as it is too large.
        assert attach(small, finding, pieces()).status_code == 413
    assert Inspector(http, {}).actions(finding) == ["open"]
    database = Database(audit_database_url)
    with database.reading() as connection:
        kept = connection.execute(text("SELECT count(*) FROM evidence WHERE finding = :id"), {"id": finding})
        assert kept.scalar_one() == 0
        # Of what was refused no byte is kept either.
        parts = "SELECT count(*) FROM evidence_parts WHERE hash NOT IN (SELECT hash FROM evidence)"
        assert connection.execute(text(parts)).scalar_one() == 0
    database.close()
