"""Sweeps that follow, in the database: moving their results on with the registry, and what has changed in a chain.

Results, what is told of their change, and the registry revision that the sweep has come to commit together, under the
lock on the sweep's row. So each change stands exactly once, whoever does the work and however often it is begun again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import orjson
from sqlalchemy import bindparam, delete, insert, select, update
from sqlmodel import col

from services.audit.store import sweeps
from services.audit.store.sweep_contents import contents, keep_contents
from services.audit.store.sweeps import OvertakenError
from services.audit.sweep_tables import Sweep, SweepChange, SweepResult, SweepState
from services.database.doors import commit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from services.audit.store.database import Database
    from services.audit.sweep_tables import SweepContent
    from services.audit.sweeps import Content

MOST_NEIGHBOURS = 20
"""How many of the apps that brought a change about are told at most."""

_AT_ONCE = 500


class Moved(NamedTuple):
    """A result that is replaced: the keys before and after, None where the app is not in the sweep, and why."""

    app: str
    before: str | None
    after: str | None
    neighbours: tuple[str, ...] = ()


class Change(NamedTuple):
    """What has changed: its number in the feed, the sweeps that had either result, and the results."""

    number: int
    sweep: Sweep
    previous: Sweep
    app: str
    revision: int
    at: str
    before: SweepContent | None
    after: SweepContent | None
    neighbours: tuple[str, ...]


def following(database: Database) -> list[Sweep]:
    """Give the sweeps that follow, the oldest first."""
    table = Sweep.__table__  # type: ignore[attr-defined]  # SQLModel's own
    wanted = select(table).where(col(Sweep.state) == SweepState.FOLLOWING).order_by(col(Sweep.number))
    with database.asking() as connection:
        return [Sweep(**row) for row in connection.execute(wanted).mappings()]


def keys(database: Database, sweep: Sweep, apps: Sequence[str]) -> dict[str, str]:
    """Give the keys of the results that a sweep has for some apps."""
    found: dict[str, str] = {}
    with database.asking() as connection:
        for at in range(0, len(apps), _AT_ONCE):
            wanted = select(col(SweepResult.app), col(SweepResult.key)).where(
                col(SweepResult.sweep) == sweep.number, col(SweepResult.app).in_(apps[at : at + _AT_ONCE])
            )
            found.update((app, key) for app, key in connection.execute(wanted))
    return found


def move_on(
    database: Database, sweep: Sweep, revision: int, moved: Sequence[Moved], judged: Iterable[Content] = ()
) -> None:
    """Let a sweep come to a registry revision, with all that it finds otherwise there.

    Raises:
        OvertakenError: somebody else has moved it on, or it does not follow any more.

    """
    now = database.now()
    with database.changing() as connection:
        _require_mine(connection, sweep)
        if judged := sorted(judged):
            keep_contents(connection, judged)
        if moved:
            _replace(connection, sweep.number, moved)
            said = {"chain": sweep.chain, "sweep": sweep.number, "previous": sweep.number, "at": now}
            told = [
                {
                    **said,
                    **each._asdict(),
                    "revision": revision,
                    "neighbours": orjson.dumps(each.neighbours[:MOST_NEIGHBOURS]).decode(),
                }
                for each in moved
            ]
            connection.execute(insert(SweepChange), told)
        more = sum((each.before is None) - (each.after is None) for each in moved)
        come = update(Sweep).where(col(Sweep.number) == sweep.number)
        connection.execute(come.values(revision=revision, certain_at=now, total=col(Sweep.total) + more))
        commit(connection)


def succeed(database: Database, sweep: Sweep, successor: Sweep) -> Sweep:
    """Let a sweep end and its successor begin, in one transaction.

    Raises:
        OvertakenError: somebody else has moved it on, or it does not follow any more.

    """
    with database.changing() as connection:
        _require_mine(connection, sweep)
        done = update(Sweep).where(col(Sweep.number) == sweep.number)
        connection.execute(done.values(state=SweepState.DONE.value, ended_at=database.now(), succeeded_by=successor.id))
        made = sweeps.begin(connection, successor)
        commit(connection)
    return made


def changes(database: Database, chain: int, since: int, limit: int) -> list[Change]:
    """Give what has changed in a chain after a number of its feed, in order, at most so many."""
    table, change = Sweep.__table__, SweepChange.__table__  # type: ignore[attr-defined]  # SQLModel's own
    wanted = select(change).where(col(SweepChange.chain) == chain, col(SweepChange.number) > since)
    with database.reading() as connection:
        rows = connection.execute(wanted.order_by(col(SweepChange.number)).limit(limit)).mappings().all()
        named = {row[name] for row in rows for name in ("sweep", "previous")}
        of = {
            row["number"]: Sweep(**row)
            for row in connection.execute(select(table).where(col(Sweep.number).in_(named))).mappings()
        }
        kept = contents(connection, [row[name] for row in rows for name in ("before", "after") if row[name]])
    return [
        Change(
            row["number"],
            of[row["sweep"]],
            of[row["previous"]],
            row["app"],
            row["revision"],
            row["at"],
            kept.get(row["before"]),
            kept.get(row["after"]),
            tuple(orjson.loads(row["neighbours"])),
        )
        for row in rows
    ]


def _require_mine(connection: Connection, sweep: Sweep) -> None:
    locked = select(col(Sweep.state), col(Sweep.revision)).where(col(Sweep.number) == sweep.number)
    state, revision = connection.execute(locked.with_for_update()).one()
    if (state, revision) != (SweepState.FOLLOWING, sweep.revision):
        raise OvertakenError(f"it is {state} at {revision}, not following at {sweep.revision}")


def _replace(connection: Connection, sweep: int | None, moved: Sequence[Moved]) -> None:
    # A hot neighbour may move a hundred thousand results at once: each kind of change is one statement for all of them.
    result = (col(SweepResult.sweep) == sweep, col(SweepResult.app) == bindparam("named"))
    gone = [{"named": each.app} for each in moved if each.after is None]
    come = [{"sweep": sweep, "app": each.app, "key": each.after} for each in moved if each.before is None]
    stayed = [each for each in moved if each.before is not None and each.after is not None]
    if gone:
        connection.execute(delete(SweepResult).where(*result), gone)
    if come:
        connection.execute(insert(SweepResult), come)
    if stayed:
        replaced = update(SweepResult).where(*result).values(key=bindparam("found"))
        connection.execute(replaced, [{"named": each.app, "found": each.after} for each in stayed])
