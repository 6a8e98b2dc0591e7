"""XML from strangers: parsed as it comes, without document types, entities of its own, or encodings but UTF-8."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.parsers import expat

from services.registry.sheets.told import UnreadableFile, unreadable
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Attributes = dict[str, str]

_LONGEST_TAG = 1 << 20  # bytes; the parser keeps a tag in memory until it ends


class Markup:
    """A parser that tells of elements by their names without prefixes.

    Args:
        place: the part of the file that is parsed.
        start, end, text: what is called for the beginning and end of an element and for text between.
    """

    def __init__(
        self,
        place: str,
        start: Callable[[str, Attributes], None],
        end: Callable[[str], None] | None = None,
        text: Callable[[str], None] | None = None,
    ) -> None:
        """Make a parser at the beginning of a document."""
        parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.StartElementHandler = lambda name, attributes: start(name.rpartition(":")[2], attributes)
        if end is not None:
            parser.EndElementHandler = lambda name: end(name.rpartition(":")[2])
        if text is not None:
            parser.CharacterDataHandler = text
        parser.StartDoctypeDeclHandler = self._refuse
        self._parser = parser
        self._place = place
        self._fed = 0

    def feed(self, data: bytes, *, is_last: bool = False) -> None:
        """Parse on.

        Raises:
            UnreadableFile: this is no XML, or of a kind that no spreadsheet writes.
        """
        try:
            self._parser.Parse(data, is_last)
        except expat.ExpatError as error:
            raise damaged(self._place) from error
        self._fed += len(data)
        if self._fed - self._parser.CurrentByteIndex > max(len(data), _LONGEST_TAG):
            raise damaged(self._place)

    def _refuse(self, *_: Any) -> None:  # noqa: ANN401 - what the declaration says does not matter
        raise damaged(self._place)


def elements(place: str, chunks: Iterable[bytes]) -> Iterator[tuple[str, Attributes]]:
    """Give the names and attributes of all elements, in the order of their beginnings.

    Raises:
        UnreadableFile: it cannot be parsed.
    """
    found: list[tuple[str, Attributes]] = []
    markup = Markup(place, lambda name, attributes: found.append((name, attributes)))
    for chunk in chunks:
        markup.feed(chunk)
        yield from found
        found.clear()
    markup.feed(b"", is_last=True)
    yield from found


def damaged(place: str) -> UnreadableFile:
    """Give the problem of a part that is not as spreadsheets write it."""
    return unreadable(
        Text("文件这一部分已损坏", "this part of the file is damaged"),
        Text("用电子表格软件打开，另存为 .xlsx 后再试", "open it in a spreadsheet, save it as .xlsx and try again"),
        place,
    )
