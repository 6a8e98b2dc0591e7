"""Files of documents, one an app: read like any manifest, with line and column of what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.manifest.reading import Media, Unreadable
from services.manifest.reading import read as read_manifest
from services.registry.sheets.told import Entry, Note, Problem, UnreadableFile, some
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.manifest.model import Manifest

    Document = tuple[str, bytes, Media, int | None]
    """Where a document stands, its content and form, and its line where the file is one text."""


class Documents:
    """The apps of a file of documents.

    Args:
        notes: what the reader left out.
        unmentioned: always empty: a document that leaves a field out does not declare it.
    """

    unmentioned: frozenset[str] = frozenset()

    def __init__(self, documents: Callable[[], Iterator[Document]], notes: tuple[Note, ...] = ()) -> None:
        """Take how to read the documents from the first on, every time anew."""
        self._documents = documents
        self.notes = notes

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Give the apps that follow the first `after` ones, in the order of the file."""
        places: dict[str, str] = {}
        number = 0
        try:
            for place, data, media, line in self._documents():
                number += 1
                # What comes before is read too: an id that stands twice is wrong wherever reading begins.
                entry = _entry(number, place, data, media, line)
                if entry.manifest is not None:
                    entry = _once(entry, places)
                if number > after:
                    yield entry
        except UnreadableFile as error:
            yield Entry(number + 1, error.problems[0].place, None, None, error.problems)


def _entry(number: int, place: str, data: bytes, media: Media, line: int | None) -> Entry:
    try:
        manifest = read_manifest(data, media=media, source=place).manifest
    except Unreadable as error:
        problems = [
            Problem(
                f"{place}:{each.line}:{each.column}" if line is None else f"{line + each.line - 1}:{each.column}",
                each.pointer,
                each.detail,
                each.remedy,
            )
            for each in error.problems
        ]
        return Entry(number, place, None, None, some(problems))
    if manifest.id is None:
        fact, remedy = (
            Text("清单没有标识", "the manifest has no id"),
            Text("写上应用的标识 id", "write the id of the app"),
        )
        return Entry(number, place, None, None, (Problem(place, "/id", fact, remedy),))
    return Entry(number, place, manifest.id, manifest)


def _once(entry: Entry, places: dict[str, str]) -> Entry:
    id = _id(entry.manifest)
    first = places.setdefault(id, entry.place)
    if first is entry.place:
        return entry
    fact = Text(f"标识 {id} 已在 {first}", f"the id {id} stands at {first} already")
    problem = Problem(entry.place, "/id", fact, Text("每个应用只写一次", "state every app once"))
    return Entry(entry.number, entry.place, id, None, (problem,))


def _id(manifest: Manifest | None) -> str:
    return "" if manifest is None or manifest.id is None else manifest.id
