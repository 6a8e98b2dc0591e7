"""What apps are found by: folded texts and marks, and the index of their words, which differs with the database.

On PostgreSQL the words are a tsvector with a GIN index; it keeps no order, so a longer word is looked for in the text
once more. On SQLite the words are in an FTS5 table, whose phrases are exact; the text need not be read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, bindparam, cast, column, func, insert, select, table, update
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlmodel import col

from services.registry import search_text
from services.registry.store import past
from services.registry.tables import SearchText

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection

    from services.registry.search_text import Searched

_BIGRAM = 2
_WORDS = table("text_words", column("rowid"), column("words"))  # SQLite's
_LIVE = select(col(SearchText.id), col(SearchText.app), col(SearchText.text), col(SearchText.marks)).where(
    col(SearchText.until).is_(None)
)
_END = (
    update(SearchText)
    .where(col(SearchText.id) == bindparam("number"))
    .values(until=bindparam("ended", type_=BigInteger))
)


def rows(
    connection: Connection, wanted: Mapping[str, Searched], since: Mapping[str, int], stood: Sequence[str]
) -> list[dict[str, object]]:
    """End the live texts of apps that are other ones now, and give the rows that begin.

    Args:
        connection: the write, which has the lock.
        wanted: what apps are found by from now on, by app.
        since: the revision that says so, by app.
        stood: those of the apps that were registered before.

    """
    there = {}
    if stood:
        there = {row.app: row for row in connection.execute(_LIVE.where(col(SearchText.app).in_(stood)))}
    begun = {
        app: each
        for app, each in wanted.items()
        if app not in there or (there[app].text, there[app].marks) != (each.text, each.marks)
    }
    ended = [{"number": there[app].id, "ended": since[app]} for app in begun if app in there]
    if ended:
        connection.execute(_END, ended)
    is_postgresql = connection.dialect.name == "postgresql"
    return [
        {
            "app": app,
            "since": since[app],
            "text": each.text,
            "marks": each.marks,
            "words": _tsvector(each.words) if is_postgresql else None,
        }
        for app, each in begun.items()
    ]


def index(connection: Connection, wanted: Mapping[str, Searched], begun: Sequence[Mapping[str, object]]) -> None:
    """Index the words of rows that have just begun. PostgreSQL has done it already."""
    if connection.dialect.name == "postgresql" or not begun:
        return
    live = select(col(SearchText.id), col(SearchText.app)).where(
        col(SearchText.until).is_(None), col(SearchText.app).in_([each["app"] for each in begun])
    )
    found = [{"rowid": number, "words": wanted[app].words} for number, app in connection.execute(live)]
    connection.execute(insert(_WORDS), found)


def replace(connection: Connection, app: str, wanted: Searched, revision: int, *, is_new: bool) -> None:
    """Let an app be found by something from a revision on, which may be what it was found by before."""
    begun = rows(connection, {app: wanted}, {app: revision}, () if is_new else (app,))
    if begun:
        connection.execute(insert(SearchText), begun)
        index(connection, {app: wanted}, begun)


def having(
    words: Iterable[str], marks: Iterable[str], as_of: int | None, *, is_postgresql: bool
) -> Iterator[ColumnElement[bool]]:
    """Give the conditions of rows that have all of the words, each folded and not empty, and all of the marks."""
    words, marks = tuple(words), tuple(marks)
    yield past.standing(SearchText, as_of)
    if not is_postgresql:
        match = " AND ".join([*map(_phrase, words), *map(_quoted, marks)])
        found = select(_WORDS.c.rowid).where(column("text_words").op("MATCH")(match))
        yield col(SearchText.id).in_(found)
        return
    lexemes = [*(lexeme for word in words for lexeme in _lexemes(word)), *map(_lexeme, marks)]
    yield col(SearchText.words).op("@@")(cast(" & ".join(dict.fromkeys(lexemes)), TSQUERY))
    # Two characters are one bigram, and one is what a bigram begins with: these the index has found exactly.
    yield from (func.strpos(col(SearchText.text), word) > 0 for word in words if len(word) > _BIGRAM)


def _tsvector(words: str) -> str:
    """Write words, set off by spaces, as PostgreSQL reads them: each in quotation marks."""
    return _lexeme(words).replace(" ", "' '")


def _lexeme(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def _lexemes(word: str) -> list[str]:
    return [f"{_lexeme(word)}:*"] if len(word) == 1 else list(map(_lexeme, search_text.bigrams(word)))


def _phrase(word: str) -> str:
    return f"{_quoted(word)} *" if len(word) == 1 else _quoted(" ".join(search_text.bigrams(word)))


def _quoted(phrase: str) -> str:
    escaped = phrase.replace('"', '""')
    return f'"{escaped}"'
