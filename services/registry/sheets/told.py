"""What is told of a file: its apps, what is wrong with them and where, and what the reader took for granted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.manifest.model import Manifest

MAX_PROBLEMS = 100
"""How many problems are told of one app, and of a file that cannot be read; the last says how many more there are."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Args:
        place: where: `功能!D7` (table and cell), `apps/one.yaml:3:5` or `12:5` (line and column); empty: the file.
        pointer: JSON pointer into the manifest of the app; empty for all of it.
        detail: what is wrong.
        remedy: what to do about it.
    """

    place: str
    pointer: str
    detail: Text
    remedy: Text


@dataclass(frozen=True, slots=True)
class Note:
    """Something the reader took for granted or left out, which a person should know: where, and what."""

    place: str
    said: Text


@dataclass(frozen=True, slots=True)
class Entry:
    """One app of a file: its manifest, or everything that keeps it from having one.

    Args:
        number: its place among the apps of the file, from 1; the same at every reading.
        place: where it stands: `应用!5`, `12` (line) or `apps/one.yaml`.
        id: its id, as far as it can be told.
        manifest: what it declares; None when there are problems.
        problems: what is wrong; empty when there is a manifest.
        revision: the registry revision that the file says it was exported at.
    """

    number: int
    place: str
    id: str | None
    manifest: Manifest | None
    problems: tuple[Problem, ...] = ()
    revision: int | None = None


class UnreadableFile(ValueError):
    """A file of which nothing can be read, with everything that is known to be wrong."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Take the problems."""
        self.problems = some(problems)
        super().__init__("; ".join(f"{each.place} {each.detail.en}" for each in self.problems[:3]))


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a file is read; a file beyond it is refused, never cut.

    Args:
        unpacked_bytes: bytes of everything in an archive together; of a text, its own.
        ratio: how many times larger than packed one member of an archive may be (small ones aside).
        members: files in an archive.
        rows: rows of one table, or lines, or manifests of a folder.
    """

    unpacked_bytes: int = 4 << 30
    ratio: int = 250
    members: int = 200_000
    rows: int = 1_100_000


LIMITS = Limits()


def unreadable(detail: Text, remedy: Text, place: str = "") -> UnreadableFile:
    """Give the one problem of a file that cannot be read."""
    return UnreadableFile([Problem(place, "", detail, remedy)])


def some(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Give problems, not without end: the last then says how many more there are."""
    listed = tuple(problems)
    if len(listed) <= MAX_PROBLEMS:
        return listed
    more = listed[MAX_PROBLEMS:]
    detail = Text(f"另有 {len(more)} 处问题没有列出", f"{len(more)} more problems are not listed")
    return (
        *listed[:MAX_PROBLEMS],
        Problem(more[0].place, "", detail, Text("先改正以上各处", "correct these first")),
    )
