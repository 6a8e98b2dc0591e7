"""Imports as tests make them: over HTTP, and the work behind them done here, piece by piece."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING, Any

import orjson

from services.jobs import Job
from services.registry import sheets
from services.registry.imports import carrying
from tests import world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from starlette.testclient import TestClient

    from services.registry.sheets import Form
    from services.registry.store.database import Database
    from tests.integration.registry.clerk import Document

MEDIA = "application/octet-stream"
REASON = "示例导入"


class Halt(BaseException):
    """The process is gone."""


class Desk:
    """Sends files, lets the work be done, and gives what came of it."""

    def __init__(self, http: TestClient, database: Database) -> None:
        self.http = http
        self.database = database

    def send(self, content: bytes, mode: str = "per_row", reason: str = REASON) -> str:
        """Send a file and give the id of the import."""
        said = {"reason": reason, "mode": mode}
        answer = self.http.post("/v1/imports", params=said, content=content, headers={"Content-Type": MEDIA})
        assert answer.status_code == 202, answer.text
        id: str = answer.json()["id"]
        assert answer.headers["Location"] == f"/v1/imports/{id}"
        return id

    def work(self, id: str, go_on: Callable[[], None] | None = None) -> None:
        """Do what there is to do."""
        work(self.database, id, go_on)

    def dry_run(self, content: bytes, mode: str = "per_row") -> str:
        """Send a file and read it."""
        id = self.send(content, mode)
        self.work(id)
        return id

    def get(self, id: str) -> Document:
        answer = self.http.get(f"/v1/imports/{id}")
        assert answer.status_code == 200, answer.text
        document: Document = answer.json()
        assert answer.headers["ETag"]
        return document

    def etag(self, id: str) -> str:
        tag: str = self.http.get(f"/v1/imports/{id}").headers["ETag"]
        return tag

    def rows(self, id: str, outcome: str | None = None) -> list[Document]:
        """Give all rows, page by page."""
        found: list[Document] = []
        asked: dict[str, Any] = {"limit": 3, **({} if outcome is None else {"outcome": outcome})}
        while True:
            page = self.http.get(f"/v1/imports/{id}/rows", params=asked).json()
            found += page["items"]
            if page["next"] is None:
                return found
            asked["cursor"] = page["next"]

    def apply(self, id: str) -> Document:
        """Let an import be carried out, and give what came of it."""
        answer = self.http.post(f"/v1/imports/{id}/apply", headers={"If-Match": self.etag(id)})
        assert answer.status_code == 202, answer.text
        assert answer.json()["state"] == "applying"
        self.work(id)
        return self.get(id)

    def run(self, content: bytes, mode: str = "per_row") -> Document:
        """Send a file, read it and carry it out."""
        return self.apply(self.dry_run(content, mode))


def work(database: Database, id: str, go_on: Callable[[], None] | None = None) -> None:
    """Do what there is to do for an import, as the durable work does it."""
    job = Job(id, Event(), lambda _, step: step())
    if go_on is not None:
        job = _Halting(id, Event(), lambda _, step: step(), go_on)
    carrying.task(database, 10_000).run(job, id)


class _Halting(Job):
    """A job that asks a test whether to go on."""

    def __init__(self, id: str, ending: Event, steps: Any, asked: Callable[[], None]) -> None:  # noqa: ANN401 - as Job's
        super().__init__(id, ending, steps)
        object.__setattr__(self, "asked", asked)

    def go_on(self) -> None:
        self.asked()  # type: ignore[attr-defined] # set above, past the frozen dataclass


def halting(times: int) -> Callable[[], None]:
    """Give what lets a job go on so many times, and then ends it as a kill does."""
    left = times

    def go_on() -> None:
        nonlocal left
        if not left:
            raise Halt
        left -= 1

    return go_on


def lines(documents: Iterable[Document]) -> bytes:
    """Give documents as NDJSON."""
    return b"".join(orjson.dumps({"manifest": "1", **each}) + b"\n" for each in documents)


def packed(form: Form, *documents: Document, revisions: dict[str, int] | None = None) -> bytes:
    """Give documents as a file of a form, as an export writes it."""
    told = revisions or {}
    registered = [
        sheets.Registered(world.manifest(each).model_dump_json(exclude_none=True), told.get(each["id"]))
        for each in documents
    ]
    return b"".join(sheets.written(registered, form))
