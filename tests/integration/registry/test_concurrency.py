"""Many processes write at once: revisions come in the order of commits, with no gap; exactly one of rivals wins."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from services.registry.main import create_service
from services.registry.store import apps
from tests import world
from tests.integration.registry.clerk import Clerk, manifest, new_id
from tests.integration.registry.writers import ACT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.registry.settings import RegistrySettings
    from services.registry.store.database import Database

ROOT = Path(__file__).parents[3]
PROCESSES = 4


class Writers:
    """Processes that do the same at the same moment."""

    def __init__(self, processes: int) -> None:
        command = [sys.executable, "-m", "tests.integration.registry.writers"]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
        self.running = [subprocess.Popen(command, **pipes, cwd=ROOT) for _ in range(processes)]

    def do(self, database_url: str, deed: str, what: str) -> list[list[int]]:
        """Let all of them do it, and give the revisions that each of them made."""
        self._tell(json.dumps([database_url, deed, what]))
        assert self._hear() == ["ready\n"] * len(self.running)
        self._tell("go")
        return [json.loads(line) for line in self._hear()]

    def _tell(self, line: str) -> None:
        for process in self.running:
            assert process.stdin is not None
            process.stdin.write(f"{line}\n")

    def _hear(self) -> list[str]:
        return [process.stdout.readline() for process in self.running if process.stdout is not None]

    def end(self) -> None:
        for process in self.running:
            process.kill()
            process.communicate()


@pytest.fixture(scope="module")
def writers() -> Iterator[Writers]:
    writers = Writers(PROCESSES)
    yield writers
    writers.end()


class Reader(Thread):
    """Reads the history over and over, and notes what it saw in each snapshot."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database
        self.seen: list[tuple[int, int, int, int]] = []
        self.ending = Event()

    def run(self) -> None:
        sql = "SELECT (SELECT revision FROM registry_revision), max(revision), count(*) FROM revisions"
        while not self.ending.is_set():
            with self.database.reading() as connection:
                reached, newest, number = connection.execute(text(sql)).one()
                latest = connection.execute(text("SELECT coalesce(max(since), 0) FROM offers")).scalar_one()
                self.seen.append((reached, newest, number, latest))


def test_parallel_writers_leave_no_gap_and_no_reader_sees_one(
    writers: Writers, database_url: str, database: Database
) -> None:
    with database.reading() as connection:
        before = connection.execute(text("SELECT revision FROM registry_revision")).scalar_one()
    reader = Reader(database)
    reader.start()
    try:
        done = writers.do(database_url, "register", "12")
    finally:
        reader.ending.set()
        reader.join()
    assert sorted(revision for each in done for revision in each) == list(
        range(before + 1, before + 1 + 12 * PROCESSES)
    )
    assert all(each == sorted(each) for each in done)
    # In every snapshot the history is whole up to the registry revision, and no fact is newer than that.
    assert all(reached == newest == number - 1 and latest <= reached for reached, newest, number, latest in reader.seen)
    assert reader.seen == sorted(reader.seen)
    with database.reading() as connection:
        instants = connection.execute(text("SELECT at FROM revisions ORDER BY revision")).scalars().all()
    assert instants == sorted(instants)


def test_of_rivals_who_register_one_id_exactly_one_wins(writers: Writers, database_url: str) -> None:
    assert sorted(map(len, writers.do(database_url, "create", new_id()))) == [0, 0, 0, 1]


def test_of_rivals_who_change_one_version_exactly_one_wins(
    writers: Writers, database_url: str, database: Database
) -> None:
    app = new_id()
    apps.put(database, app, world.manifest(manifest(app)), ACT, lambda *_: None, 100)
    assert sorted(map(len, writers.do(database_url, "change", app))) == [0, 0, 0, 1]


def test_neighbourhoods_are_told_while_others_write(http: TestClient) -> None:
    """What one answer tells is of the revision it names: an app and its second offer are always seen together."""
    clerk = Clerk(http)
    code = new_id()
    ties = ((f"item:code={code}-1", [""]), (f"item:code={code}-2", ["33"]))
    ending = Event()

    def write() -> None:
        while not ending.is_set():
            clerk.register(asks=[{"code": f"{code}-1"}, {"code": f"{code}-2"}], regions=["33", "34"])

    writer = Thread(target=write)
    writer.start()
    try:
        for _ in range(30):
            answer = clerk.neighbourhood(None, *ties)
            first, second = ([each["app"] for each in tie["neighbours"]] for tie in answer["ties"])
            assert first == second
            assert answer["ties"][0]["total"] == answer["ties"][1]["total"]
    finally:
        ending.set()
        writer.join()


@pytest.mark.parametrize("connections", [2])
def test_two_services_share_one_database(settings: RegistrySettings, connections: int) -> None:
    own = settings.model_validate({**settings.model_dump(exclude_unset=True), "database_connections": connections})
    with TestClient(create_service(own)) as one, TestClient(create_service(own)) as other:
        app = Clerk(one).register()
        Clerk(other).change(app, name="新名")
        assert Clerk(one).get(f"/v1/apps/{app}")["manifest"]["name"] == "新名"
