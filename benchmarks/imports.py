"""Imports of NDJSON from beginning to end, and one person who registers apps meanwhile.

`python -m benchmarks.imports APPS` prints apps a second of the dry run and of carrying out, on both databases, in
processor time as well: on a machine that others use, only that can be compared.
"""

from __future__ import annotations

import resource
import secrets
import statistics
import sys
import threading
import time
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING

from rich.console import Console

from benchmarks import nation
from benchmarks.databases import databases
from benchmarks.figures import Table
from services.jobs import Job
from services.manifest.model import Manifest
from services.registry.import_tables import Import, Mode, State
from services.registry.imports import carrying
from services.registry.store import apps, imports
from services.registry.store.database import Act, Database

if TYPE_CHECKING:
    from collections.abc import Iterator

_PART = 1 << 20
_MAX_OFFERS = 10_000
_PAUSE_S = 0.05
_ACT = Act("示例办事员", "示例登记")


@dataclass(slots=True)
class Clerk:
    """Registers an app now and then, and notes how long each took."""

    database: Database
    manifest: Manifest
    is_over: Event = field(default_factory=Event)
    took_ms: list[float] = field(default_factory=list)

    def work(self) -> None:
        """Register until it is over."""
        while not self.is_over.wait(_PAUSE_S):
            began = time.perf_counter()
            apps.put(self.database, secrets.token_hex(12), self.manifest, _ACT, lambda *_: None, _MAX_OFFERS)
            self.took_ms.append((time.perf_counter() - began) * 1000)


def measure(many: int) -> Iterator[Table]:
    """Import a nation of so many apps into each database."""
    table = Table(
        f"导入 {many} 个应用 · importing {many} apps (NDJSON)",
        ("", "apps/s", "apps/s of CPU", "clerk p50 ms", "clerk p99 ms", "peak MiB"),
    )
    with databases() as urls:
        for name, url in urls.items():
            # A connection of its own for the clerk, as another process has.
            database, other = Database(url), Database(url)
            id = _sent(database, many)
            _timed(table, f"{name}: dry run", database, other, id, many)
            with database.keeping() as connection:
                ready = imports.locked(connection, id)
                imports.move(connection, ready, database.now(), state=State.APPLYING, applied_by="示例导入者")
            _timed(table, f"{name}: carrying out", database, other, id, many)
            told = imports.find(database, id)
            if told.state != State.APPLIED or told.written + told.rejected != many:
                raise RuntimeError(f"{told.state}: {told.written} written, {told.rejected} rejected of {many}")
            for each in (database, other):
                each.close()
    table.remarks.append("一个进程，一个办事员每 50 毫秒登记一次 · one process; a clerk registers every 50 ms")
    yield table


def _timed(table: Table, name: str, database: Database, other: Database, id: str, many: int) -> None:
    clerk = Clerk(other, Manifest.model_validate_json(nation.app(0).manifest))
    thread = threading.Thread(target=clerk.work)
    began, busy = time.perf_counter(), time.process_time()
    thread.start()
    carrying.task(database, _MAX_OFFERS).run(Job(id, Event(), lambda _, work: work()), id)
    took_s, busy_s = time.perf_counter() - began, time.process_time() - busy
    clerk.is_over.set()
    thread.join()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    waits = statistics.quantiles(clerk.took_ms, n=100) if len(clerk.took_ms) > 1 else [0.0] * 99
    figures = (many / took_s, many / busy_s, waits[49], waits[98], peak)
    table.add(name, *(f"{figure:,.0f}" for figure in figures))


def _sent(database: Database, many: int) -> str:
    now, id = database.now(), secrets.token_hex(12)
    said = {"mode": Mode.PER_ROW, "reason": "示例导入", "sent_by": "示例导入者", "scopes": "approve write"}
    instants = dict.fromkeys(("created_at", "began_at", "changed_at"), now)
    imports.create(database, Import.model_validate({"id": id, "state": State.RECEIVING, **said, **instants}))
    size, number, part = 0, 0, bytearray()
    for each in nation.apps(many):
        part += each.manifest + b"\n"
        if len(part) >= _PART:
            imports.receive(database, id, number, bytes(part))
            size, number = size + len(part), number + 1
            part.clear()
    imports.receive(database, id, number, bytes(part))
    imports.arrived(database, id, size + len(part))
    return id


if __name__ == "__main__":
    for each in measure(int(sys.argv[1]) if len(sys.argv) > 1 else 50_000):
        each.show(Console(width=None if sys.stdout.isatty() else 140))
