"""What is written: files that other programs read as they are meant, that run nothing, and are never cut short."""

from __future__ import annotations

import csv
import io
import threading
import zipfile
from datetime import datetime
from typing import TYPE_CHECKING, Any

import openpyxl
import orjson
import pytest
from arro3.io import read_parquet

from services.manifest.model import canonical
from services.registry import sheets
from services.registry.sheets import Form, Registered
from services.registry.sheets.layout import tables
from services.registry.sheets.xlsx import writing
from tests import world
from tests.unit.registry.sheets.books import read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.text import Lang

READ = [form for form in Form if form.is_read]
FORMULAS = ("=1+1", "+86", "-1", "@SUM(A1)", "＝HYPERLINK(1)", "\t=1", "'=1", "=cmd|' /C calc'!A0")
DOCUMENT: dict[str, Any] = {
    "manifest": "1",
    "id": "one",
    "name": "示例应用",
    "online_on": "2024-08-06",
    "faces_grassroots": True,
    "levels": ["county", "township"],
    "regions": ["", "33"],
    "features": [{"id": "a", "name": "查询"}, {"id": "b"}],
    "complaint_channel": "none",
}


def _registered(*documents: dict[str, Any]) -> list[Registered]:
    return [Registered(orjson.dumps(document, option=orjson.OPT_SORT_KEYS), 7) for document in documents]


def _file(form: Form, *documents: dict[str, Any], lang: Lang = "zh") -> bytes:
    return b"".join(sheets.written(_registered(*documents), form, lang))


def _many(count: int) -> Iterator[Registered]:
    for i in range(count):
        yield Registered(b'{"features":[{"id":"a"},{"id":"b"}],"id":"app-%d","manifest":"1"}' % i, i)


# ---------------------------------------------------------------- workbooks


def test_a_workbook_is_read_by_another_library_as_it_is_meant() -> None:
    book = openpyxl.load_workbook(io.BytesIO(_file(Form.XLSX, DOCUMENT)))
    assert book.sheetnames == [*(table.title.zh for table in tables()), "说明", "词表"]
    apps = book["应用"]
    row = {heading.value: cell for heading, cell in zip(apps[1], apps[2], strict=True)}
    expected = {
        "标识": "one",
        "名称": "示例应用",
        "面向基层": "是",
        "登记号": 7,
        "到达层级": "县级、乡镇（街道）",
        "服务区域": "全国、33",
        "功能": "有",
    }
    assert {name: row[name].value for name in expected} == expected
    assert row["上线日期"].value == datetime(2024, 8, 6)  # noqa: DTZ001 - a spreadsheet knows no zone
    assert row["名称"].number_format == "@"  # typed digits stay text
    assert [[cell.value for cell in line[:4]] for line in book["功能"].iter_rows(min_row=2)] == [
        ["one", 1, "a", "查询"],
        ["one", 2, "b", None],
    ]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_column_of_words_offers_just_them(lang: Lang) -> None:
    book = openpyxl.load_workbook(io.BytesIO(b"".join(sheets.template(Form.XLSX, lang))))
    checked = 0
    for table in tables():
        sheet = book[table.title.in_(lang)]
        offered = {str(each.sqref): each for each in sheet.data_validations.dataValidation}
        assert len(offered) == len(table.columns)
        for cell, column in zip(sheet[1], table.columns, strict=True):
            assert cell.value == column.heading.in_(lang)
            each = offered[f"{cell.column_letter}2:{cell.column_letter}1048576"]
            assert each.prompt
            assert len(each.prompt) <= 255
            assert len(each.promptTitle) <= 32
            if column.words and not column.is_list:
                name, _, cells = each.formula1.partition("!")
                listed = [line[0].value for line in book[name.strip("'")][cells.replace("$", "")]]
                assert listed[: len(column.words)] == [word.name.in_(lang) for word in column.words]
                checked += 1
    assert checked


def test_a_sheet_that_is_full_goes_on_in_a_further_one() -> None:
    for limit in ({"most_rows": 4}, {"most_bytes": 400}):
        data = b"".join(writing.written(_many(8), "zh", **limit))
        names = openpyxl.load_workbook(io.BytesIO(data)).sheetnames
        assert {"应用", "应用 (2)", "应用 (3)", "功能", "功能 (2)"} <= set(names)
        entries, notes = read(data)
        assert not notes
        assert [entry.id for entry in entries] == [f"app-{i}" for i in range(8)]
        assert all(entry.manifest and len(entry.manifest.features or ()) == 2 for entry in entries)


# ---------------------------------------------------------------- nothing runs


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize("form", [Form.XLSX, Form.CSV])
def test_no_text_is_a_formula_and_each_comes_back(form: Form, text: str) -> None:
    line = text if "\t" not in text else "示例"
    document = {
        **DOCUMENT,
        "name": line,
        "sponsor": {"name": line},
        "features": [{"id": "a", "name": line, "description": text}],
    }
    data = _file(form, document)
    assert _texts(form, data)
    for cell in _texts(form, data):
        assert not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")), cell
    [entry] = read(data)[0]
    assert entry.manifest is not None
    assert canonical(entry.manifest) == canonical(world.manifest(document))


def _texts(form: Form, data: bytes) -> list[str]:
    if form == Form.XLSX:
        book = openpyxl.load_workbook(io.BytesIO(data))
        cells = [cell for title in ("应用", "功能") for row in book[title].iter_rows() for cell in row]
        assert not [cell for cell in cells if cell.data_type == "f"]
        return [cell.value for cell in cells if isinstance(cell.value, str)]
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        rows = [
            row
            for name in archive.namelist()
            for row in csv.reader(io.StringIO(archive.read(name).decode("utf-8-sig"), newline=""))
        ]
    return [cell for row in rows for cell in row if cell]


# ---------------------------------------------------------------- the other forms


def test_csv_begins_with_the_mark_by_which_excel_knows_its_encoding() -> None:
    table = b"".join(sheets.written_table(_registered(DOCUMENT)))
    assert table.startswith(b"\xef\xbb\xbf\xe6\xa0\x87\xe8\xaf\x86,")
    with zipfile.ZipFile(io.BytesIO(_file(Form.CSV, DOCUMENT))) as archive:
        assert archive.namelist() == [f"{each.title.zh}.csv" for each in tables()]
        assert archive.read("应用.csv") == table
        assert all(archive.read(name).startswith(b"\xef\xbb\xbf") for name in archive.namelist())


def test_a_table_alone_is_no_whole_and_says_so_when_it_is_read() -> None:
    [entry] = read(b"".join(sheets.written_table(_registered(DOCUMENT))))[0]
    assert entry.manifest is None
    assert [problem.detail.zh for problem in entry.problems] == ["写了“有”，却一项也没有列出"]


def test_lines_are_the_canonical_bytes() -> None:
    assert _file(Form.NDJSON, DOCUMENT) == orjson.dumps(DOCUMENT, option=orjson.OPT_SORT_KEYS) + b"\n"


def test_a_folder_has_a_file_an_app_that_people_can_read() -> None:
    with zipfile.ZipFile(io.BytesIO(_file(Form.YAML, DOCUMENT))) as archive:
        assert archive.namelist() == ["one.yaml"]
        text = archive.read("one.yaml").decode()
    assert text.startswith('manifest: "1"\nid: one\nname: 示例应用\n')
    assert '\nregions: ["", "33"]\n' in text


def test_parquet_has_a_row_an_app_with_its_parts() -> None:
    found = read_parquet(io.BytesIO(_file(Form.PARQUET, DOCUMENT, {"manifest": "1", "id": "two"}))).read_all()
    assert found.num_rows == 2
    values = {name: found.column(name).to_pylist() for name in ("registry_revision", "id", "levels", "online_on")}
    assert values["registry_revision"] == [7, 7]
    assert values["id"] == ["one", "two"]
    assert values["levels"] == [["county", "township"], None]
    assert str(values["online_on"][0]) == "2024-08-06"
    [features, nothing] = found.column("features").to_pylist()
    assert [feature["id"] for feature in features] == ["a", "b"]
    assert nothing is None


@pytest.mark.parametrize("form", Form)
def test_no_apps_are_a_file_too(form: Form) -> None:
    data = _file(form)
    if form.is_read and form != Form.NDJSON:
        assert read(data) == ([], [])
    elif form == Form.PARQUET:
        assert read_parquet(io.BytesIO(data)).read_all().num_rows == 0
    else:
        assert data == b""


@pytest.mark.parametrize("form", [Form.XLSX, Form.CSV])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_template_mentions_every_field(form: Form, lang: Lang) -> None:
    with sheets.opened(io.BytesIO(b"".join(sheets.template(form, lang)))) as file:
        assert not list(file.entries())
        assert not file.notes
        assert not file.unmentioned


# ---------------------------------------------------------------- what goes wrong meanwhile


@pytest.mark.parametrize("form", Form)
def test_what_fails_where_apps_come_from_breaks_the_file(form: Form) -> None:
    def failing() -> Iterator[Registered]:
        yield from _many(3000)
        raise OSError("the source is gone")

    with pytest.raises(OSError, match="the source is gone"):
        list(sheets.written(failing(), form))


@pytest.mark.parametrize("form", Form)
def test_a_file_begins_before_its_apps_end_and_may_be_left(form: Form) -> None:
    taken = 0

    def counted() -> Iterator[Registered]:
        nonlocal taken
        for taken, app in enumerate(_many(400_000), 1):  # noqa: B007 - it is read outside
            yield app

    pieces: Any = sheets.written(counted(), form)
    assert next(pieces)
    pieces.close()
    assert taken < 20_000
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("parquet")]
