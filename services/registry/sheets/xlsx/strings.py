"""The texts that cells of a workbook share, kept on disk: a large workbook has millions of them."""

from __future__ import annotations

import mmap
import re
from array import array
from itertools import chain
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Self

from services.manifest.faults import has_lone_surrogate
from services.registry.sheets.xlsx.markup import Attributes, Markup, damaged

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PLAIN = re.compile(rb'<si><t(?: xml:space="preserve")?>([^<&\r]*)</t></si>|(.).*', re.DOTALL)
_ESCAPE = re.compile(r"_x([0-9a-fA-F]{4})_")
_BEGINNING = 1 << 16  # bytes in which the first text begins
_LONGEST = 1 << 20  # bytes of one text, with its markup
_DEEPEST = 64  # elements inside one another
_REMEMBERED = 1 << 14


def unescaped(text: str) -> str:
    """Give the characters that a workbook writes as `_x000D_`, because XML cannot hold them."""
    return _ESCAPE.sub(_character, text) if "_x" in text else text


def _character(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return match[0] if has_lone_surrogate(character) else character


class SharedStrings:
    """Texts by their number."""

    def __init__(self, place: str, chunks: Iterable[bytes]) -> None:
        """Read the part of a workbook that has them.

        Raises:
            UnreadableFile: it is damaged.
        """
        self._place = place
        self._file = TemporaryFile(prefix="govapp-strings-")  # noqa: SIM115 - it lives as long as this object
        self._ends = array("Q", [0])
        self._known: dict[int, str] = {}
        try:
            for text in _texts(place, chunks):
                self._ends.append(self._ends[-1] + self._file.write(text.encode()))
            self._file.flush()
            self._map = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ) if self._ends[-1] else None
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        """Go on using them."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove what is on disk."""
        if self._map is not None:
            self._map.close()
        self._file.close()

    def __getitem__(self, number: int) -> str:
        """Give a text.

        Raises:
            UnreadableFile: there is none of this number.
        """
        text = self._known.get(number)
        if text is None:
            if not 0 <= number < len(self._ends) - 1:
                raise damaged(self._place)
            start, end = self._ends[number], self._ends[number + 1]
            text = self._map[start:end].decode() if self._map is not None else ""
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[number] = text
        return text


def _texts(place: str, chunks: Iterable[bytes]) -> Iterator[str]:
    """Give the texts in their order; those without formatting are found without parsing every element."""
    rest = b""
    has_begun = False
    for chunk in chunks:
        rest += chunk
        if not has_begun:
            begin = rest.find(b"<si>")
            if begin < 0 and len(rest) < _BEGINNING:
                continue
            if begin < 0:
                break
            rest, has_begun = rest[begin:], True
        end = rest.rfind(b"</si>") + len(b"</si>")
        if end < len(b"</si>") and len(rest) > _LONGEST:
            raise damaged(place)
        if end >= len(b"</si>"):
            yield from _block(place, rest[:end])
            rest = rest[end:]
    if not has_begun:
        yield from _parsed(place, chain((rest,), chunks))


def _block(place: str, block: bytes) -> Iterator[str]:
    found = _PLAIN.findall(block)
    if any(other for _, other in found):
        yield from _parsed(place, (b"<sst>", block, b"</sst>"))
        return
    try:
        yield from (unescaped(text.decode()) for text, _ in found)
    except UnicodeDecodeError:
        raise damaged(place) from None


def _parsed(place: str, chunks: Iterable[bytes]) -> Iterator[str]:
    """Give the texts of any markup; what tells how to pronounce them is no part of them."""
    done: list[str] = []
    parts: list[str] = []
    inside: list[str] = []
    size = 0

    def start(name: str, _: Attributes) -> None:
        inside.append(name)

    def end(name: str) -> None:
        inside.pop()
        nonlocal size
        if name == "si":
            done.append("".join(parts))
            parts.clear()
            size = 0

    def text(data: str) -> None:
        nonlocal size
        if inside[-1] == "t" and "rPh" not in inside:
            parts.append(data)
            size += len(data)

    markup = Markup(place, start, end, text)
    for chunk in chunks:
        markup.feed(chunk)
        if size > _LONGEST or len(inside) > _DEEPEST:
            raise damaged(place)
        yield from map(unescaped, done)
        done.clear()
    markup.feed(b"", is_last=True)
    yield from map(unescaped, done)
