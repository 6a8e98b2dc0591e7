"""Files that are made to do harm, or came to harm: refused with the reason, at little cost, and never read in part."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import pytest

from services.registry.sheets import Limits, UnreadableFile
from tests.unit.registry.sheets.books import csv_file, package, places, raw_sheet, read, workbook

if TYPE_CHECKING:
    from pathlib import Path

HEADED = '<row r="1"><c r="A1" t="str"><v>标识</v></c></row>'
CORNERS = (
    '<sheetData><row r="1"><c r="A1" t="str"><v>标识</v></c></row>'
    '<row r="1048576"><c r="XFD1048576"><v>2</v></c></row></sheetData>'
)


def test_two_cells_far_apart_cost_nothing() -> None:
    entries, _ = read(raw_sheet(CORNERS))
    assert places(entries[0])["应用!XFD1048576"].startswith("XFD 列没有标题")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"PK\x03\x04 no archive", "damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "password"),
        (b"PAR1....PAR1", "exports only"),
        (package({"xl/workbook.xml": "<workbook/>"}), "damaged"),
        (package({"word/document.xml": "<x/>"}), "no Excel workbook"),
        (raw_sheet("<sheetData><row>"), "damaged"),
        (raw_sheet('<sheetData><row r="1"><c r="A1" t="s"><v>9</v></c></row></sheetData>'), "headed"),
        (raw_sheet("<!DOCTYPE x><sheetData/>"), "damaged"),
        (raw_sheet('<sheetData><row r="99999999999"/></sheetData >'), "damaged"),
        (package({"xl/workbook.xml": '<!DOCTYPE w [<!ENTITY a "aa">]><workbook>&a;</workbook>'}), "damaged"),
        (package({"应用.csv": b"\0" * (40 << 20)}), "grows more than"),
        (package({"a.yaml": b"a", "A.csv": b"x"}), "no column is headed"),
    ],
)
def test_files_that_are_none_are_refused(data: bytes, said: str) -> None:
    with pytest.raises(UnreadableFile, match=said):
        read(data)


@pytest.mark.parametrize(
    "data",
    [
        f"<sheetData ><row><c t='str'><v>{'a' * (5 << 20)}</v></c></row></sheetData>",  # one cell
        f"<sheetData ><row>{'<c><v>1</v></c>' * 400_000}</row></sheetData>",  # one row
        f'<sheetData ><row x="{"a" * (2 << 20)}"/></sheetData>',  # one tag
        f"<sheetData >{'<row>' * 1000}</sheetData>",  # elements inside one another
        f'<sheetData><row r="1">{"a" * (5 << 20)}</row></sheetData>',
    ],
    ids=["cell", "row", "tag", "depth", "plain"],
)
def test_what_would_fill_memory_is_refused(data: str) -> None:
    assert _is_refused(raw_sheet(data))


@pytest.mark.parametrize(
    "strings",
    [
        "<x:sst><x:si><x:t>" + "a" * (2 << 20),
        f"<sst><si><t>{'a' * (2 << 20)}</t></si></sst>",
        f"<x:sst>{'<x:si>' * 1000}",
        '<!DOCTYPE s [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><sst><si ><t>&b;</t></si></sst>',
    ],
    ids=["prefixed", "plain", "depth", "entities"],
)
def test_texts_that_would_fill_memory_are_refused(strings: str) -> None:
    assert _is_refused(raw_sheet(f"<sheetData>{HEADED}</sheetData>", extra={"xl/sharedStrings.xml": strings}))


def _is_refused(data: bytes) -> bool:
    try:
        return any(entry.problems for entry in read(data)[0])
    except UnreadableFile:
        return True


def test_a_line_that_would_fill_memory_is_refused() -> None:
    entries, _ = read("标识\none\n".encode() + b"," * (9 << 20))
    assert [entry.id for entry in entries] == ["one", None]
    assert "一行过长" in entries[1].problems[0].detail.zh


def test_names_that_climb_out_of_an_archive_lead_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    monkeypatch.chdir(inside)
    names = ("../out.yaml", "/abs.yaml", "..\\win.yaml", "C:\\x.yaml")
    entries, _ = read(package({name: f'manifest: "1"\nid: a{i}\n' for i, name in enumerate(names)}))
    assert len(entries) == len(names)
    assert all(entry.manifest for entry in entries)
    assert [path.name for path in tmp_path.rglob("*")] == ["inside"]


def test_a_file_cut_anywhere_is_told_and_never_read_as_a_shorter_one() -> None:
    whole = workbook({"应用": [["标识", "名称"], *([f"a{i}", f"示例{i}"] for i in range(200))]})
    for data in (whole, package({"应用.csv": csv_file([["标识"], ["one"], ["two"]])})):
        for cut in range(1, len(data), max(1, len(data) // 40)):
            assert _is_refused(data[:cut])


def test_a_checksum_that_does_not_fit_is_told() -> None:
    content = csv_file([["标识"], ["one"]])
    data = package({"应用.csv": content})
    sum_ = zlib.crc32(content).to_bytes(4, "little")
    assert data.count(sum_) == 2
    assert _is_refused(data.replace(sum_, b"\0\0\0\0"))


def test_an_encrypted_member_is_told() -> None:
    data = bytearray(package({"应用.csv": csv_file([["标识"], ["one"]])}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    with pytest.raises(UnreadableFile, match="encrypted"):
        read(bytes(data))


def test_an_archive_that_says_less_than_it_holds_is_not_read_beyond() -> None:
    content = b"0" * (1 << 20)
    data = package({"应用.csv": content}).replace(len(content).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    assert _is_refused(data)


def test_limits_hold() -> None:
    rows = [["标识"], *([f"a{i}"] for i in range(4))]
    entries, _ = read(csv_file(rows), limits=Limits(rows=3))
    assert len(entries) == 4
    assert "超过 3 行" in entries[3].problems[0].detail.zh
    with pytest.raises(UnreadableFile, match="when unpacked"):
        read(workbook({"应用": rows}), limits=Limits(unpacked_bytes=1000))
    with pytest.raises(UnreadableFile, match="files in the archive"):
        read(workbook({"应用": rows}), limits=Limits(members=2))
    with pytest.raises(UnreadableFile, match="at most 10"):
        read(csv_file(rows), limits=Limits(unpacked_bytes=10))
