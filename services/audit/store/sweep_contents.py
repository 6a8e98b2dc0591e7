"""Contents of sweeps in the database: what cases gave, by keys, kept once for all sweeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Text, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from services.audit.sweep_tables import SweepContent
from services.audit.sweeps import Content

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from services.audit.store.database import Database

CONTENT = tuple(col(getattr(SweepContent, name)) for name in SweepContent.model_fields)
"""The columns of a content."""

_COLUMNS = Content._fields
_AT_ONCE = 500  # SQLite takes no more than so many parameters in one statement


def known(database: Database, keys: Sequence[str]) -> set[str]:
    """Give those of some keys under which something is kept."""
    found = set[str]()
    with database.asking() as connection:
        if database.is_postgresql:
            held = select(col(SweepContent.key)).where(col(SweepContent.key) == func.any(_array("keys")))
            return set(connection.execute(held, {"keys": list(keys)}).scalars())
        for at in range(0, len(keys), _AT_ONCE):
            held = select(col(SweepContent.key)).where(col(SweepContent.key).in_(keys[at : at + _AT_ONCE]))
            found.update(connection.execute(held).scalars())
    return found


def keep_contents(connection: Connection, contents: Sequence[Content]) -> None:
    """Keep those contents that are not kept yet, in the transaction of the connection; they come in order."""
    names = ", ".join(_COLUMNS)
    if connection.dialect.name == "postgresql":
        arrays = ", ".join(f"CAST(:{name} AS text[])" for name in _COLUMNS)
        columns = zip(*contents, strict=True)
        said = {name: list(values) for name, values in zip(_COLUMNS, columns, strict=True)}
        sql = f"INSERT INTO sweep_contents ({names}) SELECT * FROM unnest({arrays}) ON CONFLICT DO NOTHING"  # noqa: S608 - names of columns
        connection.execute(text(sql), said)
        return
    values = ", ".join(f":{name}" for name in _COLUMNS)
    sql = f"INSERT INTO sweep_contents ({names}) VALUES ({values}) ON CONFLICT DO NOTHING"  # noqa: S608 - as above
    connection.execute(text(sql), [each._asdict() for each in contents])


def contents(connection: Connection, keys: Sequence[str]) -> dict[str | None, SweepContent]:
    """Give contents by their keys."""
    found: dict[str | None, SweepContent] = {}
    for at in range(0, len(keys), _AT_ONCE):
        some = select(*CONTENT).where(col(SweepContent.key).in_(keys[at : at + _AT_ONCE]))
        found |= {row[0]: content_of(row) for row in connection.execute(some)}
    return found


def content_of(values: Iterable[Any]) -> SweepContent:
    """Give the content of which these are the columns."""
    return SweepContent.model_construct(**dict(zip(SweepContent.model_fields, values, strict=True)))


def _array(name: str) -> Any:  # noqa: ANN401 - SQLAlchemy's
    return bindparam(name, type_=ARRAY(Text))
