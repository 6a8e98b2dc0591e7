"""Files of apps: the tables and documents in which ministries keep what they declare, and the manifests they hold.

`opened` reads a file of any form that is read; `written` writes one of any form. Neither knows the database: an import
decides what to do with the entries of a file, an export brings the manifests of one registry revision.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, BinaryIO, Protocol

from services.registry.sheets import csv_files, folders, json_lines
from services.registry.sheets.archives import Archive
from services.registry.sheets.layout import Table, tables
from services.registry.sheets.rows import Registered
from services.registry.sheets.told import LIMITS, Entry, Limits, Note, Problem, UnreadableFile, unreadable
from services.registry.sheets.xlsx import reading as xlsx_reading
from services.registry.sheets.xlsx import writing as xlsx_writing
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from services.text import Lang

__all__ = [
    "LIMITS",
    "Entry",
    "File",
    "Form",
    "Limits",
    "Note",
    "Problem",
    "Registered",
    "Table",
    "UnreadableFile",
    "form_of",
    "opened",
    "tables",
    "template",
    "written",
    "written_table",
]


class Form(StrEnum):
    """The forms of files."""

    XLSX = "xlsx"
    CSV = "csv"
    NDJSON = "ndjson"
    YAML = "yaml"
    PARQUET = "parquet"

    @property
    def media_type(self) -> str:
        """The media type of such files; CSV and YAML are archives of several files."""
        return _TRAVELS[self][0]

    @property
    def suffix(self) -> str:
        """The end of the names of such files."""
        return _TRAVELS[self][1]

    @property
    def is_read(self) -> bool:
        """Whether such files are read as well as written."""
        return self != Form.PARQUET


_TRAVELS = {
    Form.XLSX: ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".xlsx"),
    Form.CSV: ("application/zip", ".csv.zip"),
    Form.NDJSON: ("application/x-ndjson", ".ndjson"),
    Form.YAML: ("application/zip", ".yaml.zip"),
    Form.PARQUET: ("application/vnd.apache.parquet", ".parquet"),
}
_ZIP = b"PK\x03\x04", b"PK\x05\x06"
_OLD_OR_ENCRYPTED = b"\xd0\xcf\x11\xe0"
_PARQUET = b"PAR1"


class File(Protocol):
    """A file that is open for reading."""

    @property
    def notes(self) -> Sequence[Note]:
        """What the reader took for granted or left out; complete when all entries have been read."""

    @property
    def unmentioned(self) -> frozenset[str]:
        """JSON pointers, without positions, of fields of which the file has no column at all."""

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Give the apps that follow the first `after` ones: the same ones with the same numbers every time."""


@contextmanager
def opened(file: BinaryIO, form: Form | None = None, limits: Limits = LIMITS) -> Iterator[File]:
    """Open a file of apps.

    Args:
        file: the file, at any position; it can be moved to any other, and stays open.
        form: what it is; None: what `form_of` finds.
        limits: how much is read.

    Raises:
        UnreadableFile: nothing of it can be read.
    """
    with ExitStack() as stack:
        form = form or form_of(file, limits)
        match form:
            case Form.XLSX:
                yield xlsx_reading.read(_archive(file, limits), limits, stack)
            case Form.CSV if _starts(file).startswith(_ZIP):
                yield csv_files.read_archive(_archive(file, limits), limits, stack)
            case Form.CSV:
                yield csv_files.read_one(file, limits, stack)
            case Form.NDJSON:
                yield json_lines.read(file, limits)
            case Form.YAML:
                yield folders.read(_archive(file, limits), limits)
            case Form.PARQUET:
                raise _not_read("Parquet")


def form_of(file: BinaryIO, limits: Limits = LIMITS) -> Form:
    """Find the form of a file by its content.

    Raises:
        UnreadableFile: it has none that is read.
    """
    start = _starts(file)
    if start.startswith(_ZIP):
        names = list(_archive(file, limits).names)
        if xlsx_reading.WORKBOOK in names:
            return Form.XLSX
        suffixes = {name[name.rfind(".") :].casefold() for name in names}
        if csv_files.SUFFIX in suffixes:
            return Form.CSV
        return Form.YAML if not names or suffixes & folders.MEDIA.keys() else Form.XLSX
    if start.startswith(_OLD_OR_ENCRYPTED):
        raise unreadable(
            Text("旧版 Excel 文件（.xls），或加了密码的文件", "an old Excel file (.xls), or one with a password"),
            Text("去掉密码，另存为 .xlsx", "save it as .xlsx, without a password"),
        )
    if start.startswith(_PARQUET):
        raise _not_read("Parquet")
    return Form.NDJSON if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") else Form.CSV


def written(apps: Iterable[Registered], form: Form, lang: Lang = "zh") -> Iterator[bytes]:
    """Write apps as a file.

    Args:
        apps: what is written, in this order, each app once.
        form: what file.
        lang: the language of headings and words, where there are any; both are read.

    Returns:
        The file, piece by piece, in memory that does not grow with it; what has to wait is kept on disk.

    Raises:
        ValueError: an app has no id and the form needs one.
        ModuleNotFoundError: Parquet, without the extra `exchange`.
    """
    match form:
        case Form.XLSX:
            return xlsx_writing.written(apps, lang)
        case Form.CSV:
            return csv_files.written(apps, lang)
        case Form.NDJSON:
            return json_lines.written(apps)
        case Form.YAML:
            return folders.written(apps)
        case Form.PARQUET:
            from services.registry.sheets import parquet  # noqa: PLC0415 - it needs the extra `exchange`

            return parquet.written(apps)


def written_table(apps: Iterable[Registered], lang: Lang = "zh", table: Table | None = None) -> Iterator[bytes]:
    """Write one table as a plain CSV file, that of apps unless another of `tables()` is given: a list, no whole."""
    return csv_files.written_table(apps, lang, table)


def template(form: Form, lang: Lang = "zh") -> Iterator[bytes]:
    """Write the file that ministries fill in: the same as an export, without apps."""
    return written((), form, lang)


def _archive(file: BinaryIO, limits: Limits) -> Archive:
    file.seek(0)
    return Archive(file, limits)


def _starts(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read(64)


def _not_read(what: str) -> UnreadableFile:
    return unreadable(
        Text(f"{what} 只供导出", f"{what} is for exports only"),
        Text("改用 XLSX、CSV、NDJSON 或 YAML", "use XLSX, CSV, NDJSON or YAML"),
    )
