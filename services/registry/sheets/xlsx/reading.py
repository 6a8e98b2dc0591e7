"""Opening a workbook: its sheets, texts and styles. Macros and links to other files are never followed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from posixpath import join, normpath
from typing import TYPE_CHECKING

from services.registry.sheets.tabular import Tables, is_ours
from services.registry.sheets.told import Limits, Note, unreadable
from services.registry.sheets.xlsx.cell_values import Values
from services.registry.sheets.xlsx.markup import Attributes, damaged, elements
from services.registry.sheets.xlsx.sheet_grid import SheetGrid
from services.registry.sheets.xlsx.strings import SharedStrings
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import ExitStack

    from services.registry.sheets.archives import Archive

WORKBOOK = "xl/workbook.xml"
_MOST_BYTES = 32 << 20  # of the parts that tell of the others
_MOST_SHEETS = 100
_DAY_FORMATS = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
"""Numbers of the built-in formats that show a day or a time, those of Chinese included."""
_NO_PATTERN = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')
_WHOLE = re.compile(r"[0-9]{1,9}")
_DAY_PATTERN = re.compile(r"[dmyhs]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Sheet:
    name: str
    part: str
    is_hidden: bool


def read(archive: Archive, limits: Limits, stack: ExitStack) -> Tables:
    """Read a workbook.

    Raises:
        UnreadableFile: it cannot be read.
    """
    workbook = _workbook_part(archive)
    links = _links(archive, workbook)
    sheets, is_1904 = _sheets(archive, workbook, links)
    strings = next((part for kind, part in links.values() if kind == "sharedStrings"), None)
    styles = next((part for kind, part in links.values() if kind == "styles"), None)
    values = Values(
        stack.enter_context(SharedStrings(strings, archive.chunks(strings))) if strings else None,
        frozenset(_day_styles(archive, styles)) if styles else frozenset(),
        is_1904,
    )

    def grid(sheet: _Sheet) -> SheetGrid:
        return SheetGrid(sheet.name, lambda: archive.chunks(sheet.part), values)

    return Tables([grid(sheet) for sheet in sheets], [*_notes(archive, sheets)], limits, stack)


def _notes(archive: Archive, sheets: list[_Sheet]) -> Iterator[Note]:
    if any(name.casefold().endswith("vbaproject.bin") for name in archive.names):
        yield Note("", Text("文件含有宏，没有运行也没有读取", "there are macros in it; they were neither run nor read"))
    if any(name.startswith("xl/externalLinks/") for name in archive.names):
        said = Text("文件链接到其他文件，没有跟随", "it links to other files; no link was followed")
        yield Note("", said)
    for sheet in sheets:
        if sheet.is_hidden and not is_ours(sheet.name):
            yield Note(sheet.name, Text("这张工作表是隐藏的", "this sheet is hidden"))


def _workbook_part(archive: Archive) -> str:
    for kind, part in _links(archive, "").values():
        if kind == "officeDocument" and part in archive.names:
            return part
    if WORKBOOK in archive.names:
        return WORKBOOK
    raise unreadable(
        Text("不是 Excel 工作簿（.xlsx）", "this is no Excel workbook (.xlsx)"),
        Text("在电子表格软件中另存为 .xlsx", "save it as .xlsx in a spreadsheet"),
    )


def _links(archive: Archive, part: str) -> dict[str, tuple[str, str]]:
    """Give the kinds and names of the parts that a part refers to inside the archive, by their ids."""
    folder, _, name = part.rpartition("/")
    found: dict[str, tuple[str, str]] = {}
    for element, attributes in _elements(archive, join(folder, "_rels", f"{name}.rels")):
        if element == "Relationship" and attributes.get("TargetMode") != "External":
            target = attributes.get("Target", "")
            whole = target.lstrip("/") if target.startswith("/") else normpath(join(folder, target))
            if whole in archive.names:
                found[attributes.get("Id", "")] = attributes.get("Type", "").rpartition("/")[2], whole
    return found


def _sheets(archive: Archive, workbook: str, links: dict[str, tuple[str, str]]) -> tuple[list[_Sheet], bool]:
    sheets: list[_Sheet] = []
    is_1904 = False
    for element, attributes in _elements(archive, workbook):
        if element == "workbookPr":
            is_1904 = attributes.get("date1904") in {"1", "true"}
        elif element == "sheet":
            kind, part = links.get(_id(attributes), ("", ""))
            if kind == "worksheet":
                is_hidden = attributes.get("state", "visible") != "visible"
                sheets.append(_Sheet(attributes.get("name", ""), part, is_hidden))
    if not sheets or len(sheets) > _MOST_SHEETS:
        raise damaged(workbook)
    return sheets, is_1904


def _id(attributes: Attributes) -> str:
    return next((value for name, value in attributes.items() if name.endswith(":id")), "")


def _day_styles(archive: Archive, part: str) -> Iterator[str]:
    formats = set(_DAY_FORMATS)
    is_inside, number = False, 0
    for element, attributes in _elements(archive, part):
        if element == "numFmt" and _DAY_PATTERN.search(_NO_PATTERN.sub("", attributes.get("formatCode", ""))):
            formats.add(_whole(attributes.get("numFmtId", "")))
        elif element in {"cellXfs", "cellStyles", "cellStyleXfs", "dxfs"}:
            is_inside = element == "cellXfs"
        elif element == "xf" and is_inside:
            if _whole(attributes.get("numFmtId", "0")) in formats:
                yield str(number)
            number += 1


def _whole(text: str) -> int:
    return int(text) if _WHOLE.fullmatch(text) else -1


def _elements(archive: Archive, part: str) -> Iterator[tuple[str, Attributes]]:
    if part in archive.names:
        yield from elements(part, archive.chunks(part, _MOST_BYTES))
