"""Doors of SQLite: whoever meets a file that others are just making waits for them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from services.database import doors
from services.database.doors import Doors, UnavailableError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "new.db"


def reader_of(file: Path) -> sqlite3.Connection:
    """Give a connection in the middle of a reading, which nobody can change the mode of the file beside."""
    reader = sqlite3.connect(file, isolation_level=None)
    reader.execute("CREATE TABLE things (name TEXT)")
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM things").fetchall()
    return reader


def test_a_file_that_cannot_change_its_mode_yet_is_waited_for(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = reader_of(file)
    pauses = list[float]()

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        reader.close()

    monkeypatch.setattr("services.database.doors.time.sleep", pause)
    opened = Doors(f"sqlite:///{file}", name="test", lock_timeout_s=0)
    with opened.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
    opened.close()
    assert pauses, "the reader was not in the way"


def test_it_is_not_waited_for_without_end(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "WAL_WAIT_S", 0)
    opened = Doors(f"sqlite:///{file}", name="test", lock_timeout_s=0)
    with closing(reader_of(file)), pytest.raises(UnavailableError, match="locked"), opened.reading():
        pass
    opened.close()
