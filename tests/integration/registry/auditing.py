"""The audit in this process before a registry in this process, whose sweeps are done when a test says so."""

from __future__ import annotations

import random
from contextlib import contextmanager
from datetime import date
from threading import Event
from typing import TYPE_CHECKING, Any

import httpx
from starlette.testclient import TestClient

from benchmarks import nation
from services.audit import clock
from services.audit.continuing import Continuing
from services.audit.main import create_service
from services.audit.settings import AuditSettings
from services.audit.store.database import Database
from services.audit.sweeping import Sweeping
from services.jobs import Job
from tests.conftest import new_database
from tests.integration.registry.following import OPTIONS, Line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

    from tests.integration.registry.clerk import Document

ON = nation.JUDGED_ON.isoformat()


class Audit:
    """The audit in this process, before the registry of a test; its parts of sweeps are done when a test says so."""

    def __init__(self, http: TestClient, database: Database, line: Line) -> None:
        self.http, self.database, self.line = http, database, line
        self.ending = Event()
        self.sweeping = Sweeping(database, line.streams, None)
        self.day: date | None = None
        self.continuing = Continuing(database, line.streams, None, day=lambda: self.day or clock.today(), wait_s=0)

    def begin(self, status: int = 201, **asked: Any) -> Document:  # noqa: ANN401 - as the operation takes it
        """Order a sweep."""
        answer = self.http.post("/v1/sweeps", json={"on": ON, **asked})
        assert answer.status_code == status, answer.text
        document: Document = answer.json()
        return document

    def work(self, sweep: Document) -> None:
        """Do all parts, in no particular order."""
        parts = list(range(1, sweep["parts"] + 1))
        random.Random(7).shuffle(parts)
        for part in parts:
            self.part(sweep, part)

    def part(self, sweep: Document, part: int) -> None:
        """Do one part."""
        self.sweeping.run(self.job(), sweep["id"], part)

    def done(self, **asked: Any) -> Document:  # noqa: ANN401 - as the operation takes it
        """Order a sweep and do it."""
        sweep = self.begin(**asked)
        self.work(sweep)
        told = self.get(f"/v1/sweeps/{sweep['id']}")
        assert told["state"] == "done", told
        return told

    def get(self, path: str, status: int = 200, **asked: Any) -> Document:  # noqa: ANN401 - any query parameter
        """Read something."""
        answer = self.http.get(path, params=asked)
        assert answer.status_code == status, answer.text
        document: Document = answer.json()
        return document

    def results(self, sweep: Document, **asked: Any) -> dict[str, Document]:  # noqa: ANN401 - any filter
        """Read all results, page by page."""
        path, items = f"/v1/sweeps/{sweep['id']}/results", []
        page = self.get(path, limit=40, **asked)
        items += page["items"]
        while page["next"] is not None:
            page = self.get(path, limit=40, cursor=page["next"], **asked)
            items += page["items"]
        ids = [each["app"] for each in items]
        assert ids == sorted(set(ids))
        return {each["app"]: each for each in items}

    def job(self) -> Job:
        """Give a job at work."""
        return Job("test", self.ending, lambda _, work: work())

    def follow(self, **asked: Any) -> Document:  # noqa: ANN401 - as the operation takes it
        """Order a sweep that follows, and do its parts."""
        answer = self.http.post("/v1/sweeps", json={"follows": True, **asked})
        assert answer.status_code == 201, answer.text
        self.work(answer.json())
        told = self.get(f"/v1/sweeps/{answer.json()['id']}")
        assert told["state"] == "following", told
        return told

    def settle(self, sweep: Document) -> Document:
        """Let a sweep that follows come to the newest registry revision, and its successor where it has one."""
        while True:
            told = self.get(f"/v1/sweeps/{sweep['id']}")
            if told["state"] == "following":
                with self.line.streams() as streams:
                    newest = streams.revision()
                    if told["revision"] == newest and self.day in {None, date.fromisoformat(told["on"])}:
                        return told
                    self.continuing.look(self.job(), streams, sweep["id"])
            elif told["state"] == "running":
                self.work(told)
            elif told["succeeded_by"] is not None:
                sweep = self.get(f"/v1/sweeps/{told['succeeded_by']}")
            else:
                return told

    def changes(self, sweep: Document, since: int = 0) -> list[Document]:
        """Read what has changed, page by page."""
        items: list[Document] = []
        while True:
            page = self.get(f"/v1/sweeps/{sweep['id']}/changes", since=since, limit=3)
            if not page["items"]:
                return items
            items += page["items"]
            since = page["next"]

    def close(self) -> None:
        """Let go of what is held."""
        self.sweeping.close()
        self.continuing.close()


@contextmanager
def auditing(http: TestClient, database_url: str, folder: Path, request: pytest.FixtureRequest) -> Iterator[Audit]:
    """Start the audit on a database of its own, of the kind that the registry has."""
    engine = "sqlite" if database_url.startswith("sqlite") else "postgresql"
    line = Line(http)
    with new_database(engine, folder, request) as url:
        settings = AuditSettings.model_validate(
            {"database_url": url, "migrates_on_start": True, "registry_url": OPTIONS.url}
        )
        service = create_service(settings, httpx.MockTransport(line.carry), line.streams)
        database = settings.database()
        with TestClient(service, base_url="http://audit.test") as client:
            found = Audit(client, database, line)
            yield found
            found.close()
        database.close()
