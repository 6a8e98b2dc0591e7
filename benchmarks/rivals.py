"""Approvals at the same moment: real processes that each try to approve a proposal of their own.

`python -m benchmarks.rivals URL PROCESSES DEPARTMENTS` registers as many proposals as processes, spread over that many
departments, decides all of them on the same registry revision, lets all go at once, and prints what became of each, as
JSON. Processes are forked from this one, which has no threads, so that fifty of them start in a moment.
"""

from __future__ import annotations

import json
import multiprocessing
import secrets
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from benchmarks.auditor import Auditor
from services.manifest import receipt
from services.manifest.model import Manifest
from services.registry import life_cycle, receipts
from services.registry.audit_keys import AuditKeys
from services.registry.life_cycle import State
from services.registry.refusals import DecideAgainError
from services.registry.store import apps, live, moves
from services.registry.store.approvals import Presented
from services.registry.store.database import Act, Database, UnavailableError

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier

    from services.registry.life_cycle import Move
    from services.registry.tables import App

STUCK_AFTER_S = 45
MAX_OFFERS = 100
ACT = Act("示例审批处", "示例：同时批准")
SCOPES = frozenset({"read", "write", "approve"})

PROPOSAL: dict[str, Any] = {
    "manifest": "1",
    "name": "示例填报",
    "kind": "app",
    "stage": "proposed",
    "regions": [""],
    "faces_grassroots": True,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one approval: whether it won, what had changed else, and how long it took."""

    app: str
    has_won: bool
    changed: tuple[str, ...]
    took_s: float


def proposal(app: str, department: str) -> Manifest:
    """Give the manifest of a proposal, facing the grassroots, of a department of the centre."""
    sponsor = {"name": f"{department}信息中心", "level": "central", "root_organ": department}
    return Manifest.model_validate_json(orjson.dumps({**PROPOSAL, "id": app, "sponsor": sponsor}))


def race(url: str, processes: int, departments: int) -> list[Outcome]:
    """Let as many processes approve at once.

    Raises:
        RuntimeError: a process gave no answer in time.

    """
    auditor = Auditor()
    database = Database(url)
    decided = _decide(database, auditor, processes, departments)
    database.close()  # No connection may be carried into another process.
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(processes)
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder) / "jwks.json"
        keys.write_bytes(orjson.dumps({"keys": [auditor.public()]}))
        with context.Pool(processes, _meet, (barrier,)) as pool:
            told = pool.map_async(partial(_approve, url, str(keys)), decided, chunksize=1)
            return told.get(2 * STUCK_AFTER_S)


def _decide(database: Database, auditor: Auditor, processes: int, departments: int) -> list[tuple[str, str]]:
    """Register the proposals, and sign for each that nobody else was to be seen."""
    mark = secrets.token_hex(4)
    proposals = [proposal(f"rival-{mark}-{n}", f"示例部{mark}-{n % departments}") for n in range(processes)]
    for each in proposals:
        apps.put(database, str(each.id), each, ACT, lambda *_: None, MAX_OFFERS)
    with database.reading() as connection:
        revision = live.registry_revision(connection)
    day = database.today()
    return [(str(each.id), auditor.sign(auditor.claims(each, revision, day))) for each in proposals]


_barrier: Barrier


def _meet(barrier: Barrier) -> None:
    global _barrier  # noqa: PLW0603 - a forked process gets it by no other way
    _barrier = barrier


def _approve(url: str, keys: str, decided: tuple[str, str]) -> Outcome:
    app, signed = decided
    database = Database(url, connections=1)
    moves.find(database, app)  # The connection is made before it counts.
    _barrier.wait(STUCK_AFTER_S)
    began = time.monotonic()
    changed: tuple[str, ...] = ()
    try:
        _insist(database, app, signed, keys)
    except DecideAgainError as error:
        changed = tuple(each.fact.en for each in error.objections)
    took_s = time.monotonic() - began
    database.close()
    return Outcome(app, not changed, changed, took_s)


def _insist(database: Database, app: str, signed: str, keys: str) -> None:
    """Approve as a workflow does, which tries again when it is told that the database is busy (503)."""
    ends_at = time.monotonic() + STUCK_AFTER_S
    claims = receipts.verify(signed, app, AuditKeys(keys), receipt.ISSUER, datetime.now(UTC))
    given = moves.Given(presented=Presented(signed, claims, 1))
    while True:
        try:
            moves.make(database, app, ACT, _guard, given, MAX_OFFERS)
        except UnavailableError:
            if time.monotonic() > ends_at:
                raise
        else:
            return


def _guard(current: App) -> Move:
    return life_cycle.require_move(current, State.APPROVED, SCOPES)


def main(url: str, processes: str, departments: str) -> None:
    """Print the outcomes."""
    print(json.dumps([asdict(each) for each in race(url, int(processes), int(departments))]))


if __name__ == "__main__":
    main(*sys.argv[1:])
