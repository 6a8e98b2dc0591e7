"""Approvals: of rivals at the same moment exactly one wins, and how long one approval keeps others from writing."""

from __future__ import annotations

import json
import secrets
import statistics
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from sqlalchemy import insert, text

from benchmarks.auditor import Auditor
from benchmarks.databases import databases
from benchmarks.figures import Table, ratio
from benchmarks.processes import python
from benchmarks.rivals import ACT, SCOPES, proposal
from services.manifest import receipt
from services.manifest.model import Manifest
from services.registry import life_cycle, receipts
from services.registry.audit_keys import AuditKeys
from services.registry.life_cycle import State
from services.registry.store import apps, moves
from services.registry.store.approvals import Presented
from services.registry.store.database import Database
from services.registry.tables import Action, Noun, Offer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PROCESSES = 50
STUCK_AFTER_S = 180
HOT_TIES = 8
OFFERS = 200_000
FILLING_S = 120
TIMES = 60
MAX_OFFERS = 1000


def measure() -> Iterator[Table]:
    """Measure on SQLite, and on PostgreSQL: a server named by GOVAPP_TEST_POSTGRES, or one from a wheel."""
    with databases() as urls:
        yield rivals(urls)
        yield holds(urls)


# ---------------------------------------------------------------- rivals


def rivals(urls: Mapping[str, str]) -> Table:
    """Let as many processes as there are approve at the same moment, of one department and of many."""
    table = Table(
        f"{PROCESSES} 个进程同时批准 · {PROCESSES} processes approve at the same moment",
        (
            "数据库与部门数 · database, departments",
            "批准 · won",
            "重新判定 · decide again",
            "最慢 · slowest ms",
            "中位 · median ms",
        ),
    )
    for name, url in urls.items():
        for departments in (1, PROCESSES):
            command = python("benchmarks.rivals", url, str(PROCESSES), str(departments))
            said = subprocess.run(command, capture_output=True, text=True, timeout=STUCK_AFTER_S, check=True)
            outcomes = json.loads(said.stdout)
            won = sum(each["has_won"] for each in outcomes)
            took_ms = sorted(each["took_s"] * 1000 for each in outcomes)
            figures = (str(won), str(len(outcomes) - won), f"{took_ms[-1]:.0f}", f"{statistics.median(took_ms):.0f}")
            table.add(f"{name}，{departments}", *figures)
            if won != departments:
                table.remarks.append(f"✗ {name}：{departments} 个部门，批准了 {won} 个 · {won} won")
    return table


# ---------------------------------------------------------------- how long an approval holds the lock


def holds(urls: Mapping[str, str]) -> Table:
    """Time an approval that asks about hot ties with a long past, beside registering an app with the same offers."""
    table = Table(
        f"批准一个提案，{HOT_TIES} 个热门关联键 {OFFERS:,} 条 · one approval; {OFFERS:,} offers of {HOT_TIES} hot ties",
        (
            "数据库 · database",
            "登记 · registering p50/p99 ms",
            "批准 · approving p50/p99 ms",
            "比 · ratio",
            "核验收据 · verifying ms",
        ),
    )
    for name, url in urls.items():
        database = Database(url, statement_timeout_s=FILLING_S)
        _fill(database)
        registered, approved, verified = _time(database)
        database.close()
        compared = ratio(statistics.median(approved) / statistics.median(registered))
        table.add(name, _shown(registered), _shown(approved), compared, f"{statistics.median(verified):.2f}")
    return table


def _fill(database: Database) -> None:
    """Let many apps offer each hot tie, and as many have ended to; half of what ended did so long ago."""
    with database.writing(ACT) as write:
        made = [_offer(n, write.revision) for n in range(2 * OFFERS)]
        for start in range(0, len(made), 10_000):
            write.connection.execute(insert(Offer), made[start : start + 10_000])
        write.close(Noun.APP, "stock", Action.REGISTER, app="stock", before=None, after="{}")
    with database.writing(ACT) as write:
        ended = text("UPDATE offers SET until = :now WHERE until IS NULL AND app LIKE 'ended-%'")
        write.connection.execute(ended, {"now": write.revision})
        write.close(Noun.APP, "stock", Action.CHANGE, app="stock", before=None, after="{}")
    engine = database._engine  # noqa: SLF001 - nobody else needs statistics at once
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE" if database.is_postgresql else "ANALYZE")


def _offer(n: int, since: int) -> dict[str, object]:
    return {
        "tie": f"item:code=hot-{n // 2 % HOT_TIES}",
        "division": f"33{n // 2 % 10:02}",
        "app": f"{'ended' if n % 2 else 'stock'}-{n}",
        "places": 1,
        "facts": "{}",
        "since": since,
    }


def _time(database: Database) -> tuple[list[float], list[float], list[float]]:
    """Give milliseconds of registrations, of approvals, and of verifying receipts."""
    auditor = Auditor()
    times: tuple[list[float], list[float], list[float]] = ([], [], [])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "jwks.json"
        file.write_bytes(orjson.dumps({"keys": [auditor.public()]}))
        keys = AuditKeys(str(file))
        for n in range(TIMES):
            for samples, took in zip(times, _once(database, auditor, keys, n), strict=True):
                samples.append(took)
    return times


def _once(database: Database, auditor: Auditor, keys: AuditKeys, n: int) -> tuple[float, float, float]:
    other = _asking(n, "online")
    registering = _ms(lambda: apps.put(database, str(other.id), other, ACT, lambda *_: None, MAX_OFFERS))
    declared = _asking(n, "proposed")
    app = str(declared.id)
    row, _ = apps.put(database, app, declared, ACT, lambda *_: None, MAX_OFFERS)
    claims = auditor.claims(declared, row.since, database.today())
    signed = auditor.sign(claims)
    verifying = _ms(lambda: receipts.verify(signed, app, keys, receipt.ISSUER, datetime.now(UTC)))
    given = moves.Given(presented=Presented(signed, claims, 1))
    return registering, _ms(lambda: _approve(database, app, given)), verifying


def _approve(database: Database, app: str, given: moves.Given) -> None:
    moves.make(
        database, app, ACT, lambda current: life_cycle.require_move(current, State.APPROVED, SCOPES), given, MAX_OFFERS
    )


def _asking(n: int, stage: str) -> Manifest:
    """Give an app that asks for all hot items, and for others of its own."""
    app = f"timed-{secrets.token_hex(6)}"
    asks = [{"code": f"hot-{i}", "levels": ["county"]} for i in range(HOT_TIES)]
    asks += [{"code": f"own-{app}-{i}", "levels": ["county"]} for i in range(20)]
    document = proposal(app, f"示例部{n}").model_dump(mode="json", exclude_none=True)
    return Manifest.model_validate_json(orjson.dumps({**document, "stage": stage, "asks": asks, "regions": ["33"]}))


def _ms(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def _shown(samples: list[float]) -> str:
    return f"{statistics.median(samples):.1f} / {sorted(samples)[int(len(samples) * 0.99)]:.1f}"
