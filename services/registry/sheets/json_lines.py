"""NDJSON: one manifest a line, in its canonical bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from services.manifest import reading
from services.registry.sheets.documents import Documents
from services.registry.sheets.told import Limits, unreadable
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from services.registry.sheets.documents import Document
    from services.registry.sheets.rows import Registered

_BATCH_BYTES = 1 << 16


def read(file: BinaryIO, limits: Limits) -> Documents:
    """Read manifests line by line; empty lines are passed over."""

    def lines() -> Iterator[Document]:
        file.seek(0)
        left, number, count = limits.unpacked_bytes, 0, 0
        while line := file.readline(reading.MAX_BYTES + 2):
            number += 1
            data = line.rstrip(b"\r\n")
            left -= len(line)
            if left < 0 or count > limits.rows:
                raise unreadable(
                    Text(
                        f"超过 {limits.unpacked_bytes} 字节或 {limits.rows} 行",
                        f"more than {limits.unpacked_bytes} bytes or {limits.rows} lines",
                    ),
                    Text("分成几个文件", "divide it among several files"),
                    str(number),
                )
            while not line.endswith(b"\n") and len(line) == reading.MAX_BYTES + 2:
                line = file.readline(reading.MAX_BYTES + 2)  # the rest of a line that is too long is passed over
                left -= len(line)
            if data.strip(b" \t\xef\xbb\xbf"):
                count += 1
                yield str(number), data, "json", number

    return Documents(lines)


def written(apps: Iterable[Registered]) -> Iterator[bytes]:
    """Write manifests, one a line."""
    batch, size = [], 0
    for app in apps:
        line = app.manifest.encode() if isinstance(app.manifest, str) else app.manifest
        batch.append(line)
        size += len(line)
        if size >= _BATCH_BYTES:
            yield b"\n".join([*batch, b""])
            batch, size = [], 0
    yield b"\n".join([*batch, b""])
