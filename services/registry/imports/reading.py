"""The dry run: a file is read, and what would become of each of its apps is kept, some of them at a time.

What is kept says how far it has come, so whoever begins again goes on from there.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from services.registry import sheets
from services.registry.import_tables import Import, Outcome, State
from services.registry.imports import judging
from services.registry.imports.judging import Judged, Read, Registered, Terms
from services.registry.imports.readers import readers_of
from services.registry.sheets import Note, UnreadableFile
from services.registry.sheets.documents import Documents
from services.registry.store import bulk, imports
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import BinaryIO

    from services.registry.imports.readers import Readers
    from services.registry.store.database import Database

_ZIP = b"PK"


def read(database: Database, id: str, max_offers: int, processes: int, go_on: Callable[[], None]) -> None:
    """Read an import to its end, unless somebody has done so, or nobody wants it any more.

    Args:
        database: where.
        id: the import's.
        max_offers: how many offers one app may make at most.
        processes: how many processes beside this one read a large file of documents.
        go_on: asked between two pieces of work; what it raises ends the work, to be taken up later.

    Raises:
        UnavailableError: the database is away.
        OSError: there is no room for the file.

    """
    current = imports.find(database, id)
    if current.state != State.READING:
        return
    with tempfile.TemporaryFile() as file:
        imports.fetch(database, id, file)
        if file.seek(0, os.SEEK_END) != current.size:
            return  # somebody else has read it, and the file is gone
        try:
            _read(database, current, file, max_offers, processes, go_on)
        except UnreadableFile as error:
            problems = judging.as_json(error.problems) or "[]"
            _end(database, id, state=State.UNREADABLE, problems=problems)


def _read(
    database: Database,
    current: Import,
    file: BinaryIO,
    max_offers: int,
    processes: int,
    go_on: Callable[[], None],
) -> None:
    form = sheets.form_of(file)
    file.seek(0)
    is_archive = file.read(2) == _ZIP
    with sheets.opened(file, form) as opened, readers_of(current.size, processes) as readers:
        terms = Terms(frozenset(current.scopes.split()), max_offers, opened.unmentioned)
        for some in _batches(_all(opened, current.rows_read, max_offers, readers)):
            go_on()
            # An archive is read to and fro, so only of a plain text is it known how much of it is left.
            position = None if is_archive else file.tell()
            if not _stage(database, current.id, some, terms, position):
                return
        _end(database, current.id, state=State.READY, form=form.value, notes=_notes(opened))


def _all(file: sheets.File, after: int, max_offers: int, readers: Readers | None) -> Iterator[Read]:
    """Read the apps that follow the first `after` ones; readers, where there are any, read documents."""
    if readers is not None and isinstance(file, Documents):
        entries = file.read_by(partial(readers.read, max_offers=max_offers), after)
    else:
        entries = file.entries(after)
    return (each if isinstance(each, Read) else judging.read(each, max_offers) for each in entries)


def _batches(apps: Iterable[Read]) -> Iterator[list[Read]]:
    batch: list[Read] = []
    size = 0
    for one in apps:
        batch.append(one)
        size += 0 if one.ready is None else len(one.ready.text)
        if len(batch) == bulk.BATCH or size > imports.MOST_TEXT:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _stage(database: Database, id: str, some: Sequence[Read], terms: Terms, position: int | None) -> bool:
    """Keep what would become of some apps; tell whether there is more to do."""
    judged = _judged(database, some, terms)
    rows = [_row(id, one, became, base) for one, (became, base) in zip(some, judged, strict=True)]
    counts = Counter(became.outcome for became, _ in judged)
    with database.keeping() as connection:
        current = imports.locked(connection, id)
        if current.state != State.READING or current.rows_read != some[0].number - 1:
            return False  # somebody else does this, or nobody wants it any more
        imports.stage(connection, rows, is_postgresql=database.is_postgresql)
        totals = {each.value: getattr(current, each.value) + counts[each] for each in Outcome}
        reached = some[-1].number
        imports.move(connection, current, database.now(), rows_read=reached, bytes_read=position, **totals)
    return True


def _judged(database: Database, some: Sequence[Read], terms: Terms) -> list[tuple[Judged, int | None]]:
    """Say what becomes of each app, and on which revision of it that rests."""
    ready = {each.id: each.ready for each in some if each.ready is not None and each.id is not None}
    with database.reading() as connection:
        found = bulk.live(connection, list(ready)) if ready else {}
        differing = [row for row in found.values() if terms.unmentioned or row.hash != ready[row.id].hash]
        manifests = bulk.manifests(connection, differing) if differing else {}
        grants = bulk.grants(connection, list(manifests)) if manifests else {}
    result = []
    for one in some:
        row = None if one.ready is None else found.get(str(one.id))
        registered = None if row is None else Registered(row, manifests.get(row.id), grants.get(row.id, ()))
        result.append((judging.judge(one, registered, terms), None if row is None else row.since))
    return result


def _row(id: str, one: Read, became: Judged, base: int | None) -> dict[str, Any]:
    return {
        "import_id": id,
        "number": one.number,
        "place": judging.clean(one.place),
        "app": judging.clean(one.id),
        "outcome": became.outcome.value,
        "base": base,
        "manifest": None if became.ready is None else became.ready.text,
        "derived": None if became.ready is None else became.ready.derived,
        "difference": became.difference,
        "problems": judging.as_json(became.problems),
    }


def _end(database: Database, id: str, **changes: Any) -> None:  # noqa: ANN401 - columns
    with database.keeping() as connection:
        current = imports.locked(connection, id)
        if current.state == State.READING:
            imports.drop_file(connection, id)
            imports.move(connection, current, database.now(), **changes)


def _notes(file: sheets.File) -> str:
    notes = list(file.notes)
    if file.unmentioned:
        fields = sorted(file.unmentioned)
        said = Text(
            f"文件没有这些字段的列；已登记的应用在此保持原样，新的应用视为未声明：{'、'.join(fields)}",
            "the file has no column for these fields; what is registered there stays as it is, and new apps do not "
            f"declare them: {', '.join(fields)}",
        )
        notes.append(Note("", said))
    told = [{"place": judging.clean(each.place), "said": {"zh": each.said.zh, "en": each.said.en}} for each in notes]
    return judging.clean(orjson.dumps(told).decode()) or "[]"
