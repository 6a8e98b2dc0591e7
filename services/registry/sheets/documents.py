"""Files of documents, one an app: read like any manifest, with line and column of what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.manifest.reading import Media, Unreadable, valid_json
from services.manifest.reading import Problem as Told
from services.manifest.reading import read as read_manifest
from services.registry.sheets.told import Entry, Note, Problem, UnreadableFile, some
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

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
        return self.read_by(lambda documents: map(entry, documents), after)

    def read_by(
        self, read: Callable[[Iterator[tuple[int, Document]]], Iterable[Entry]], after: int = 0
    ) -> Iterator[Entry]:
        """Give the apps that follow the first `after` ones, as somebody reads numbered documents one by one."""
        places: dict[str, str] = {}
        broken: list[Entry] = []

        def numbered() -> Iterator[tuple[int, Document]]:
            number = 0
            try:
                for number, document in enumerate(self._documents(), 1):
                    yield number, document
            except UnreadableFile as error:
                broken.append(Entry(number + 1, error.problems[0].place, None, None, error.problems))

        # What comes before is read too: an id that stands twice is wrong wherever reading begins.
        for each in read(numbered()):
            one = each if each.problems else _once(each, places)
            if one.number > after:
                yield one
        yield from broken


def entry(numbered: tuple[int, Document]) -> Entry:
    """Read a document: its manifest, or all that is wrong with it."""
    number, (place, data, media, line) = numbered
    manifest = valid_json(data) if media == "json" else None
    if manifest is None:
        try:
            manifest = read_manifest(data, media=media, source=place).manifest
        except Unreadable as error:
            return Entry(number, place, None, None, _placed(error.problems, place, line))
    if manifest.id is None:
        fact, remedy = (
            Text("清单没有标识", "the manifest has no id"),
            Text("写上应用的标识 id", "write the id of the app"),
        )
        return Entry(number, place, None, None, (Problem(place, "/id", fact, remedy),))
    return Entry(number, place, manifest.id, manifest)


def _placed(problems: Iterable[Told], place: str, line: int | None) -> tuple[Problem, ...]:
    """Give problems of a document where they stand in the file."""
    return some(
        Problem(
            f"{place}:{each.line}:{each.column}" if line is None else f"{line + each.line - 1}:{each.column}",
            each.pointer,
            each.detail,
            each.remedy,
        )
        for each in problems
    )


def _once(entry: Entry, places: dict[str, str]) -> Entry:
    id = entry.id or ""
    first = places.setdefault(id, entry.place)
    if first is entry.place:
        return entry
    fact = Text(f"标识 {id} 已在 {first}", f"the id {id} stands at {first} already")
    problem = Problem(entry.place, "/id", fact, Text("每个应用只写一次", "state every app once"))
    return Entry(entry.number, entry.place, id, None, (problem,))
