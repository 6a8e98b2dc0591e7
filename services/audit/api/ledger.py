"""The ledger over HTTP: how far it has come, its entries, signed checkpoints, and proofs."""

from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from services.audit.api.desk import DATABASE_UNAVAILABLE, SIGNING_UNAVAILABLE, desk_of
from services.audit.ledger import CHECKPOINT
from services.audit.store import ledger as store
from services.audit.store.database import Connection
from services.audit.store.ledger import Head, Kept
from services.audit.tables import LedgerCheckpoint
from services.web import NOT_FOUND, Problem, operation

router = APIRouter(prefix="/v1", tags=["ledger"])

_LARGEST = 10**18
Root = Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="树根（十六进制） · root of the tree, hexadecimal")]
Proof = Annotated[list[Root], Field(description="证明（RFC 9162） · the proof, as RFC 9162 has it")]
Limit = Annotated[int, Query(ge=1, le=1000, description="至多几条 · how many at most")]
Size = Annotated[
    int | None,
    Query(ge=1, lt=_LARGEST, description="账本条目数，默认为现有全部 · entries of the tree; by default all there are"),
]


class LedgerHead(BaseModel):
    """How far the ledger has come."""

    model_config = ConfigDict(frozen=True)

    size: int = Field(description="条目数 · how many entries there are")
    root: Root
    last: Root = Field(description="最后一条的哈希 · hash of the last entry")
    at: datetime = Field(description="最后一条何时记录 · when the last one was recorded")


class RecordedDecision(BaseModel):
    """All that is kept of a decision, as it is kept."""

    model_config = ConfigDict(frozen=True)

    row: dict[str, Any] = Field(description="列表据以筛选的各项 · what lists filter by")
    manifest: str
    record: str
    receipt: str


class LedgerEntry(BaseModel):
    """An entry as it is kept."""

    model_config = ConfigDict(frozen=True)

    place: int = Field(description="位置，自 0 起，没有空缺 · its place, from 0 and without gaps")
    content: str = Field(description="取哈希的 JSON 原文 · the JSON that is hashed, as it is")
    hash: Root = Field(description="SHA-256(0x00 ‖ content)")
    decision: RecordedDecision | None = Field(
        description="所记录的判定（with_records 时） · the decision that it records, with `with_records`"
    )


class LedgerEntries(BaseModel):
    """Some entries, in their order."""

    model_config = ConfigDict(frozen=True)

    size: int = Field(description="账本共有几条 · how many there are in all")
    items: list[LedgerEntry]


class SignedCheckpoint(BaseModel):
    """A signed checkpoint. Kept outside, it shows later that nothing was changed or cut off since."""

    model_config = ConfigDict(frozen=True)

    size: int = Field(description="条目数 · how many entries there were")
    root: Root
    at: datetime = Field(description="何时签发 · when it was issued")
    signed: str = Field(description="签名的检查点（JWS 紧凑格式） · the signed checkpoint, JWS in compact form")


class Checkpoints(BaseModel):
    """Some checkpoints, the smallest first."""

    model_config = ConfigDict(frozen=True)

    items: list[SignedCheckpoint]


class InclusionProof(BaseModel):
    """That an entry is in a tree."""

    model_config = ConfigDict(frozen=True)

    place: int
    hash: Root = Field(description="该条目的哈希 · hash of the entry")
    size: int
    root: Root
    proof: Proof


class ConsistencyProof(BaseModel):
    """That one tree is the beginning of another."""

    model_config = ConfigDict(frozen=True)

    first: int
    first_root: Root
    second: int
    second_root: Root
    proof: Proof


_READ = operation("read", DATABASE_UNAVAILABLE)


@router.get("/ledger", summary="账本的现状 · How far the ledger has come", response_model=LedgerHead, **_READ)
async def get_ledger(request: Request) -> Response:
    """Tell how many entries there are, and the root of the tree over them. It is not signed; checkpoints are."""
    desk = desk_of(request)
    return _json(_head(await desk.read(store.head, desk.database)))


@router.get("/ledger/entries", summary="账本条目 · Entries of the ledger", response_model=LedgerEntries, **_READ)
async def list_entries(
    request: Request,
    start: Annotated[int, Query(ge=0, lt=_LARGEST, description="自哪个位置起 · from which place on")] = 0,
    limit: Limit = 100,
    with_records: Annotated[
        bool, Query(description="是否带上所记录的判定全文 · whether what they record is given, whole")
    ] = False,
) -> Response:
    """Give entries in their order, so that anyone can work out chain and tree without believing this service."""
    desk = desk_of(request)
    size, kept = await desk.read(store.entries, desk.database, start, limit, with_decisions=with_records)
    return _json({"size": size, "items": [_entry(each) for each in kept]})


_ISSUE = operation("write", DATABASE_UNAVAILABLE, SIGNING_UNAVAILABLE, is_once=True)


@router.post(
    "/ledger/checkpoints",
    status_code=201,
    summary="签发检查点 · Issue a checkpoint",
    response_model=SignedCheckpoint,
    **_ISSUE,
)
async def issue_checkpoint(request: Request) -> Response:
    """Sign how far the ledger has come; when nothing was added since the last time, the checkpoint is the same."""
    desk = desk_of(request)

    def issue(connection: Connection) -> LedgerCheckpoint:
        issuer, now = desk.settings.issuer, desk.database.now()
        return store.issue(connection, issuer, now, lambda payload: desk.sign(payload, CHECKPOINT))

    return await desk.answer_once(request, lambda row: _json(_checkpoint(row), 201), issue)


@router.get("/ledger/checkpoints", summary="检查点列表 · Checkpoints", response_model=Checkpoints, **_READ)
async def list_checkpoints(
    request: Request,
    above: Annotated[int, Query(ge=0, lt=_LARGEST, description="条目数大于此的 · of more entries than this")] = 0,
    limit: Limit = 100,
) -> Response:
    """Give the checkpoints that were issued, in the order of their sizes."""
    desk = desk_of(request)
    return _json(
        {"items": [_checkpoint(row) for row in await desk.read(store.checkpoints, desk.database, above, limit)]}
    )


@router.get(
    "/ledger/checkpoints/{size}",
    summary="一个检查点 · A checkpoint",
    response_model=SignedCheckpoint,
    **operation("read", NOT_FOUND, DATABASE_UNAVAILABLE),
)
async def get_checkpoint(
    request: Request, size: Annotated[int, Path(ge=1, lt=_LARGEST, description="条目数 · how many entries")]
) -> Response:
    """Give the checkpoint that was issued of this many entries."""
    desk = desk_of(request)
    found = await desk.read(store.checkpoint_of, desk.database, size)
    if found is None:
        raise Problem(NOT_FOUND)
    return _json(_checkpoint(found))


@router.get("/ledger/proofs/inclusion", summary="包含证明 · Proof of inclusion", response_model=InclusionProof, **_READ)
async def prove_inclusion(
    request: Request,
    place: Annotated[int, Query(ge=0, lt=_LARGEST, description="条目的位置 · place of the entry")],
    size: Size = None,
) -> Response:
    """Prove that an entry is in the tree of the first `size` entries."""
    desk = desk_of(request)
    tree, leaf, proof = await desk.read(store.inclusion, desk.database, place, size)
    return _json({"place": place, "hash": leaf, "size": tree.size, "root": tree.root, "proof": proof})


@router.get(
    "/ledger/proofs/consistency", summary="一致性证明 · Proof of consistency", response_model=ConsistencyProof, **_READ
)
async def prove_consistency(
    request: Request,
    first: Annotated[int, Query(ge=1, lt=_LARGEST, description="先前的条目数 · entries of the earlier tree")],
    second: Size = None,
) -> Response:
    """Prove that the tree of the first `first` entries is the beginning of that of the first `second`."""
    desk = desk_of(request)
    old, new, proof = await desk.read(store.consistency, desk.database, first, second)
    trees = {"first": old.size, "first_root": old.root, "second": new.size, "second_root": new.root}
    return _json({**trees, "proof": proof})


def _head(head: Head) -> dict[str, Any]:
    return {"size": head.size, "root": head.root, "last": head.last, "at": head.at}


def _checkpoint(row: LedgerCheckpoint) -> dict[str, Any]:
    return {"size": row.size, "root": row.root, "at": row.at, "signed": row.signed}


def _entry(kept: Kept) -> dict[str, Any]:
    decision = None
    if kept.decision is not None:
        row = kept.decision.model_dump(exclude={"manifest", "record", "receipt"})
        whole = {name: getattr(kept.decision, name) for name in ("manifest", "record", "receipt")}
        decision = {"row": row, **whole}
    return {"place": kept.place, "content": kept.content, "hash": kept.hash, "decision": decision}


def _json(body: dict[str, Any], status: int = 200) -> Response:
    return Response(orjson.dumps(body), status_code=status, media_type="application/json")
