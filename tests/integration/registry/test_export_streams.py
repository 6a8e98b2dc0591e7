"""Exports of a process that serves them: how much memory they take, who leaves them, and what happens when it dies."""

from __future__ import annotations

import io
import random
import socket
import time
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import orjson
import psycopg
import pytest
from sqlalchemy.engine import make_url

from services.registry import sheets
from services.registry.store import bulk
from services.registry.store.database import Act, Database
from services.registry.store.prepared import Prepared, prepare
from tests import world
from tests.processes import running

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

MIB = 1 << 20
APPS = 3_000
FORMATS = ("ndjson", "csv", "csv.zip", "xlsx", "yaml.zip", "parquet")
LEAST = 11 * MIB
"""Bytes that every export of all of them has at least, however it is packed."""
DEADLINE_S = 60
"""Seconds until a stream that was left must have made room; far more than it takes."""

Serving = tuple[str, "subprocess.Popen[bytes]"]


@pytest.fixture(scope="module")
def filled(database_url: str) -> str:
    """Fill the database with apps whose texts hardly compress, far more of them than a process should hold."""
    drawn = random.Random(APPS)
    with closing(Database(database_url)) as database:
        for first in range(0, APPS, bulk.BATCH):
            wanted = [_prepared(i, drawn) for i in range(first, first + bulk.BATCH)]
            with database.writing_many(Act("示例导入", "示例理由")) as batch:
                bulk.write(batch, {}, wanted, is_postgresql=database.is_postgresql)
    return database_url


def _prepared(number: int, drawn: random.Random) -> Prepared:
    features = [{"id": f"f{i}", "necessity": drawn.randbytes(2000).hex()} for i in range(2)]
    document = {"id": f"app-{number:05}", "features": features, "sponsor": {"division": "33"}}
    return prepare(str(document["id"]), world.manifest(document), 100)


@contextmanager
def served(url: str, log: Path, streams: int) -> Iterator[Serving]:
    environment = {"GOVAPP_REGISTRY_DATABASE_URL": url, "GOVAPP_REGISTRY_MAX_STREAMS": str(streams)}
    with running("registry", environment, log) as serving:
        yield serving


@pytest.fixture(scope="module")
def serving(filled: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with served(filled, tmp_path_factory.mktemp("exports") / "log", streams=1) as serving:
        yield serving


def begun(url: str, form: str, stack: ExitStack, **conditions: str) -> Iterator[bytes]:
    """Begin an export that nobody else keeps from beginning for long; give its pieces."""
    # Little waits on its way, so that the server has not sent all before somebody reads it.
    narrow = httpx.HTTPTransport(socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)])
    http = stack.enter_context(httpx.Client(base_url=url, transport=narrow, timeout=DEADLINE_S))
    deadline = time.monotonic() + DEADLINE_S
    while True:
        request = http.build_request("GET", "/v1/exports/apps", params={"format": form, **conditions})
        answer = http.send(request, stream=True)
        if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
            assert answer.status_code == httpx.codes.OK
            stack.callback(answer.close)
            return answer.iter_raw()
        answer.close()
        time.sleep(0.02)


def drain(pieces: Iterator[bytes], received: bytearray) -> None:
    for piece in pieces:
        received += piece


def peak(process: subprocess.Popen[bytes]) -> int:
    """Give the most memory that a process has had, in bytes."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells of the memory of a process")
def test_memory_does_not_grow_with_the_file(serving: Serving, filled: str) -> None:
    url, process = serving
    # How apps are read has nothing to do with the file, and SQLite keeps what it has read once, up to 64 MiB.
    once: tuple[str, ...] = ("ndjson",)
    measured: tuple[str, ...] = ("csv.zip", "xlsx")  # Parquet holds one group of rows, which are more than these
    if filled.startswith("postgresql"):
        once, measured = (), once
    for form in once:
        with ExitStack() as stack:
            assert sum(map(len, begun(url, form, stack))) > LEAST
    for form in measured:  # what a form needs whatever its size
        with ExitStack() as stack:
            next(begun(url, form, stack))
    before = peak(process)
    for form in measured:
        with ExitStack() as stack:
            assert sum(map(len, begun(url, form, stack, division="33"))) > LEAST
    assert peak(process) - before < LEAST


@pytest.mark.parametrize("form", FORMATS)
def test_a_client_that_goes_away_makes_room(serving: Serving, form: str) -> None:
    url, _ = serving
    for _ in range(3):  # there is room for one
        with ExitStack() as stack:
            assert next(begun(url, form, stack))


def test_a_server_that_is_killed_leaves_broken_files_and_no_short_ones(
    serving: Serving, filled: str, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        url, process = stack.enter_context(served(filled, tmp_path / "log", streams=3))
        pieces = {form: begun(url, form, stack) for form in ("ndjson", "xlsx", "parquet")}
        received = {form: bytearray(next(each)) for form, each in pieces.items()}
        process.kill()
        process.wait()
        for form, each in pieces.items():
            with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
                drain(each, received[form])
    with pytest.raises(sheets.UnreadableFile), sheets.opened(io.BytesIO(received["xlsx"])):
        pass
    with ExitStack() as stack:  # and the database is as it was
        lines = b"".join(begun(serving[0], "ndjson", stack)).splitlines()
        assert [orjson.loads(line)["id"] for line in lines] == [f"app-{i:05}" for i in range(APPS)]


def test_a_database_that_goes_away_breaks_the_file(serving: Serving, filled: str) -> None:
    if not filled.startswith("postgresql"):
        pytest.skip("SQLite is part of the process")
    url, _ = serving
    with ExitStack() as stack:
        pieces = begun(url, "ndjson", stack)
        next(pieces)
        address = make_url(filled).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(address, autocommit=True) as connection:
            ended = connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name = 'govapp registry' AND xact_start IS NOT NULL"
            ).fetchall()
        assert ended
        with pytest.raises(httpx.RemoteProtocolError):
            list(pieces)
    with ExitStack() as stack:  # and the next one comes through
        assert sum(map(len, begun(url, "ndjson", stack))) > LEAST
