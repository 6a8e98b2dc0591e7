"""Processes that read beside the service: what they read is the same, and nothing hangs on any of them."""

from __future__ import annotations

import multiprocessing
import os
import secrets
import signal
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import pytest

from services.jobs import Job
from services.registry.import_tables import Import, Mode, State
from services.registry.imports import carrying, judging, readers, reading
from services.registry.sheets import Form, opened
from services.registry.sheets.documents import Documents
from services.registry.store import imports
from services.registry.store.database import Database
from tests.integration.registry.clerk import manifest
from tests.integration.registry.importing import lines
from tests.processes import DEADLINE_S

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from services.registry.imports.readers import Readers

MAX_OFFERS = 10_000
MANY = 1_500
"""More than is read ahead of the first batch that is kept."""

WITH_CHILD = """
import multiprocessing, sys, time
from services.registry.imports import readers

if __name__ == "__main__":
    with readers.readers_of(readers.LARGE, 1) as some:
        list(some.read(iter([(1, ("1", b"{}", "json", 1))]), max_offers=1))
        print(multiprocessing.active_children()[0].pid, flush=True)
        sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def any_file_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "LARGE", 0)


def test_other_processes_read_the_same() -> None:
    twice = manifest("b", name="又一次")
    good = [manifest(each, regions=["9901"], asks=[{"code": "a"}]) for each in "abc"]
    content = b"\xef\xbb\xbf" + lines([*good, twice]) + b'\n{"id": \n' + lines([manifest("d", level="?"), {}])
    content += lines(manifest(f"e{n}") for n in range(250)) + b'{"manifest":"1","id":"f","id":"g"}\n'
    with opened(BytesIO(content), Form.NDJSON) as file, readers.readers_of(len(content), 2) as some:
        assert isinstance(file, Documents)
        assert some is not None
        alone = [judging.read(each, MAX_OFFERS) for each in file.entries(after=1)]
        others = list(file.read_by(lambda documents: some.read(documents, max_offers=MAX_OFFERS), after=1))
    assert [judging.read(each, MAX_OFFERS) if each.problems else each for each in others] == alone
    assert sum(each.ready is None for each in alone) == 5


def test_an_import_outlasts_the_processes_that_read_it(
    fresh_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(fresh_database_url)
    database.migrate()
    id = sent(database, lines(manifest(f"{n}") for n in range(MANY)))
    begun: list[int] = []
    kept: list[int] = []
    stage = imports.stage

    def counted(size: int, processes: int) -> AbstractContextManager[Readers | None]:
        begun.append(processes)
        return readers.readers_of(size, processes)

    def killing(*given: object, **named: bool) -> None:
        stage(*given, **named)  # type: ignore[arg-type] # handed on as they are
        if not kept:
            for child in multiprocessing.active_children():
                os.kill(int(child.pid or 0), signal.SIGKILL)
        kept.append(1)

    monkeypatch.setattr(reading, "readers_of", counted)
    monkeypatch.setattr(imports, "stage", killing)
    carrying.task(database, MAX_OFFERS, 1).run(Job(id, Event(), lambda _, work: work()), id)
    told = imports.find(database, id)
    assert (told.state, told.created, told.rejected, told.rows_read) == (State.READY, MANY, 0, MANY)
    assert len(begun) > 1
    database.close()


def test_no_process_outlasts_a_service_that_is_killed(tmp_path: Path) -> None:
    program = tmp_path / "service.py"
    program.write_text(WITH_CHILD, "utf-8")
    command = [sys.executable, str(program)]
    root = str(Path(__file__).parents[3])
    environment = {**os.environ, "PYTHONPATH": root}
    service = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert service.stdout is not None
    child = int(service.stdout.readline())
    assert is_alive(child)
    service.kill()
    service.communicate()
    until = time.monotonic() + DEADLINE_S
    while is_alive(child) and time.monotonic() < until:
        time.sleep(0.01)
    assert not is_alive(child)


def is_alive(process: int) -> bool:
    """Tell whether a process runs; one that has ended and that nobody has asked for does not."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{process}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


def sent(database: Database, content: bytes) -> str:
    now, id = database.now(), secrets.token_hex(12)
    said = {"mode": Mode.PER_ROW, "reason": "示例导入", "sent_by": "示例导入者", "scopes": "write"}
    instants = dict.fromkeys(("created_at", "began_at", "changed_at"), now)
    imports.create(database, Import.model_validate({"id": id, "state": State.RECEIVING, **said, **instants}))
    imports.receive(database, id, 0, content)
    imports.arrived(database, id, len(content))
    return id
