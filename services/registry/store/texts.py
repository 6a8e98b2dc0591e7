"""What apps are found by: folded texts and marks, and the index of their words, which differs with the database.

On PostgreSQL the words are a tsvector with a GIN index; it keeps no order, so a longer word is looked for in the text
once more. On SQLite the words are in an FTS5 table, whose phrases are exact; the text need not be read.

PostgreSQL cannot tell how often words stand together, so it is not left to guess: see `look_up`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, and_, any_, bindparam, cast, column, func, insert, literal, select, table, update
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY
from sqlmodel import col

from services.database.columns import Characters
from services.registry import search_text
from services.registry.store import past
from services.registry.tables import App, SearchText

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection

    from services.registry.search_text import Searched

_BIGRAM = 2
_SOME = 1000
_COMMON, _VERY_COMMON = 0.01, 0.05
"""The share of texts from which on a word is common."""
_SAMPLE = 2000
_MOST = 20_000
_WORDS = table("text_words", column("rowid"), column("words"))  # SQLite's
_LIVE = select(col(SearchText.id), col(SearchText.app), col(SearchText.text), col(SearchText.marks)).where(
    col(SearchText.until).is_(None)
)
_SORT_IN = """
SELECT gin_clean_pending_list(oid) FROM pg_class
 WHERE oid = to_regclass('texts_gin') AND pg_has_role(relowner, 'USAGE')
"""
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


def settle(connection: Connection) -> None:
    """Sort into PostgreSQL's index what was added to it, outside of any lock that writers wait for.

    It puts new words on a list, and whoever adds to one that is full sorts it in. Only the owner may do so out of turn.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_SORT_IN)


def replace(connection: Connection, app: str, wanted: Searched, revision: int, *, is_new: bool) -> None:
    """Let an app be found by something from a revision on, which may be what it was found by before."""
    begun = rows(connection, {app: wanted}, {app: revision}, () if is_new else (app,))
    if begun:
        connection.execute(insert(SearchText), begun)
        index(connection, {app: wanted}, begun)


@dataclass(frozen=True, slots=True)
class Sought:
    """What the texts of an app are to have: all of the words, each folded and not empty, and all of the marks."""

    words: Sequence[str]
    marks: Sequence[str]

    def found(self, as_of: int | None, *, is_postgresql: bool) -> ColumnElement[bool]:
        """Give the condition of the apps whose texts have it."""
        apps = select(col(SearchText.app)).where(*having(self.words, self.marks, as_of, is_postgresql=is_postgresql))
        return col(App.id).in_(apps.correlate(None))


@dataclass(frozen=True, slots=True)
class Found:
    """The apps that were looked up: all there are, or some, when there are so many that it is better to walk."""

    apps: Sequence[str]
    is_all: bool

    @property
    def among(self) -> ColumnElement[bool]:
        """The condition of these apps."""
        return col(App.id) == any_(literal(list(self.apps), ARRAY(Characters)))


def look_up(connection: Connection, sought: Sought, as_of: int | None) -> Found:
    """Look up the apps that are found by rare words on PostgreSQL, and some of those that are found by common ones.

    A list of a common word is soonest made by walking along its order until the page is full, that of a rare one from
    the index of words. The planner would have to know how many apps have all the words; it takes words that follow one
    another in nearly every text for independent, errs a thousandfold, and then reads through the country.
    """
    found = select(col(SearchText.app)).where(*having(sought.words, sought.marks, as_of, is_postgresql=True))
    share = _share(connection, sought)
    if share >= _VERY_COMMON:
        # Reading the table until there are enough is quicker than all that the index knows of such a word.
        apps = connection.execute(found.order_by(col(SearchText.id)).limit(_SOME)).scalars().all()
        return Found(apps, is_all=len(apps) < _SOME)
    apps = connection.execute(found.limit(_SOME if share >= _COMMON else _MOST)).scalars().all()
    is_all = len(apps) < (_SOME if share >= _COMMON else _MOST)
    return Found(apps if is_all else apps[:_SOME], is_all)


def _share(connection: Connection, sought: Sought) -> float:
    """Give how many of the newest texts have it, of all of these."""
    newest = select(col(SearchText.text), col(SearchText.words)).order_by(col(SearchText.id).desc()).limit(_SAMPLE)
    text = newest.subquery("newest")
    has = and_(*_indexed(text.c.words, text.c.text, sought.words, sought.marks))
    having_it, every = connection.execute(select(func.count().filter(has), func.count()).select_from(text)).one()
    return having_it / max(every, 1)


def walked(sought: Sought, as_of: int | None) -> ColumnElement[bool]:
    """Give the condition of the apps whose texts have it, so that PostgreSQL looks at the text of one app at a time."""
    has = having(sought.words, sought.marks, as_of, is_postgresql=True)
    text = select(col(SearchText.id)).where(col(SearchText.app) == col(App.id), *has).correlate(App)
    return text.offset(0).exists()  # the offset is what keeps the planner from making a join of it


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
    columns = SearchText.__table__.c  # type: ignore[attr-defined]  # SQLModel does not tell
    yield from _indexed(columns.words, columns.text, words, marks)


def _indexed(
    indexed: ColumnElement[Any], text: ColumnElement[Any], words: Sequence[str], marks: Sequence[str]
) -> Iterator[ColumnElement[bool]]:
    lexemes = [*(lexeme for word in words for lexeme in _lexemes(word)), *map(_lexeme, marks)]
    yield indexed.op("@@")(cast(" & ".join(dict.fromkeys(lexemes)), TSQUERY))
    # Two characters are one bigram, and one is what a bigram begins with: these the index has found exactly.
    yield from (func.strpos(text, word) > 0 for word in words if len(word) > _BIGRAM)


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
