"""Cases as a snapshot tells them, and what the tree of organisations tells of their sponsors: read when asked for."""

from __future__ import annotations

import os
import tempfile
from array import array
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import orjson
from pydantic import TypeAdapter

from services.audit.index import IndexFull
from services.manifest.model import accepted
from services.manifest.neighbourhood import Grant, Recorded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from services.manifest.model import Manifest

_GRANTS = TypeAdapter(tuple[Grant, ...])
_RECORDED = TypeAdapter(Recorded)
_NO_GRANTS = b"[]"

# Quotation marks inside texts are escaped, and no key before the manifest has its name.
_BEFORE_MANIFEST = b',"manifest":'


class Case(NamedTuple):
    """An app as a line of a snapshot tells it.

    `manifest` and `grants` are JSON. `sponsor` says how the sponsor was found in the tree of organisations, and its
    code there; None when it was not.
    """

    app: str
    hash: str
    division: str | None
    grants: bytes
    sponsor: tuple[str, str] | None
    manifest: bytes

    @classmethod
    def read(cls, line: bytes) -> Case:
        """Read a line.

        Raises:
            ValueError: it is none of a snapshot of cases.

        """
        at = line.index(_BEFORE_MANIFEST)
        head = orjson.loads(line[:at] + b"}")
        sponsor = head["sponsor"]
        return cls(
            head["app"],
            head["hash"],
            head["division"],
            orjson.dumps(head["grants"]) if head["grants"] else _NO_GRANTS,
            None if sponsor is None else (sponsor["by"], sponsor["code"]),
            line[at + len(_BEFORE_MANIFEST) : line.rindex(b"}")],
        )

    def declared(self) -> Manifest:
        """Give the manifest."""
        return accepted(self.manifest)

    def granted(self) -> tuple[Grant, ...]:
        """Give the grants, in the order of recording."""
        return () if self.grants == _NO_GRANTS else _GRANTS.validate_json(self.grants)


class Tree:
    """What the tree of organisations knew of each of them at one registry revision."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        """Take the lines of a snapshot of organisations."""
        self._lines = {orjson.loads(line)["code"]: line for line in lines}
        self.recorded = lru_cache(1 << 14)(self._recorded)

    def _recorded(self, sponsor: tuple[str, str] | None) -> Recorded | None:
        if sponsor is None:
            return None
        by, code = sponsor
        return _RECORDED.validate_json(b'{"by":"%s",%s' % (by.encode(), self._lines[code][1:]))


class CaseFile:
    """The cases of a snapshot, by app, in a file without a name that is gone when the process is."""

    def __init__(self, lines: Iterable[bytes], folder: Path | None = None) -> None:
        """Take the lines of a snapshot of cases; `folder` is where the file lies, None: where temporary files do.

        Raises:
            IndexFull: there is no room for them.

        """
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - it lives as long as the object
        self._numbers: dict[str, int] = {}
        self._starts, self._lengths = array("Q"), array("L")
        self._end = 0
        piece = list[bytes]()
        try:
            for line in lines:
                self._note(orjson.loads(line[: line.index(b",")] + b"}")["app"], len(line))
                piece.append(line)
                if len(piece) == 1000:  # noqa: PLR2004 - some megabytes at a time
                    self._write(b"".join(piece))
                    piece.clear()
            self._write(b"".join(piece))
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        """Give the number of cases."""
        return len(self._numbers)

    def __iter__(self) -> Iterator[Case]:
        """Give all cases, in the order in which they came."""
        for number in self._numbers.values():
            yield Case.read(os.pread(self._file.fileno(), self._lengths[number], self._starts[number]))

    def find(self, app: str) -> Case | None:
        """Give the case of an app; None when it has none."""
        number = self._numbers.get(app)
        if number is None:
            return None
        return Case.read(os.pread(self._file.fileno(), self._lengths[number], self._starts[number]))

    def put(self, app: str, line: bytes | None) -> None:
        """Replace the case of an app; None takes it away.

        Raises:
            IndexFull: there is no room for it.

        """
        if line is None:
            self._numbers.pop(app, None)
            return
        self._note(app, len(line))
        self._write(line)

    def close(self) -> None:
        """Give the room back."""
        self._file.close()

    def _note(self, app: str, length: int) -> None:
        self._numbers[app] = len(self._starts)
        self._starts.append(self._end)
        self._lengths.append(length)
        self._end += length

    def _write(self, content: bytes) -> None:
        left = memoryview(content)
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            raise IndexFull(str(error)) from error
