"""Evidence over HTTP: files attached to findings. They are kept, hashed and given back, and never opened or run."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from datetime import datetime
from tempfile import SpooledTemporaryFile
from typing import Annotated, Any, BinaryIO, cast
from urllib.parse import quote

import orjson
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, RootModel
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.audit.api.desk import DATABASE_UNAVAILABLE, Desk, desk_of
from services.audit.api.findings import FindingId
from services.audit.evidence import LARGEST, SUFFIXES, FileType, type_of
from services.audit.finding_tables import Evidence
from services.audit.store import evidence as store
from services.audit.store import finding_lists as lists
from services.audit.store.database import Connection
from services.audit.store.evidence import Sent
from services.manifest.values import Line
from services.text import Text
from services.web import (
    BODY_TOO_LARGE,
    INVALID_BODY,
    NOT_FOUND,
    UNSUPPORTED_MEDIA_TYPE,
    Fault,
    Problem,
    caller_of,
    lift_deadline,
    operation,
)

router = APIRouter(prefix="/v1", tags=["findings"])

IN_MEMORY = 1 << 20
"""Bytes of a file that are held in memory while it arrives; what is larger goes to a temporary file."""
LONGEST_S = 600
"""How long a file may take to arrive."""

_MEDIA_TYPES = ("application/octet-stream", *(each.value for each in FileType))
EvidenceHash = Annotated[str, Path(pattern="^sha256:[0-9a-f]{64}$", description="文件的哈希 · hash of the file")]


class AttachedFile(RootModel[bytes]):
    """The file as it is: PDF, PNG, JPEG, OFD, DOCX or XLSX. What it is, its content says."""


class EvidenceView(BaseModel):
    """A file that is attached to a finding."""

    model_config = ConfigDict(frozen=True)

    finding: str
    hash: str = Field(description="文件的 SHA-256 · SHA-256 of its bytes")
    ledger: int = Field(description="在账本中的位置 · its place in the ledger")
    at: datetime
    who: str
    name: str = Field(description="上传者所称的文件名 · what the sender called it")
    type: FileType = Field(description="按内容识别的类型 · what it is, by its content")
    size: int = Field(description="字节 · bytes")


class EvidenceList(BaseModel):
    """What is attached to a finding, the oldest first."""

    model_config = ConfigDict(frozen=True)

    items: list[EvidenceView]


_ATTACH = operation(
    "write",
    *(NOT_FOUND, INVALID_BODY, BODY_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, DATABASE_UNAVAILABLE),
    body=AttachedFile,
    media_types=_MEDIA_TYPES,
    max_body_bytes=LARGEST,
)
_FILE = operation("read", NOT_FOUND, DATABASE_UNAVAILABLE)
_FILE["responses"][200] = {
    "description": "文件 · the file",
    "content": {each.value: {"schema": {"type": "string", "format": "binary"}} for each in FileType},
}


@router.post(
    "/findings/{id}/evidence",
    status_code=201,
    summary="附佐证材料 · Attach evidence to a finding",
    response_model=EvidenceView,
    **_ATTACH,
)
async def attach_evidence(
    request: Request,
    id: FindingId,
    name: Annotated[Line, Query(description="文件名，只供人看 · name of the file, for people only")],
) -> Response:
    """Attach a file, which is recognised by its content. It is kept as it is and never taken back.

    The request takes no `Idempotency-Key`: a file is known by its hash, and one that is attached already is attached
    once (200).
    """
    desk, who = desk_of(request), caller_of(request).name
    await desk.read(lists.read, desk.database, id)
    with SpooledTemporaryFile(max_size=IN_MEMORY) as spooled:
        file = cast("BinaryIO", spooled)
        digest, size = await _receive(request, file, desk.settings.evidence_max_bytes)
        found = await asyncio.to_thread(type_of, file)
        if found is None:
            raise _unsupported()
        sent = Sent(digest, name, found.value, size, file)

        def work(connection: Connection) -> tuple[Evidence, bool]:
            return store.attach(connection, id, sent, who, desk.database.now())

        return await desk.answer_once(request, _attached, work)


@router.get(
    "/findings/{id}/evidence",
    summary="发现的佐证材料 · The evidence on a finding",
    response_model=EvidenceList,
    **operation("read", NOT_FOUND, DATABASE_UNAVAILABLE),
)
async def list_evidence(request: Request, id: FindingId) -> Response:
    """List what is attached to a finding."""
    desk = desk_of(request)
    found = await desk.read(lists.evidence_of, desk.database, id)
    return Response(orjson.dumps({"items": [_view(each) for each in found]}), media_type="application/json")


@router.get(
    "/findings/{id}/evidence/{digest}",
    summary="取佐证材料 · A piece of evidence",
    response_class=Response,
    **_FILE,
)
async def get_evidence(request: Request, id: FindingId, digest: EvidenceHash) -> Response:
    """Give a file as it was sent, to be saved and not to be shown: a browser is told not to guess what it is."""
    desk = desk_of(request)
    found = await desk.read(store.find, desk.database, id, digest)
    plain = f"evidence-{digest.removeprefix('sha256:')[:16]}{SUFFIXES[found.type]}"
    called = quote(found.name.replace("/", "_").replace("\\", "_"), safe="")
    headers = {
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{called}",
        "Content-Length": str(found.size),
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Repr-Digest": f"sha-256=:{_base64(digest)}:",
    }
    return StreamingResponse(_parts(desk, digest), headers=headers, media_type=found.type)


async def _parts(desk: Desk, digest: str) -> AsyncIterator[bytes]:
    number = 0
    while (content := await desk.read(store.part, desk.database, digest, number)) is not None:
        yield content
        number += 1


async def _receive(request: Request, file: BinaryIO, limit: int) -> tuple[str, int]:
    """Take a file as it comes, without ever holding all of it in memory; give its hash and size.

    Raises:
        Problem: `body-too-large` (413), or `invalid-body` (400) when it is empty or does not arrive in time.

    """
    lift_deadline(request)
    digest, size = hashlib.sha256(), 0
    try:
        async with asyncio.timeout(LONGEST_S):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit:
                    detail = Text(f"文件最多 {limit} 字节。", f"A file may have at most {limit} bytes.")
                    # The rest is not read, so the connection cannot be used again.
                    raise Problem(BODY_TOO_LARGE, detail, headers={"Connection": "close"})
                digest.update(chunk)
                await asyncio.to_thread(file.write, chunk)
    except TimeoutError as error:
        raise Problem(INVALID_BODY, Text("文件没有及时传完。", "The file did not arrive in time.")) from error
    if not size:
        raise Problem(INVALID_BODY, Text("文件为空。", "The file is empty."))
    return f"sha256:{digest.hexdigest()}", size


def _attached(done: tuple[Evidence, bool]) -> Response:
    found, is_new = done
    headers = {"Location": f"/v1/findings/{found.finding}/evidence/{found.hash}"}
    return Response(orjson.dumps(_view(found)), 201 if is_new else 200, headers, media_type="application/json")


def _view(found: Evidence) -> dict[str, Any]:
    return {name: getattr(found, name) for name in EvidenceView.model_fields}


def _base64(digest: str) -> str:
    return base64.b64encode(bytes.fromhex(digest.removeprefix("sha256:"))).decode()


def _unsupported() -> Problem:
    kinds = list(FileType)
    detail = Text(
        f"按内容不是可附的文件；可附：{'、'.join(each.zh for each in kinds)}，不得含宏或内嵌对象。",
        f"By its content it is nothing that may be attached: {', '.join(each.en for each in kinds)}, without macros or"
        " embedded objects.",
    )
    return Problem(UNSUPPORTED_MEDIA_TYPE, detail, errors=[Fault("", detail)])
