"""Sweeps in the database: setting them going, keeping what each part finds, and how far they have come.

What a part has found and how far it has come commit together, under the lock on its row. So each app stands exactly
once in a sweep, whoever does the work and however often it is begun again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, text, update
from sqlmodel import col

from services.audit.store.sweep_contents import keep_contents
from services.audit.store.sweep_results import tell_of_successor
from services.audit.sweep_tables import WHOLE, Sweep, SweepPart, SweepResult, SweepState
from services.database.doors import commit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection
    from sqlalchemy.sql.dml import Update

    from services.audit.store.database import Database
    from services.audit.sweeps import Result

_GOING = (SweepState.RUNNING, SweepState.FOLLOWING)


class UnknownSweepError(Exception):
    """There is no sweep with this id."""


class NotRunningError(Exception):
    """The sweep is not running any more."""


class OvertakenError(Exception):
    """Somebody else has carried the part further."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sweep has come: cases done, and how many of them were judged anew; parts done."""

    cases: int
    judged: int
    parts_done: int


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a part of a sweep has come."""

    sweep: int
    part: int
    cases: int


def begin(connection: Connection, sweep: Sweep) -> Sweep:
    """Keep a new sweep with all its parts, in the transaction of the connection."""
    row = sweep.model_dump(exclude={"number"})
    made = insert(Sweep).values(**row).returning(col(Sweep.number))
    number = connection.execute(made).scalar_one()
    parts = [{"sweep": number, "part": part, "cases": 0, "judged": 0, "is_done": False} for part in _parts(sweep)]
    connection.execute(insert(SweepPart), parts)
    if sweep.asked is not None and sweep.chain is None:
        row["chain"] = number  # it is the first of a chain
        connection.execute(update(Sweep).where(col(Sweep.number) == number).values(chain=number))
    return Sweep(number=number, **row)


def find(database: Database, id: str) -> tuple[Sweep, Progress]:
    """Give a sweep, and how far it has come.

    Raises:
        UnknownSweepError: there is none with this id.

    """
    with database.reading() as connection:
        sweep = _find(connection, id)
        return sweep, _progress(connection, [sweep])[sweep.number or 0]


def page(
    database: Database, limit: int, before: int | None, state: str | None
) -> tuple[list[tuple[Sweep, Progress]], bool]:
    """List sweeps, the newest first, and tell whether there are more.

    Args:
        database: where.
        limit: how many at most.
        before: the number before which the page begins; None for the first.
        state: those in this state only.

    """
    wanted = select(Sweep.__table__).order_by(col(Sweep.number).desc()).limit(limit + 1)  # type: ignore[attr-defined]  # SQLModel's own
    if before is not None:
        wanted = wanted.where(col(Sweep.number) < before)
    if state is not None:
        wanted = wanted.where(col(Sweep.state) == state)
    with database.reading() as connection:
        sweeps = [Sweep(**row) for row in connection.execute(wanted).mappings()]
        progress = _progress(connection, sweeps[:limit])
    return [(each, progress[each.number or 0]) for each in sweeps[:limit]], len(sweeps) > limit


def before(database: Database, sweep: Sweep) -> Sweep | None:
    """Give the last sweep of the same apps that was done before a sweep; None when there is none."""
    table = Sweep.__table__  # type: ignore[attr-defined]  # SQLModel's own
    wanted = select(table).where(
        col(Sweep.series) == sweep.series, col(Sweep.number) < sweep.number, col(Sweep.state).in_(WHOLE)
    )
    with database.asking() as connection:
        row = connection.execute(wanted.order_by(col(Sweep.number).desc()).limit(1)).mappings().first()
    return None if row is None else Sweep(**row)


def halt(connection: Connection, id: str, state: SweepState, reason: str | None, now: datetime) -> Sweep:
    """Cancel a sweep, or say that it has failed, in the transaction of the connection.

    Raises:
        UnknownSweepError: there is none with this id.
        NotRunningError: it is neither running nor following.

    """
    ended = update(Sweep).where(col(Sweep.id) == id, col(Sweep.state).in_(_GOING))
    if not connection.execute(ended.values(state=state.value, reason=reason, ended_at=now)).rowcount:
        raise NotRunningError(_find(connection, id).state)
    return _find(connection, id)


def resume(connection: Connection, id: str) -> Sweep:
    """Let a cancelled or failed sweep go on from where it was, in the transaction of the connection.

    Raises:
        UnknownSweepError: there is none with this id.
        NotRunningError: it is running, or done.

    """
    halted = col(Sweep.state).in_([SweepState.CANCELLED, SweepState.FAILED])
    again: Update = update(Sweep).where(col(Sweep.id) == id, halted)
    again = again.values(state=SweepState.RUNNING.value, reason=None, ended_at=None, attempt=col(Sweep.attempt) + 1)
    if not connection.execute(again).rowcount:
        raise NotRunningError(_find(connection, id).state)
    sweep = _find(connection, id)
    if sweep.chain is not None and not _parts_left(connection, sweep.number or 0):
        # Its parts had been done, and it was following: there it goes on.
        connection.execute(update(Sweep).where(col(Sweep.id) == id).values(state=SweepState.FOLLOWING.value))
    return _find(connection, id)


def undone(database: Database) -> list[tuple[Sweep, int]]:
    """Give the parts of running sweeps that are not done, the oldest sweeps first."""
    table = Sweep.__table__  # type: ignore[attr-defined]  # SQLModel's own
    wanted = (
        select(table, col(SweepPart.part))
        .join(SweepPart, col(SweepPart.sweep) == col(Sweep.number))
        .where(col(Sweep.state) == SweepState.RUNNING, col(SweepPart.is_done).is_(False))
        .order_by(col(Sweep.number), col(SweepPart.part))
    )
    with database.asking() as connection:
        rows = connection.execute(wanted).mappings().all()
    return [(Sweep(**{name: row[name] for name in Sweep.model_fields}), row["part"]) for row in rows]


def reached(database: Database, sweep: Sweep, part: int) -> Reached | None:
    """Give how far a part has come; None when it is done."""
    wanted = select(col(SweepPart.cases), col(SweepPart.is_done)).where(
        col(SweepPart.sweep) == sweep.number, col(SweepPart.part) == part
    )
    with database.asking() as connection:
        cases, is_done = connection.execute(wanted).one()
    return None if is_done else Reached(sweep.number or 0, part, cases)


def keep(database: Database, reached: Reached, results: Sequence[Result], *, is_last: bool) -> Reached:
    """Keep what a part has found after what it had reached; when it is the last of the last part, the sweep is done.

    Raises:
        NotRunningError: the sweep was cancelled.
        OvertakenError: somebody else has carried the part further.

    """
    contents = sorted(each.content for each in results if each.content is not None)
    moved = Reached(reached.sweep, reached.part, reached.cases + len(results))
    with database.changing() as connection:
        _require_mine(connection, reached)
        if contents:
            keep_contents(connection, contents)
        if results:
            _keep_results(connection, reached.sweep, results)
        judged = col(SweepPart.judged) + len(contents)
        part = update(SweepPart).where(col(SweepPart.sweep) == reached.sweep, col(SweepPart.part) == reached.part)
        connection.execute(part.values(cases=moved.cases, judged=judged, is_done=is_last))
        if is_last:
            _end_if_done(connection, reached.sweep, database.now())
        commit(connection)
    return moved


def _require_mine(connection: Connection, reached: Reached) -> None:
    locked = select(col(SweepPart.cases), col(SweepPart.is_done)).where(
        col(SweepPart.sweep) == reached.sweep, col(SweepPart.part) == reached.part
    )
    cases, is_done = connection.execute(locked.with_for_update()).one()
    if is_done or cases != reached.cases:
        raise OvertakenError(f"part {reached.part} has come to {cases}, not {reached.cases}")
    state = select(col(Sweep.state)).where(col(Sweep.number) == reached.sweep)
    if connection.execute(state).scalar_one() != SweepState.RUNNING:
        raise NotRunningError


def _keep_results(connection: Connection, sweep: int, results: Sequence[Result]) -> None:
    if connection.dialect.name == "postgresql":
        sql = (
            "INSERT INTO sweep_results (sweep, app, key)"
            " SELECT :sweep, * FROM unnest(CAST(:apps AS text[]), CAST(:keys AS text[]))"
        )
        said = {"sweep": sweep, "apps": [each.app for each in results], "keys": [each.key for each in results]}
        connection.execute(text(sql), said)
        return
    connection.execute(insert(SweepResult), [{"sweep": sweep, "app": each.app, "key": each.key} for each in results])


def _end_if_done(connection: Connection, number: int, now: datetime) -> None:
    # Two parts that end at the same moment follow one another here, so that the later one sees both done.
    table = Sweep.__table__  # type: ignore[attr-defined]  # SQLModel's own
    row = connection.execute(select(table).where(col(Sweep.number) == number).with_for_update()).mappings().one()
    if _parts_left(connection, number):
        return
    ended: Update = update(Sweep).where(col(Sweep.number) == number, col(Sweep.state) == SweepState.RUNNING)
    if row["chain"] is None:
        connection.execute(ended.values(state=SweepState.DONE.value, ended_at=now))
        return
    connection.execute(ended.values(state=SweepState.FOLLOWING.value, certain_at=now))
    tell_of_successor(connection, Sweep(**row), now)


def _parts_left(connection: Connection, number: int) -> int:
    left = select(func.count()).where(col(SweepPart.sweep) == number, col(SweepPart.is_done).is_(False))
    found: int = connection.execute(left).scalar_one()
    return found


def _find(connection: Connection, id: str) -> Sweep:
    table = Sweep.__table__  # type: ignore[attr-defined]  # SQLModel's own
    row = connection.execute(select(table).where(col(Sweep.id) == id)).mappings().first()
    if row is None:
        raise UnknownSweepError(id)
    return Sweep(**row)


def _progress(connection: Connection, sweeps: Iterable[Sweep]) -> dict[int, Progress]:
    numbers = [each.number or 0 for each in sweeps]
    done = func.count().filter(col(SweepPart.is_done))
    sums = select(col(SweepPart.sweep), func.sum(col(SweepPart.cases)), func.sum(col(SweepPart.judged)), done).where(
        col(SweepPart.sweep).in_(numbers)
    )
    rows: Any = connection.execute(sums.group_by(col(SweepPart.sweep)))
    return {number: Progress(int(cases), int(judged), int(parts)) for number, cases, judged, parts in rows}


def _parts(sweep: Sweep) -> range:
    return range(1, sweep.parts + 1)
