"""Parquet: one row an app, parts as structures and lists as lists, for those who count and compare.

A part or list that can be declared absent has a column beside it, `…_is_none`, which is true where it was.
"""

from __future__ import annotations

import io
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import orjson
from arro3.core import DataType, Field, Schema
from arro3.io import read_json, write_parquet

from services.registry.sheets import shape
from services.registry.sheets.archives import CHUNK
from services.registry.sheets.shape import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from services.registry.sheets.rows import Registered
    from services.registry.sheets.shape import Shape

REVISION = "registry_revision"
_IS_NONE = "_is_none"
_BATCH = 1_000
_GROUP = 5_000  # rows that a reader may skip together, and that are held in memory


def written(apps: Iterable[Registered]) -> Iterator[bytes]:
    """Write apps as a Parquet file.

    The writer wants to do its work in one go, so it does it in a thread, into a pipe: it waits while nobody reads, and
    ends when the reader has gone.
    """
    end, beginning = os.pipe()
    with ThreadPoolExecutor(1, "parquet") as thread, io.FileIO(end, "rb") as pipe:
        done = thread.submit(_write, apps, beginning)
        while chunk := pipe.read(CHUNK):
            yield chunk
        done.result()


def _write(apps: Iterable[Registered], descriptor: int) -> None:
    fields = [Field(REVISION, DataType.int64()), *_fields(shape.manifest())]
    with _Pipe(descriptor, "wb") as pipe:
        lines = _Lines(apps, pipe)
        try:
            rows = read_json(io.BufferedReader(lines), Schema(fields), batch_size=_BATCH)
            write_parquet(rows, pipe, compression="zstd(3)", max_row_group_size=_GROUP)
        except Exception:
            if lines.error is not None:
                raise lines.error from None  # the library tells of it in its own words only
            raise


def _fields(fields: Iterable[Shape]) -> Iterator[Field]:
    for field in fields:
        yield Field(field.name, _type(field))
        if _has_mark(field):
            yield Field(field.name + _IS_NONE, DataType.bool())


def _type(field: Shape) -> DataType:
    match field.kind:
        case Kind.PART:
            inner = DataType.struct(list(_fields(field.fields)))
        case Kind.YES_NO:
            inner = DataType.bool()
        case Kind.DAY:
            inner = DataType.date32()
        case _:
            inner = DataType.string()
    return DataType.list(Field("item", inner)) if field.is_list else inner


def _has_mark(field: Shape) -> bool:
    """Tell whether that there is none cannot stand in the column itself; a text or word can be `none`."""
    return field.has_none and (field.is_list or field.kind not in {Kind.TEXT, Kind.WORD})


def _row(declared: dict[str, Any], fields: Sequence[Shape]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for field in fields:
        value = declared.get(field.name)
        if value is None:
            continue
        if value == "none" and _has_mark(field):
            row[field.name + _IS_NONE] = True
        elif isinstance(value, dict):
            row[field.name] = _row(value, field.fields)
        elif field.fields:
            row[field.name] = [_row(entry, field.fields) for entry in value]
        else:
            row[field.name] = value
    return row


class _Pipe(io.FileIO):
    """A pipe whose reader may go: the writer would not survive that, so it is told where rows come from."""

    has_reader = True

    def write(self, data: Any) -> int:  # noqa: ANN401 - any buffer
        view = memoryview(data)
        while view and self.has_reader:
            try:
                view = view[super().write(view) :]
            except BrokenPipeError:
                self.has_reader = False
        return len(data)


class _Lines(io.RawIOBase):
    """A file that is read while it is made: a line of JSON an app."""

    def __init__(self, apps: Iterable[Registered], pipe: _Pipe) -> None:
        self._apps = iter(apps)
        self._pipe = pipe
        self._rest = b""
        self.error: Exception | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any buffer
        try:
            data = self._at_least(len(buffer))
        except Exception as error:
            self.error = error
            raise
        taken = min(len(buffer), len(data))
        buffer[:taken], self._rest = data[:taken], data[taken:]
        return taken

    def _at_least(self, size: int) -> bytes:
        """Give lines of so many bytes together, or the last ones."""
        if not self._pipe.has_reader:
            raise BrokenPipeError
        parts, made = [self._rest], len(self._rest)
        while made < size and (app := next(self._apps, None)) is not None:
            row = _row(orjson.loads(app.manifest), shape.manifest())
            parts.append(orjson.dumps({REVISION: app.revision, **row}, option=orjson.OPT_APPEND_NEWLINE))
            made += len(parts[-1])
        return b"".join(parts)
