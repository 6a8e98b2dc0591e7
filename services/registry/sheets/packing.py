"""Zip archives written as a stream of bytes, with what has to wait for its turn kept on disk, compressed.

The same content gives the same bytes: members carry no time.
"""

from __future__ import annotations

import zipfile
import zlib
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Self

from services.registry.sheets.archives import CHUNK

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEVEL = 6
_QUICK = 1  # on disk for a while only
_PATIENCE = 100


class _Sink:
    """Collects what is written until somebody takes it."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self.size = 0

    def write(self, data: bytes) -> int:
        self._chunks.append(bytes(data))
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Do nothing: whoever takes it decides when."""

    def take(self) -> bytes:
        taken = b"".join(self._chunks)
        self._chunks.clear()
        self.size = 0
        return taken


class Packing:
    """A zip archive in the making. What `taken` gives, in turn, is the archive."""

    def __init__(self) -> None:
        """Begin an empty archive."""
        self._sink = _Sink()
        self._asked = 0
        self._zip = zipfile.ZipFile(self._sink, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL)  # type: ignore[call-overload]

    def open(self, name: str, *, is_large: bool = False) -> IO[bytes]:
        """Begin a member, which has to be closed before the next; over 2 GiB only when it `is_large`."""
        member: IO[bytes] = self._zip.open(_info(name), "w", force_zip64=is_large)
        return member

    def put(self, name: str, content: bytes) -> None:
        """Write a whole member."""
        with self.open(name) as member:
            member.write(content)

    def copied(self, name: str, spool: Spool, *, is_large: bool = False) -> Iterator[bytes]:
        """Write what was spooled as a member, and give the archive's bytes so far while it lasts."""
        with self.open(name, is_large=is_large) as member:
            for chunk in spool.chunks():
                member.write(chunk)
                yield from self.taken()
        yield from self.taken()

    def taken(self) -> Iterator[bytes]:
        """Give the bytes written since they were last taken, if they are many, or were asked for many times.

        So a file begins at once, and nobody waits long, be it for more or to stop, while all that is written goes to
        disk: what is given may be empty.
        """
        is_time = self._asked % _PATIENCE == 0
        self._asked += 1
        if is_time or self._sink.size >= CHUNK:
            yield self._sink.take()

    def finished(self) -> Iterator[bytes]:
        """Write the index of the archive and give its last bytes."""
        self._zip.close()
        yield self._sink.take()


class Spool:
    """Bytes on disk, compressed, until they are read once from the beginning."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._file = TemporaryFile(prefix="govapp-spool-")  # noqa: SIM115 - it lives as long as this object
        self._deflate = zlib.compressobj(_QUICK)
        self.size = 0

    def __enter__(self) -> Self:
        """Go on using it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove it from the disk."""
        self._file.close()

    def write(self, data: bytes) -> None:
        """Add bytes."""
        self.size += len(data)
        self._file.write(self._deflate.compress(data))

    def chunks(self) -> Iterator[bytes]:
        """Give all bytes again; nothing can be added any more."""
        self._file.write(self._deflate.flush())
        self._file.seek(0)
        inflate = zlib.decompressobj()
        while data := self._file.read(CHUNK):
            yield inflate.decompress(data)
        yield inflate.flush()


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    return info
