"""Carrying out an import: what the dry run found is looked at once more under the lock, and written.

Row by row, some apps are written at a time, and others write in between. All or nothing is one transaction,
during which nobody else writes; it is bounded for that reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.manifest.model import Manifest
from services.registry.import_tables import Import, Mode, Outcome, State
from services.registry.imports import judging
from services.registry.refusals import Objection, RefusedError
from services.registry.store import bulk, imports, texts
from services.registry.store.database import Act
from services.registry.store.grants import relatives as relatives_of
from services.registry.store.imports import Settled
from services.registry.store.prepared import prepare, unpacked
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from services.registry.store.database import Batch, Database
    from services.registry.store.imports import Wanted
    from services.registry.store.prepared import Prepared
    from services.registry.tables import App, Grant

_SETTLED_EVERY = 1000
"""Apps after which the index of texts is brought up to date, before anybody's write has to do it."""

_Ready = tuple["Wanted", "Prepared"]


class _ConflictsError(Exception):
    """Rows that cannot be written any more, so that nothing is."""

    def __init__(self, settled: Sequence[Settled]) -> None:
        self.settled = settled


def apply(database: Database, id: str, max_offers: int, go_on: Callable[[], None]) -> None:
    """Carry out an import to its end, unless somebody has done so, or nobody wants it any more.

    Args:
        database: where.
        id: the import's.
        max_offers: how many offers one app may make at most.
        go_on: asked between two pieces of work; what it raises ends the work, to be taken up later.

    Raises:
        UnavailableError: the database is away.

    """
    current = imports.find(database, id)
    act = Act(current.applied_by or current.sent_by, current.reason)
    if current.mode == Mode.ALL_OR_NOTHING:
        _all_or_nothing(database, current, act, max_offers)
        return
    settled_at = current.applied_to
    while current.state == State.APPLYING:
        go_on()
        current = _some(database, current, act, max_offers)
        if current.applied_to - settled_at >= _SETTLED_EVERY:
            settled_at = current.applied_to
            with database.asking() as connection:
                texts.settle(connection)


def _some(database: Database, current: Import, act: Act, max_offers: int) -> Import:
    """Carry out the next rows, and give the import as it is then."""
    with database.reading() as connection:
        wanted = imports.wanted(connection, current.id, current.applied_to)
    if not wanted:
        return _end(database, current.id)
    ready, refused = _prepared(wanted, max_offers)
    with database.writing_many(act) as batch:
        now = imports.locked(batch.connection, current.id)
        if now.state != State.APPLYING or now.applied_to != current.applied_to:
            return now  # somebody else has carried these out, or nobody wants them any more
        written, settled = _write(batch, now, ready, is_postgresql=database.is_postgresql)
        return _settle(batch, now, wanted[-1].number, written, [*refused, *settled])


def _all_or_nothing(database: Database, current: Import, act: Act, max_offers: int) -> None:
    try:
        with database.writing_many(act) as batch:
            _write_all(batch, imports.locked(batch.connection, current.id), max_offers, database.is_postgresql)
    except _ConflictsError as error:
        _refuse(database, current.id, error.settled)


def _write_all(batch: Batch, current: Import, max_offers: int, is_postgresql: bool) -> None:  # noqa: FBT001 - it stands for its name
    """Write all rows that are left, or raise all that stands against it."""
    conflicts: list[Settled] = []
    if current.state != State.APPLYING:
        return
    while wanted := imports.wanted(batch.connection, current.id, current.applied_to):
        ready, settled = _prepared(wanted, max_offers)
        written, others = _write(batch, current, ready, is_postgresql=is_postgresql)
        settled += others
        conflicts += [each for each in settled if each.outcome is Outcome.REJECTED]
        current = _settle(batch, current, wanted[-1].number, written, settled)
    if conflicts:
        raise _ConflictsError(conflicts)
    imports.move(batch.connection, current, batch.now(), state=State.APPLIED)


def _refuse(database: Database, id: str, conflicts: Sequence[Settled]) -> None:
    with database.keeping() as connection:
        current = imports.locked(connection, id)
        if current.state == State.APPLYING:
            counts = imports.settle(connection, id, conflicts)
            imports.move(connection, current, database.now(), state=State.REFUSED, **_totals(current, counts))


def _end(database: Database, id: str) -> Import:
    with database.keeping() as connection:
        current = imports.locked(connection, id)
        if current.state != State.APPLYING:
            return current
        return imports.move(connection, current, database.now(), state=State.APPLIED)


def _prepared(wanted: Sequence[Wanted], max_offers: int) -> tuple[list[_Ready], list[Settled]]:
    ready: list[_Ready] = []
    refused: list[Settled] = []
    for each in wanted:
        prepared = None if each.derived is None else unpacked(each.app, each.manifest, each.derived)
        try:
            if prepared is None or len(prepared.offered) > max_offers:
                prepared = prepare(each.app, Manifest.model_validate_json(each.manifest), max_offers)
            ready.append((each, prepared))
        except RefusedError as error:
            refused.append(_rejected(each, error.objections))
    return ready, refused


def _write(batch: Batch, current: Import, ready: Sequence[_Ready], *, is_postgresql: bool) -> tuple[int, list[Settled]]:
    """Write what can be written; give how many apps that were, and what became of the others."""
    ids = [each.app for each, _ in ready]
    there = bulk.live(batch.connection, ids) if ids else {}
    grants = bulk.grants(batch.connection, list(there)) if there else {}
    scopes = frozenset(current.scopes.split())
    fitting: list[Prepared] = []
    settled: list[Settled] = []
    for each, prepared in ready:
        row, held = there.get(each.app), grants.get(each.app, ())
        # Few apps hold grants, and of these few change their sponsor: only then is the tree asked.
        relatives = relatives_of(batch.connection, row, prepared, held) if row is not None and held else ()
        became = _looked_at_again(each, prepared, row, held, scopes, relatives)
        if became is None:
            fitting.append(prepared)
        else:
            settled.append(became)
    if fitting:
        bulk.write(batch, there, fitting, is_postgresql=is_postgresql)
    return len(fitting), settled


def _looked_at_again(
    wanted: Wanted,
    prepared: Prepared,
    row: App | None,
    grants: Sequence[Grant],
    scopes: frozenset[str],
    relatives: Collection[str],
) -> Settled | None:
    """Give what became of a row instead of what the dry run said; None: nothing else."""
    if row is not None and not row.is_withdrawn and row.hash == prepared.hash:
        return Settled(wanted.number, wanted.outcome, Outcome.UNCHANGED, None)
    since = None if row is None else row.since
    if since != wanted.base:
        fact = Text(
            f"试运行之后该应用又有变更（登记号 {since}）", f"the app was changed after the dry run (revision {since})"
        )
        remedy = Text("重新导入，按现状核对", "import it again, and look at what has changed")
        return _rejected(wanted, [Objection("", fact, remedy)])
    objections = judging.objections_to(row, prepared.columns, grants, scopes, relatives)
    return _rejected(wanted, objections) if objections else None


def _rejected(wanted: Wanted, objections: Sequence[Objection]) -> Settled:
    problems = judging.as_json(judging.told(wanted.place, objections))
    return Settled(wanted.number, wanted.outcome, Outcome.REJECTED, problems)


def _settle(batch: Batch, current: Import, to: int, written: int, settled: Sequence[Settled]) -> Import:
    """Keep how far the import is carried out, in the same transaction as what was written."""
    counts = imports.settle(batch.connection, current.id, settled)
    return imports.move(
        batch.connection,
        current,
        batch.now(),
        applied_to=to,
        written=current.written + written,
        **_totals(current, counts),
    )


def _totals(current: Import, counts: dict[str, int]) -> dict[str, int]:
    return {name: getattr(current, name) + count for name, count in counts.items()}
