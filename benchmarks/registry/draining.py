"""Reading a snapshot as fast as it comes: `python -m benchmarks.registry.draining PORT PATH`."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import psycopg
from sqlalchemy.engine import make_url

from benchmarks.processes import python
from services.registry.filters import AppFilter
from services.registry.store import snapshots
from services.registry.store.database import Database

if TYPE_CHECKING:
    from collections.abc import Sequence

CASES, OFFERS = "/v1/snapshots/latest/cases", "/v1/snapshots/latest/offers"
_PATIENCE_S = 1800
_AT_ONCE = 1 << 18


@dataclass(frozen=True, slots=True)
class Drained:
    """What came: lines, bytes, and the seconds that took."""

    lines: int
    size: int
    seconds: float

    @property
    def per_second(self) -> float:
        """Lines per second."""
        return self.lines / self.seconds


def drain(port: int, *paths: str) -> Drained:
    """Read streams, each in a process of its own, all at the same time; give all lines, and the longest time."""
    commands = [python("benchmarks.registry.draining", str(port), path) for path in paths]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
    try:
        told = [Drained(**json.loads(process.communicate(timeout=_PATIENCE_S)[0])) for process in running]
    finally:
        for process in running:
            process.kill()
            process.wait()
    return Drained(sum(e.lines for e in told), sum(e.size for e in told), max(e.seconds for e in told))


def manifests(url: str) -> Drained:
    """Read nothing but the manifests, by the driver alone: no snapshot of cases can be faster."""
    statement = "SELECT after FROM revisions WHERE noun = 'app'"
    lines = size = 0
    if make_url(url).get_backend_name() == "sqlite":
        database = Database(url)
        began = time.perf_counter()
        with database.reading() as connection:
            for (after,) in connection.exec_driver_sql(statement):
                lines, size = lines + 1, size + len(after)
        database.close()
        return Drained(lines, size, time.perf_counter() - began)
    with psycopg.connect(url) as server, server.cursor() as cursor:
        began = time.perf_counter()
        with cursor.copy(f"COPY ({statement}) TO STDOUT") as copy:
            for line in copy:
                lines, size = lines + 1, size + len(line)
        return Drained(lines, size, time.perf_counter() - began)


def in_process(url: str) -> Drained:
    """Read all cases from the store, without HTTP."""
    database = Database(url)
    began = time.perf_counter()
    lines = size = 0
    with snapshots.cases(database, None, snapshots.Partition(), AppFilter()) as snapshot:
        for piece in snapshot.chunks:
            lines, size = lines + piece.count(b"\n"), size + len(piece)
    took = time.perf_counter() - began
    database.close()
    return Drained(lines, size, took)


def main(port: int, path: str) -> None:
    """Read one stream, and print what came."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)
    began = time.perf_counter()
    connection.request("GET", path)
    answer = connection.getresponse()
    if answer.status != http.client.OK:
        raise SystemExit(answer.read().decode())
    lines = size = 0
    while piece := answer.read(_AT_ONCE):
        lines, size = lines + piece.count(b"\n"), size + len(piece)
    print(json.dumps(asdict(Drained(lines, size, time.perf_counter() - began))))


def parts(path: str, count: int) -> Sequence[str]:
    """Give the paths of a snapshot in so many parts."""
    return [f"{path}?partition={part}/{count}" for part in range(1, count + 1)]


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
