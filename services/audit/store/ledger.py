"""The ledger in the database: entries, the tree over them, and the checkpoints that were issued."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, case, insert, select, update
from sqlmodel import col

from services.audit import ledger, merkle
from services.audit.ledger import Checkpoint, Entry, Kind
from services.audit.tables import Decision, LedgerCheckpoint, LedgerEntry, LedgerHead, LedgerNode
from services.database.columns import Instant

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Connection

    from services.audit.store.database import Database

_NOW = bindparam("now", type_=Instant())
_NEXT = (
    update(LedgerHead)
    .values(
        place=col(LedgerHead.place) + 1,
        at=case((col(LedgerHead.at) < _NOW, _NOW), else_=col(LedgerHead.at)),
    )
    .returning(col(LedgerHead.place), col(LedgerHead.at))
)


@dataclass(frozen=True, slots=True)
class Open:
    """The next place of the ledger, whose lock is held, and the instant that everything recorded there has."""

    connection: Connection
    place: int
    at: datetime

    def close(self, kind: Kind, thing: str, digest: str, who: str) -> None:
        """Write the entry, which is the last thing a transaction does: nothing is recorded there from here on.

        Args:
            kind: what is recorded.
            thing: its id.
            digest: the hash of all that is recorded of it.
            who: the caller who had it recorded.

        """
        previous = self.connection.execute(
            select(col(LedgerEntry.hash)).where(col(LedgerEntry.place) == self.place - 1)
        ).scalar_one()
        content = Entry(self.place, self.at, kind, thing, digest, who, previous).written()
        leaf = ledger.leaf_of(content)
        row = {"place": self.place, "content": content.decode(), "hash": leaf.hex()}
        self.connection.execute(insert(LedgerEntry), row)
        whole = merkle.completed(self.place, leaf, partial(_node, self.connection))
        nodes = [{"level": level, "position": position, "hash": node.hex()} for level, position, node in whole]
        if nodes:
            self.connection.execute(insert(LedgerNode), nodes)


@dataclass(frozen=True, slots=True)
class Head:
    """How far the ledger has come: how many entries, the root of the tree over them, and the hash of the last."""

    size: int
    root: str
    last: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """An entry as it is kept, with the decision that it records, if it is one."""

    place: int
    content: str
    hash: str
    decision: Decision | None


class NoSuchTreeError(Exception):
    """The ledger has not as many entries as was asked, or one tree is no beginning of the other."""

    def __init__(self, asked: str, size: int) -> None:
        """Say which number of the request cannot be, and how many entries there are to choose from."""
        super().__init__(f"{asked}: there are {size}")
        self.asked, self.size = asked, size


def open_place(connection: Connection, now: datetime) -> Open:
    """Take the lock on the ledger, and its next place.

    The transaction cannot be committed before `Open.close` was called: the head would refer to an entry that is not
    there.
    """
    place, at = connection.execute(_NEXT, {"now": now}).one()
    return Open(connection, place, at)


def head(database: Database) -> Head:
    """Tell how far the ledger has come."""
    with database.reading() as connection:
        return _head(connection)


def entries(database: Database, first: int, limit: int, *, with_decisions: bool) -> tuple[int, list[Kept]]:
    """Give how many entries there are, and those from a place on, `limit` at most."""
    wanted = select(LedgerEntry).where(col(LedgerEntry.place) >= first).order_by(col(LedgerEntry.place)).limit(limit)
    with database.reading() as connection:
        size = _place(connection) + 1
        rows = connection.execute(wanted).mappings().all()
        decisions = {}
        if with_decisions and rows:
            known = select(Decision).where(col(Decision.place).between(rows[0]["place"], rows[-1]["place"]))
            decisions = {row["place"]: Decision(**row) for row in connection.execute(known).mappings()}
    return size, [Kept(**row, decision=decisions.get(row["place"])) for row in rows]


def inclusion(database: Database, place: int, size: int | None) -> tuple[Head, str, list[str]]:
    """Prove that the entry at a place is in the tree of the first `size` entries (None: of all).

    Returns:
        The tree (its size and root), the hash of the entry, and the proof.

    Raises:
        NoSuchTreeError: there is no such entry or tree.

    """
    with database.reading() as connection:
        tree = _tree(connection, size, "size")
        if place >= tree.size:
            raise NoSuchTreeError("place", tree.size)
        proof = merkle.inclusion(place, tree.size, partial(_node, connection))
        return tree, _node(connection, 0, place).hex(), [each.hex() for each in proof]


def consistency(database: Database, first: int, second: int | None) -> tuple[Head, Head, list[str]]:
    """Prove that the tree of the first `first` entries is the beginning of that of the first `second` (None: of all).

    Raises:
        NoSuchTreeError: there are no such trees.

    """
    with database.reading() as connection:
        tree = _tree(connection, second, "second")
        if first > tree.size:
            raise NoSuchTreeError("first", tree.size)
        proof = merkle.consistency(first, tree.size, partial(_node, connection))
        return _tree(connection, first, "first"), tree, [each.hex() for each in proof]


def issue(connection: Connection, issuer: str, now: datetime, sign: Callable[[bytes], str]) -> LedgerCheckpoint:
    """Sign a checkpoint of the ledger as it is and keep it; give the one there is when nothing was added since."""
    # Under the lock that writers take, two are not issued of the same size.
    connection.execute(select(col(LedgerHead.place)).with_for_update())
    reached = _head(connection)
    found = checkpoint(connection, reached.size)
    if found is not None:
        return found
    signed = sign(Checkpoint(issuer, int(now.timestamp()), reached.size, reached.root).written())
    row: dict[str, Any] = {
        "size": reached.size,
        "last": reached.size - 1,
        "root": reached.root,
        "at": now,
        "signed": signed,
    }
    connection.execute(insert(LedgerCheckpoint), row)
    return LedgerCheckpoint(**row)


def checkpoint(connection: Connection, size: int) -> LedgerCheckpoint | None:
    """Give the checkpoint that was issued of a size."""
    row = connection.execute(select(LedgerCheckpoint).where(col(LedgerCheckpoint.size) == size)).mappings().first()
    return None if row is None else LedgerCheckpoint(**row)


def checkpoint_of(database: Database, size: int) -> LedgerCheckpoint | None:
    """Give the checkpoint that was issued of a size."""
    with database.asking() as connection:
        return checkpoint(connection, size)


def checkpoints(database: Database, above: int, limit: int) -> list[LedgerCheckpoint]:
    """Give the checkpoints of sizes above one, the smallest first, `limit` at most."""
    wanted = select(LedgerCheckpoint).where(col(LedgerCheckpoint.size) > above)
    with database.reading() as connection:
        rows = connection.execute(wanted.order_by(col(LedgerCheckpoint.size)).limit(limit)).mappings()
        return [LedgerCheckpoint(**row) for row in rows]


def _place(connection: Connection) -> int:
    place: int = connection.execute(select(col(LedgerHead.place))).scalar_one()
    return place


def _head(connection: Connection) -> Head:
    return _tree(connection, None, "size")


def _tree(connection: Connection, size: int | None, asked: str) -> Head:
    reached = _place(connection) + 1
    wanted = reached if size is None else size
    if not 0 < wanted <= reached:
        raise NoSuchTreeError(asked, reached)
    last = connection.execute(select(LedgerEntry).where(col(LedgerEntry.place) == wanted - 1)).mappings().one()
    root = merkle.root(wanted, partial(_node, connection)).hex()
    return Head(wanted, root, last["hash"], ledger.read_entry(last["content"].encode()).at)


def _node(connection: Connection, level: int, position: int) -> bytes:
    if level == 0:
        wanted = select(col(LedgerEntry.hash)).where(col(LedgerEntry.place) == position)
    else:
        key = (col(LedgerNode.level) == level, col(LedgerNode.position) == position)
        wanted = select(col(LedgerNode.hash)).where(*key)
    return bytes.fromhex(connection.execute(wanted).scalar_one())
