"""Imports of NDJSON and CSV from beginning to end, and one person who registers apps meanwhile.

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
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING

from rich.console import Console

from benchmarks import nation
from benchmarks.databases import databases
from benchmarks.figures import Table
from services.jobs import Job
from services.manifest.model import Manifest
from services.registry import sheets
from services.registry.import_tables import Import, Mode, State
from services.registry.imports import carrying
from services.registry.sheets import Form
from services.registry.store import apps, imports
from services.registry.store.database import Act, Database

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from services.registry.store.database import Batch

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


@dataclass(slots=True)
class Held:
    """How long each batch kept others from writing, and how much of that this process was at work."""

    took_ms: list[float] = field(default_factory=list)
    busy_ms: list[float] = field(default_factory=list)


class Watched(Database):
    """A database that notes how long the lock on the registry revision is held for many writes at once."""

    held: Held

    @contextmanager
    def writing_many(self, act: Act) -> Iterator[Batch]:
        """Take the lock, and note when it was had and given back."""
        began, busy = 0.0, 0.0
        with super().writing_many(act) as batch:
            began, busy = time.perf_counter(), time.thread_time()
            yield batch
        self.held.took_ms.append((time.perf_counter() - began) * 1000)
        self.held.busy_ms.append((time.thread_time() - busy) * 1000)


def measure(many: int) -> Iterator[Table]:
    """Import a nation of so many apps into each database."""
    unit = _validating()
    for form, processes in ((Form.NDJSON, 0), (Form.NDJSON, 1), (Form.CSV, 0)):
        # Cells are read one by one, so fewer apps tell as much.
        apps_of_file = many if form is Form.NDJSON else many // 10
        table = Table(
            f"导入 {apps_of_file} 个应用 · importing {apps_of_file} apps ({form}, {1 + processes} process(es))",
            ("", "apps/s", "CPU µs", "÷ validating", "lock p50 ms", "lock CPU", "clerk p50", "clerk p99", "peak MiB"),
        )
        with databases() as urls:
            for name, url in urls.items():
                _import(table, name, url, form, apps_of_file, processes, unit)
        table.remarks.append(
            "CPU µs: 每个应用所用的处理器时间，含读取进程，不含数据库服务器；÷ validating: 与校验一份清单之比"
            f"（{unit * 1e6:.0f} µs）；lock CPU: 持锁期间本进程所用；办事员每 50 毫秒登记一次"
            " · processor time of an app without that of a database server, and its ratio to validating one manifest;"
            " a clerk registers every 50 ms"
        )
        yield table


def _validating() -> float:
    """Give the seconds of processor time that validating a manifest once takes."""
    some = [each.manifest for each in nation.apps(2000)]
    busy = time.process_time()
    for manifest in some:
        Manifest.model_validate_json(manifest)
    return (time.process_time() - busy) / len(some)


def _import(table: Table, name: str, url: str, form: Form, many: int, processes: int, unit: float) -> None:  # noqa: PLR0913, PLR0917 - what is measured
    # A connection of its own for the clerk, as another process has.
    database, other = Watched(url), Database(url)
    id = _sent(database, form, many)
    for phase in ("dry run", "carrying out"):
        database.held = Held()
        _timed(table, f"{name}: {phase}", database, other, id, many, processes, unit)
        if phase == "dry run":
            with database.keeping() as connection:
                ready = imports.locked(connection, id)
                imports.move(connection, ready, database.now(), state=State.APPLYING, applied_by="示例导入者")
    told = imports.find(database, id)
    if told.state != State.APPLIED or told.written + told.rejected != many:
        raise RuntimeError(f"{told.state}: {told.written} written, {told.rejected} rejected of {many}")
    for each in (database, other):
        each.close()


def _timed(  # noqa: PLR0913, PLR0917 - what is measured
    table: Table, name: str, database: Watched, other: Database, id: str, many: int, processes: int, unit: float
) -> None:
    clerk = Clerk(other, Manifest.model_validate_json(nation.app(0).manifest))
    thread = threading.Thread(target=clerk.work)
    began, busy = time.perf_counter(), _busy()
    thread.start()
    carrying.task(database, _MAX_OFFERS, processes).run(Job(id, Event(), lambda _, work: work()), id)
    took_s, busy_s = time.perf_counter() - began, _busy() - busy
    clerk.is_over.set()
    thread.join()
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
    p50, p99 = _quantiles(clerk.took_ms)
    held, own = database.held.took_ms, database.held.busy_ms
    figures = (many / took_s, busy_s / many * 1e6, busy_s / many / unit, _quantiles(held)[0], _quantiles(own)[0])
    table.add(name, *(f"{figure:,.1f}" if figure < 100 else f"{figure:,.0f}" for figure in (*figures, p50, p99, peak)))


def _busy() -> float:
    """Give the processor time of this process and of those that it began and that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _quantiles(took: Sequence[float]) -> tuple[float, float]:
    """Give p50 and p99; 0 where there is too little to tell."""
    waits = statistics.quantiles(took, n=100) if len(took) > 1 else [0.0] * 99
    return waits[49], waits[98]


def _sent(database: Database, form: Form, many: int) -> str:
    now, id = database.now(), secrets.token_hex(12)
    said = {"mode": Mode.PER_ROW, "reason": "示例导入", "sent_by": "示例导入者", "scopes": "approve write"}
    instants = dict.fromkeys(("created_at", "began_at", "changed_at"), now)
    imports.create(database, Import.model_validate({"id": id, "state": State.RECEIVING, **said, **instants}))
    size, number, part = 0, 0, bytearray()
    apps_of_file = (sheets.Registered(each.manifest, None) for each in nation.apps(many))
    for some in sheets.written(apps_of_file, form):
        part += some
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
