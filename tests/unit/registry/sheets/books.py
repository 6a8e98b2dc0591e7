"""Workbooks and CSV files as other people make them, for the tests of reading."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any

import xlsxwriter

from services.registry import sheets
from services.registry.sheets import LIMITS, Entry, Form, Limits, Note

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence


def workbook(
    tables: Mapping[str, Sequence[Sequence[Any]]], change: Callable[[xlsxwriter.Workbook], None] | None = None
) -> bytes:
    """Make a workbook of sheets with rows, by a library that is not ours; `change` does the rest."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    for name, rows in tables.items():
        sheet = book.add_worksheet(name)
        for i, row in enumerate(rows):
            for j, value in enumerate(row):
                if value is not None:
                    sheet.write(i, j, value)
    if change is not None:
        change(book)
    book.close()
    return out.getvalue()


def package(parts: Mapping[str, str | bytes]) -> bytes:
    """Make a zip archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def raw_sheet(data: str, *, extra: Mapping[str, str | bytes] | None = None) -> bytes:
    """Make a workbook whose one sheet, 应用, has the markup given between the tags of its data."""
    types = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    return package(
        {
            "xl/workbook.xml": (
                f'<workbook xmlns:r="{types}"><sheets><sheet name="应用" r:id="r1"/></sheets></workbook>'
            ),
            "xl/_rels/workbook.xml.rels": (
                f'<Relationships><Relationship Id="r1" Type="{types}/worksheet" Target="worksheets/sheet1.xml"/>'
                f'<Relationship Id="r2" Type="{types}/sharedStrings" Target="sharedStrings.xml"/>'
                f'<Relationship Id="r3" Type="{types}/styles" Target="styles.xml"/></Relationships>'
            ),
            "xl/worksheets/sheet1.xml": f"<worksheet>{data}</worksheet>",
            **(extra or {}),
        }
    )


def csv_file(rows: Iterable[Sequence[str]], encoding: str = "utf-8-sig", delimiter: str = ",") -> bytes:
    """Make a CSV file of texts that need no quotation marks."""
    return "".join(delimiter.join(row) + "\r\n" for row in rows).encode(encoding)


def read(data: bytes, form: Form | None = None, limits: Limits = LIMITS) -> tuple[list[Entry], list[Note]]:
    """Read a file to its end."""
    with sheets.opened(io.BytesIO(data), form, limits) as file:
        entries = list(file.entries())
        return entries, list(file.notes)


def places(entry: Entry) -> dict[str, str]:
    """Give the places of what is wrong with an app, with the facts in Chinese."""
    return {problem.place: problem.detail.zh for problem in entry.problems}
