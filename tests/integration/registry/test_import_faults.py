"""Imports outlast what befalls a service: killed while it reads or writes, or out of disk, it goes on by itself.

Nothing is lost, nothing written twice, and nothing by half.
"""

from __future__ import annotations

import os
import resource
import subprocess
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy import func, select
from sqlmodel import col

from services.registry.store.database import Database
from services.registry.tables import Revision
from tests.integration.registry.clerk import manifest
from tests.integration.registry.importing import lines
from tests.processes import DEADLINE_S, GOVAPP, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MANY = 3000
FEW_BYTES = 4096
UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)

Document = dict[str, Any]


class Server:
    """A registry as a process of its own, that can be killed and started again."""

    def __init__(self, database_url: str, log: Path) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self.log = log
        self.http = httpx.Client(base_url=self.url, trust_env=False, timeout=DEADLINE_S)
        self.environment = {
            **os.environ,
            "GOVAPP_REGISTRY_DATABASE_URL": database_url,
            "GOVAPP_REGISTRY_MIGRATES_ON_START": "true",
            "GOVAPP_REGISTRY_JOBS__RUNS": "true",
        }
        self.process = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        command = [GOVAPP, "serve", "registry", "--port", self.url.rpartition(":")[2]]
        with self.log.open("ab") as output:
            process = subprocess.Popen(command, env=self.environment, stdout=output, stderr=output)
        until = time.monotonic() + DEADLINE_S
        while time.monotonic() < until and process.poll() is None:
            try:
                if self.http.get("/readyz").status_code == httpx.codes.OK:
                    return process
            except httpx.TransportError:
                time.sleep(0.05)
        process.kill()
        raise AssertionError(self.log.read_text("utf-8"))

    def restart_killed(self) -> None:
        """Kill the process as a power cut does, and start another one."""
        self.process.kill()
        self.process.wait()
        self.process = self._started()

    def limit_files(self, limits: tuple[int, int]) -> None:
        """Let the process write no file beyond a size, as on a full disk."""
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, limits)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.http.close()

    def send(self, content: bytes, mode: str) -> httpx.Response:
        said = {"reason": "示例导入", "mode": mode}
        return self.http.post(
            "/v1/imports", params=said, content=content, headers={"Content-Type": "application/x-ndjson"}
        )

    def sent(self, content: bytes, mode: str) -> str:
        answer = self.send(content, mode)
        assert answer.status_code == 202, answer.text
        id: str = answer.json()["id"]
        return id

    def get(self, id: str) -> Document:
        document: Document = self.http.get(f"/v1/imports/{id}").json()
        return document

    def until(self, id: str, is_so: Callable[[Document], bool]) -> Document:
        """Wait until an import is as wanted; it ends with what is there when it never is."""
        until = time.monotonic() + DEADLINE_S
        while not is_so(told := self.get(id)) and time.monotonic() < until:
            time.sleep(0.01)
        return told

    def apply(self, id: str) -> None:
        tag = self.http.get(f"/v1/imports/{id}").headers["ETag"]
        answer = self.http.post(f"/v1/imports/{id}/apply", headers={"If-Match": tag})
        assert answer.status_code == 202, answer.text


@pytest.fixture
def server(fresh_database_url: str, tmp_path: Path) -> Iterator[Server]:
    server = Server(fresh_database_url, tmp_path / "registry.log")
    yield server
    server.close()


def content(mark: str, many: int = MANY) -> bytes:
    return lines(manifest(f"{mark}-{n}", asks=[{"code": "a"}], regions=["9901"]) for n in range(many))


def written(database_url: str, mark: str) -> tuple[int, int]:
    """Give how many revisions there are of apps with a mark, and of how many apps."""
    database = Database(database_url)
    with database.reading() as connection:
        things = select(func.count(), func.count(col(Revision.thing).distinct())).where(
            col(Revision.thing).startswith(f"{mark}-")
        )
        revisions, apps = connection.execute(things).one()
    database.close()
    return revisions, apps


def test_killed_while_it_reads_or_writes_it_goes_on(server: Server, fresh_database_url: str) -> None:
    id = server.sent(content("one"), "per_row")
    assert server.until(id, lambda told: told["rows_read"] > 0)["rows_read"] > 0
    server.restart_killed()
    told = server.until(id, lambda told: told["state"] != "reading")
    assert (told["state"], told["rows_read"], told["created"]) == ("ready", MANY, MANY)
    server.apply(id)
    assert server.until(id, lambda told: told["written"] > 0)["written"] > 0
    server.restart_killed()
    told = server.until(id, lambda told: told["state"] != "applying")
    assert (told["state"], told["written"], told["rejected"]) == ("applied", MANY, 0)
    assert written(fresh_database_url, "one") == (MANY, MANY)

    id = server.sent(content("all"), "all_or_nothing")
    assert server.until(id, lambda told: told["state"] != "reading")["state"] == "ready"
    server.apply(id)
    server.process.kill()
    assert written(fresh_database_url, "all") in {(0, 0), (MANY, MANY)}
    server.restart_killed()
    told = server.until(id, lambda told: told["state"] != "applying")
    assert (told["state"], told["written"]) == ("applied", MANY)
    assert written(fresh_database_url, "all") == (MANY, MANY)


@pytest.mark.parametrize("fresh_database_url", ["sqlite"], indirect=True)
def test_without_room_on_the_disk_it_waits(server: Server, fresh_database_url: str) -> None:
    id = server.sent(content("full"), "per_row")
    assert server.until(id, lambda told: told["state"] != "reading")["state"] == "ready"
    server.apply(id)
    assert server.until(id, lambda told: told["written"] > 0)["written"] > 0
    server.limit_files((FEW_BYTES, resource.RLIM_INFINITY))
    refused = server.send(content("refused", 1), "per_row")
    stands = server.get(id)
    server.limit_files(UNLIMITED)
    assert refused.status_code == 503, refused.text
    # Without room, SQLite may not even have the file that readers share; then it says so.
    assert stands.get("state") in {"applying", "applied"} or stands["status"] == 503, stands
    told = server.until(id, lambda told: told["state"] != "applying")
    assert (told["state"], told["written"]) == ("applied", MANY)
    assert written(fresh_database_url, "full") == (MANY, MANY)
    assert [each["id"] for each in server.http.get("/v1/imports").json()["items"]] == [id]
