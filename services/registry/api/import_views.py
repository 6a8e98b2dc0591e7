"""Imports as they are told: the shapes, and the bytes."""

from datetime import datetime
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from services.registry.api.answers import answer
from services.registry.api.history import PatchOperation
from services.registry.import_tables import Import, ImportRow, Mode, Outcome, State
from services.text import Lang
from services.web import language_of


class RowProblem(BaseModel):
    """One thing that is wrong: where in the file, where in the manifest, what, and what to do about it."""

    model_config = ConfigDict(frozen=True)

    place: str = Field(
        description="文件中的位置：表和单元格（应用!D7）或行:列 · where: table and cell (应用!D7), or line:column"
    )
    pointer: str = Field(description="清单中的位置（JSON 指针）· where in the manifest (JSON pointer)")
    detail: str = Field(description="错在哪里 · what is wrong")
    remedy: str = Field(description="如何改正 · what to do about it")


class ImportNote(BaseModel):
    """Something the reader took for granted or left out."""

    model_config = ConfigDict(frozen=True)

    place: str
    said: str


class ImportView(BaseModel):
    """An import: what was sent, what it would change, and how far it has come."""

    model_config = ConfigDict(frozen=True)

    id: str
    state: State = Field(
        description="reading 正在试运行；ready 试运行完毕，等候实施；applying 正在实施；applied 已实施；"
        "refused 因有冲突，一条也没有写入；unreadable 文件无法读取；cancelled 已取消；failed 系统故障"
        " · reading: dry run; ready: waiting to be carried out; refused: there were conflicts and nothing was written"
    )
    mode: Mode
    reason: str
    sent_by: str
    applied_by: str | None
    form: str | None = Field(description="文件形式，读完方知 · the form of the file, known when it has been read")
    size_bytes: int
    created_at: datetime
    changed_at: datetime
    rows_read: int = Field(description="已读的应用数 · apps read")
    created: int = Field(description="新登记 · to be registered")
    changed: int = Field(description="变更 · to be changed")
    unchanged: int = Field(description="与登记的相同 · the same as registered")
    rejected: int = Field(description="不能写入 · cannot be written")
    written: int = Field(description="已写入 · written")
    rows_per_s: float | None = Field(description="当前阶段的速度 · rate of what is being done")
    seconds_left: float | None = Field(description="预计剩余秒数；无从得知为 null · estimated; null when unknown")
    notes: list[ImportNote] = Field(description="读取时的说明 · what the reader took for granted")
    problems: list[RowProblem] = Field(description="文件无法读取的原因 · why the file cannot be read")


class ImportList(BaseModel):
    """The imports that were sent last, the newest first."""

    model_config = ConfigDict(frozen=True)

    items: list[ImportView]


class ImportedRow(BaseModel):
    """An app of the file, and what becomes of it."""

    model_config = ConfigDict(frozen=True)

    number: int = Field(description="在文件中的序号，从 1 起 · its place among the apps of the file, from 1")
    place: str = Field(description="在文件中的位置 · where it stands in the file")
    app: str | None = Field(description="应用标识，能读出时 · id of the app, where it can be told")
    outcome: Outcome
    base: int | None = Field(description="据以判断的应用登记号，未登记为 null · revision of the app that this rests on")
    difference: list[PatchOperation] | None = Field(description="变更的内容（JSON Patch）· what is changed")
    problems: list[RowProblem]


class RowPage(BaseModel):
    """A page of the apps of a file, in its order."""

    model_config = ConfigDict(frozen=True)

    items: list[ImportedRow]
    next: str | None = Field(description="下一页的 cursor，没有则为 null · cursor of the next page, if there is one")


def told(request: Request, current: Import, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Answer with an import."""
    return answer(import_view(current, language_of(request)), status=status, revision=current.version, headers=headers)


def import_view(current: Import, lang: Lang) -> dict[str, Any]:
    """Tell an import, as `ImportView` describes it."""
    same = ("id", "state", "mode", "reason", "sent_by", "applied_by", "form", "created_at", "changed_at")
    counts = ("rows_read", "created", "changed", "unchanged", "rejected", "written")
    rate, left = _pace(current)
    return {
        **{name: getattr(current, name) for name in (*same, *counts)},
        "size_bytes": current.size,
        "rows_per_s": rate,
        "seconds_left": left,
        "notes": [{"place": each["place"], "said": each["said"][lang]} for each in orjson.loads(current.notes)],
        "problems": _problems(current.problems, lang),
    }


def _pace(current: Import) -> tuple[float | None, float | None]:
    """Give how many rows a second are being done, and how many seconds that will still take, as far as is known."""
    elapsed_s = (current.changed_at - current.began_at).total_seconds()
    if current.state not in {State.READING, State.APPLYING} or elapsed_s <= 0:
        return None, None
    if current.state == State.APPLYING:
        rate, left = current.written / elapsed_s, current.created + current.changed - current.written
        return round(rate, 1), (round(left / rate, 1) if rate else None)
    rate = current.rows_read / elapsed_s
    if not current.bytes_read:
        return round(rate, 1), None
    return round(rate, 1), round(elapsed_s * (current.size - current.bytes_read) / current.bytes_read, 1)


def row_view(row: ImportRow, lang: Lang) -> dict[str, Any]:
    """Tell an app of the file, as `ImportedRow` describes it."""
    return {
        "number": row.number,
        "place": row.place,
        "app": row.app,
        "outcome": row.outcome,
        "base": row.base,
        "difference": None if row.difference is None else orjson.Fragment(row.difference),
        "problems": _problems(row.problems or "[]", lang),
    }


def _problems(kept: str, lang: Lang) -> list[dict[str, str]]:
    return [{**each, "detail": each["detail"][lang], "remedy": each["remedy"][lang]} for each in orjson.loads(kept)]
