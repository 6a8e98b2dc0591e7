"""`registry`: the registry filled with a nation of apps – how fast it takes them in, and how fast it answers then.

Without sizes 100,000 apps are measured; `registry 1000 100000 1000000` measures three nations and how all grows.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from benchmarks.databases import databases
from benchmarks.figures import Table
from benchmarks.registry.measuring import Measured, fill, question, serving, streams
from benchmarks.registry.questions import questions
from benchmarks.registry.tables import answers, growth, imports, snapshots

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DEFAULT = 100_000


def measure(sizes: Sequence[int] = ()) -> Iterator[Table]:
    """Measure nations of the sizes given, each in SQLite and in PostgreSQL."""
    done: list[Measured] = []
    for apps in sizes or (DEFAULT,):
        with databases() as urls:
            for database, url in urls.items():
                done.append(one(database, url, apps))
                yield answers(done[-1])
    yield imports(done)
    yield snapshots(done)
    if len(done) > 2:
        yield growth(done)


def one(database: str, url: str, apps: int) -> Measured:
    """Fill a registry with so many apps, and measure what it does."""
    measured = Measured(database, apps)
    with ExitStack() as stack:
        service = stack.enter_context(serving(url, measured))
        fill(url, service, measured)
        for each in questions(apps):
            measured.answers[each.name] = question(url, service, each, measured)
        streams(url, service, measured)
    return measured
