"""`search`: what a local FTS5 index, fed by the change feed, would make of the search of PostgreSQL.

The index holds the words of every app beside its id, in the order of ids, so that a page is read in that order and a
total is counted without touching anything wide. It is asked for the same words as the registry's own statements, on the
same apps, and gives ids only; their rows are then read by key. That it can be kept current is measured by replacing
texts one by one, as the feed would tell them.
"""

from __future__ import annotations

import sqlite3
import statistics
import tempfile
import time
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text

from benchmarks.databases import migrate, postgresql
from benchmarks.figures import Table, ratio
from benchmarks.registry import loading
from benchmarks.registry.questions import COMMON, RARE
from services.registry.filters import AppFilter
from services.registry.search_text import bigrams
from services.registry.store import app_lists, changes
from services.registry.store.app_lists import Cut, Order
from services.registry.store.database import Database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

DEFAULT = 10_000
_WORDS = (*COMMON, *RARE)
_QUESTIONS = {"一页和精确合计 · a page, exact total": True, "一页和合计到1000 · total to 1,000": False}
_PAGE = 50
_ROUNDS = 9
_REPLACED = 1000
_BATCH = 1000
_MADE = "CREATE VIRTUAL TABLE words USING fts5(said, content='', tokenize='unicode61')"
_PAGES = "SELECT a.id FROM words w JOIN apps a ON a.rowid = w.rowid WHERE words MATCH ? ORDER BY w.rowid LIMIT ?"
_COUNTS = "SELECT count(*) FROM words WHERE words MATCH ?"
_COUNTS_SOME = "SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT 1000)"


def measure(sizes: Sequence[int] = ()) -> Iterator[Table]:
    """Measure nations of the sizes given."""
    table = Table(
        "search：PostgreSQL 的检索与本地 FTS5 索引，毫秒，各词的中位 / 最大 · median / largest of the words, ms",
        ("应用 apps", "问题 question", "PostgreSQL", "本地 FTS5", "比 · ratio of medians"),
    )
    for apps in sizes or (DEFAULT,):
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="govapp-bench-")))
            url = stack.enter_context(postgresql(folder))
            migrate(url)
            loading.load(url, apps)
            loading.settle(url)
            database = Database(url)
            stack.callback(database.close)
            local = stack.enter_context(closing(sqlite3.connect(folder / "words.db", isolation_level=None)))
            began = time.perf_counter()
            texts = _fill(local, database)
            filled_s = time.perf_counter() - began
            for said, is_exact in _QUESTIONS.items():
                theirs = [_timed(partial(_registry, database, word, is_exact=is_exact)) for word in _WORDS]
                ours = [_timed(partial(_local, local, word, is_exact=is_exact)) for word in _WORDS]
                compared = ratio(statistics.median(theirs) / statistics.median(ours))
                table.add(f"{apps:,}", said, _told(theirs), _told(ours), compared)
            replaced_ms = _replace(local, texts)
            mib = (folder / "words.db").stat().st_size / 2**20
            table.remarks.append(
                f"{apps:,}：装入 {filled_s:.1f} s，{mib:.0f} MiB，替换一个应用的文字 {replaced_ms:.2f} ms"
                f" · filled in {filled_s:.1f} s, {mib:.0f} MiB, replacing one text {replaced_ms:.2f} ms"
            )
    yield table


def _fill(local: sqlite3.Connection, database: Database) -> list[tuple[int, str]]:
    """Fill the index from the texts of the registry, in the order of ids, and give some of them with their numbers."""
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL"):
        local.execute(f"PRAGMA {pragma}")
    local.execute("CREATE TABLE apps (id TEXT NOT NULL)")
    local.execute(_MADE)
    kept: list[tuple[int, str]] = []
    with database.streaming() as connection:
        rows = connection.execution_options(yield_per=_BATCH).execute(
            text("SELECT app, text FROM texts WHERE until IS NULL ORDER BY app")
        )
        local.execute("BEGIN")
        for number, (app, said) in enumerate(rows, start=1):
            words = _words(said)
            local.execute("INSERT INTO apps (rowid, id) VALUES (?, ?)", (number, app))
            local.execute("INSERT INTO words (rowid, said) VALUES (?, ?)", (number, words))
            if len(kept) < _REPLACED:
                kept.append((number, words))
        local.execute("COMMIT")
    return kept


def _words(said: str) -> str:
    """Give the indexed words of texts, one a line, as the registry's own index has them."""
    return " ".join(word for line in said.split("\n") if line for word in (*bigrams(line), line[-1]))


def _registry(database: Database, word: str, *, is_exact: bool) -> None:
    cut = Cut(_PAGE, None, is_exact)
    app_lists.page(database, AppFilter(q=word), Order(), cut, changes.reached(database))


def _local(local: sqlite3.Connection, word: str, *, is_exact: bool) -> None:
    phrase = f'"{" ".join(bigrams(word))}"'
    local.execute(_PAGES, (phrase, _PAGE)).fetchall()
    local.execute(_COUNTS if is_exact else _COUNTS_SOME, (phrase,)).fetchone()


def _replace(local: sqlite3.Connection, texts: Sequence[tuple[int, str]]) -> float:
    """Replace texts, each in a transaction of its own, and give the milliseconds of one."""
    began = time.perf_counter()
    for number, words in texts:
        local.execute("BEGIN")
        local.execute("INSERT INTO words (words, rowid, said) VALUES ('delete', ?, ?)", (number, words))
        local.execute("INSERT INTO words (rowid, said) VALUES (?, ?)", (number, words))
        local.execute("COMMIT")
    return (time.perf_counter() - began) / len(texts) * 1e3


def _timed(ask: Callable[[], None]) -> float:
    """Give the median of some rounds, in milliseconds; the first one is not counted."""
    ask()
    took = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        ask()
        took.append((time.perf_counter() - began) * 1e3)
    return statistics.median(took)


def _told(figures: Sequence[float]) -> str:
    return f"{statistics.median(figures):.1f} / {max(figures):.1f}"
