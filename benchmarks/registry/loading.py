"""Filling a registry with a nation: two processes that validate, derive and write a thousand apps at a time.

`python -m benchmarks.registry.loading URL APPS PART PARTS` is one of them; it writes every PARTS-th batch.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from benchmarks import nation
from benchmarks.processes import python
from services.manifest.model import Manifest
from services.manifest.neighbourhood import GrantKind
from services.registry.store import bulk, grants
from services.registry.store.database import Act, Database
from services.registry.store.prepared import prepare
from services.registry.tables import Action, Grant, Noun, Revision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.nation import Declared
    from services.registry.store.database import Batch

PROCESSES = 2
_ACT = Act("示例导入", "示例批量登记")
_MAX_OFFERS = 10_000
_PATIENCE_S = 3600


@dataclass(frozen=True, slots=True)
class Loaded:
    """What loading took: apps, seconds without those in which the nation was drawn, and the largest process in MiB."""

    apps: int
    seconds: float
    peak_mib: float

    @property
    def per_second(self) -> float:
        """Apps per second, with their grants."""
        return self.apps / self.seconds


def load(url: str, end: int, first: int = 0) -> Loaded:
    """Fill a registry with the apps from `first` up to, but without, `end`, and bring its statistics up to date."""
    commands = [
        python("benchmarks.registry.loading", url, str(end), str(first), str(part), str(PROCESSES))
        for part in range(PROCESSES)
    ]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
    try:
        told = [json.loads(process.communicate(timeout=_PATIENCE_S)[0]) for process in running]
    finally:
        for process in running:
            process.kill()
            process.wait()
    parts = [Loaded(**each) for each in told]
    return Loaded(
        sum(each.apps for each in parts),
        max(each.seconds for each in parts),
        max(each.peak_mib for each in parts),
    )


def settle(url: str) -> float:
    """Give the database the statistics and maps that it makes for itself in time; say how many seconds that took."""
    database = Database(url, statement_timeout_s=600)
    began = time.perf_counter()
    engine = database._engine  # noqa: SLF001 - nobody else needs it at once
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE" if database.is_postgresql else "ANALYZE")
    database.close()
    return time.perf_counter() - began


def _write(database: Database, declared: Sequence[Declared]) -> None:
    wanted = [prepare(each.id, Manifest.model_validate_json(each.manifest), _MAX_OFFERS) for each in declared]
    terms = [(each.id, terms_of(document)) for each in declared for document in each.grants]
    with database.writing_many(_ACT) as batch:
        bulk.write(batch, {}, wanted, is_postgresql=database.is_postgresql)
        if terms:
            _grant(batch, terms, is_postgresql=database.is_postgresql)


def _grant(batch: Batch, terms: Sequence[tuple[str, grants.Terms]], *, is_postgresql: bool) -> None:
    numbers, at = batch.take(len(terms))
    stated = [grants.stated(app, each, number) for number, (app, each) in zip(numbers, terms, strict=True)]
    bulk.add(batch.connection, Grant, [row.model_dump() for row, _ in stated], is_postgresql=is_postgresql)
    history = [
        {
            "revision": row.since,
            "noun": Noun.GRANT.value,
            "thing": row.id,
            "app": row.app,
            "action": Action.GRANT.value,
            "who": batch.act.who,
            "reason": batch.act.reason,
            "at": at,
            "before": None,
            "after": told,
        }
        for row, told in stated
    ]
    bulk.add(batch.connection, Revision, history, is_postgresql=is_postgresql)


def terms_of(document: dict[str, Any]) -> grants.Terms:
    """Give the terms of a grant as the store takes them."""
    granter, basis = document["granter"], document["basis"]
    until_on = document.get("until_on")
    return grants.Terms(
        kind=GrantKind(document["kind"]),
        granter=granter["name"],
        granter_credit_code=granter.get("credit_code"),
        granter_root_organ=granter.get("root_organ"),
        basis_title=basis.get("title"),
        basis_number=basis.get("number"),
        basis_article=basis.get("article"),
        granted_on=date.fromisoformat(document["granted_on"]),
        from_on=date.fromisoformat(document["from_on"]),
        until_on=None if until_on is None else date.fromisoformat(until_on),
        provision=document.get("provision"),
        feature=document.get("feature"),
        item=document.get("item"),
    )


def main(url: str, end: int, first: int, part: int, parts: int) -> None:
    """Write the batches of one process, and print what that took."""
    database = Database(url, connections=2, statement_timeout_s=120, lock_timeout_s=60)
    apps, seconds = 0, 0.0
    for start in range(first + part * bulk.BATCH, end, parts * bulk.BATCH):
        declared = list(nation.apps(min(end, start + bulk.BATCH), start))
        began = time.perf_counter()
        _write(database, declared)
        seconds += time.perf_counter() - began
        apps += len(declared)
    database.close()
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(asdict(Loaded(apps, seconds, peak_mib))))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
