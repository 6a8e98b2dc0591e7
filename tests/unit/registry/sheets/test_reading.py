"""Tables from other people: every problem has its cell, nothing is passed over in silence."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import pytest
import xlsxwriter

from services.registry import sheets
from services.registry.sheets import Form, UnreadableFile
from tests.unit.registry.sheets.books import csv_file, package, places, raw_sheet, read, workbook

HEADINGS = ["标识", "名称", "面向基层", "到达层级", "上线日期", "功能"]
ONE = ["one", "示例应用", "是", "县级", "2024-08-06", None]
FEATURES = ["应用标识", "序号", "标识", "名称", "类型"]


def _ids(found: list[Any]) -> list[str | None]:
    return [entry.id for entry in found]


def test_apps_and_their_features_come_together_whatever_the_order_of_the_rows() -> None:
    data = workbook(
        {
            "功能": [
                FEATURES,
                ["two", 1, "a", "乙一", "查询"],
                ["one", 2, "b", "甲二", "查询"],
                ["one", 1, "a", "甲一", "查询"],
            ],
            "应用": [HEADINGS, ONE, ["two", "另一示例应用", None, None, None, None]],
        }
    )
    entries, notes = read(data)
    assert all(not entry.problems for entry in entries)
    assert [[each.name for each in entry.manifest.features or ()] for entry in entries if entry.manifest] == [
        ["甲一", "甲二"],
        ["乙一"],
    ]
    assert any("没有这些表" in note.said.zh for note in notes)


def test_each_problem_stands_at_its_cell() -> None:
    data = workbook(
        {
            "应用": [
                HEADINGS,
                ["One!", "示例应用", "也许", "县级、乡镇", "2024-02-30", None],
                ["two", "示例应用", "否", "县级", date(2024, 8, 6).isoformat(), None],
                [None, "无标识", None, None, None, None],
                ["four", "x" * 201, None, None, None, "无"],
            ],
            "功能": [
                FEATURES,
                ["four", 1, "a b", "甲", "查看"],
                ["six", 1, "a", "甲", "查询"],
                [None, 1, "a", "甲", "查询"],
            ],
        }
    )
    one, two, three, four, lost, nameless = read(data)[0]
    assert set(places(one)) == {"应用!A2", "应用!C2", "应用!D2", "应用!E2"}
    assert places(two) == {"应用!D3": "声明不面向基层，却到达县级"}
    assert "应用!C3" in two.problems[0].remedy.zh  # names the cell and not the JSON pointer
    assert two.problems[0].pointer == "/levels/0"
    assert places(three) == {"应用!A4": "这一行没有写标识"}
    assert set(places(four)) == {"应用!B5", "应用!F5", "功能!C2", "功能!E2"}
    assert {problem.pointer for problem in four.problems} == {
        "/name",
        "/features",
        "/features/0/id",
        "/features/0/kind",
    }
    assert places(lost) == {"功能!3": "“应用”表中没有标识为 six 的应用"}
    assert places(nameless) == {"功能!4": "这一行没有写应用标识"}


def test_one_id_in_two_rows_is_told_with_the_first() -> None:
    entries, _ = read(workbook({"应用": [HEADINGS, ONE, ONE]}))
    assert entries[0].manifest is not None
    assert places(entries[1]) == {"应用!A3": "标识 one 已在 应用!2"}


def test_given_without_rows_and_none_with_rows_are_told() -> None:
    data = workbook({"应用": [HEADINGS, [*ONE[:5], "有"]], "功能": [FEATURES]})
    assert places(read(data)[0][0]) == {"应用!F2": "写了“有”，却一项也没有列出"}


def test_a_part_cannot_be_none_and_filled_in() -> None:
    data = workbook({"应用": [["标识", "立项审核", "立项审核·审核单位"], ["one", "无", "示例局"]]})
    assert places(read(data)[0][0]) == {"应用!B2": "“立项审核”写了“无”，却又填了它的内容"}


@pytest.mark.parametrize(
    ("headings", "place", "said", "remedy"),
    [
        (["标识", "名稱呼"], "应用!B1", "没有“名稱呼”这一列", "改用模板"),
        (["标识", "上线日"], "应用!B1", "没有“上线日”这一列", "上线日期"),
        (["标识", "名称", "名称"], "应用!C1", "重复，已在 B 列", "只保留一列"),
        (["编号", "名称"], "应用!1", "没有标题为“标识”的列", "其中要有“标识”"),
        ([], "应用!2", "没有标题为“标识”的列", "其中要有“标识”"),
    ],
)
def test_headings_that_are_wrong_are_told_before_any_row(
    headings: list[str], place: str, said: str, remedy: str
) -> None:
    with pytest.raises(UnreadableFile) as caught:
        read(workbook({"应用": [headings, ["one"]]}))
    [problem] = caught.value.problems
    assert problem.place == place
    assert said in problem.detail.zh
    assert remedy in problem.remedy.zh


def test_all_wrong_headings_of_all_tables_are_told_at_once() -> None:
    with pytest.raises(UnreadableFile) as caught:
        read(workbook({"应用": [["标识", "甲列"]], "功能": [["应用标识", "乙列"]]}))
    assert [problem.place for problem in caught.value.problems] == ["应用!B1", "功能!B1"]


def test_a_table_that_is_missing_is_told_with_what_there_is() -> None:
    with pytest.raises(UnreadableFile, match="there is no table") as caught:
        read(workbook({"应用表": [["甲"]], "功能": [FEATURES]}))
    assert "“应用表”是否就是" in caught.value.problems[0].remedy.zh


def test_a_lone_sheet_may_have_any_name_and_a_title_above_its_headings() -> None:
    entries, notes = read(
        workbook({"Sheet1": [["某某单位应用登记表"], [], ["序号", "标识", "名称", "备注"], [1, "one", "甲", "x"]]})
    )
    assert _ids(entries) == ["one"]
    assert entries[0].place == "Sheet1!4"
    assert {note.place for note in notes} >= {"Sheet1!A3", "Sheet1!D3"}


def test_content_under_no_heading_is_refused() -> None:
    assert places(read(workbook({"应用": [["标识"], ["one", "漏了标题"]]}))[0][0]) == {
        "应用!B2": "B 列没有标题，这里却有内容"
    }


def test_headings_are_read_in_english_and_as_fields() -> None:
    entries, _ = read(
        workbook({"apps": [["id", "Name", "sponsor.level", "Sponsor - division code"], ["one", "A", "city", "全国"]]})
    )
    assert entries[0].manifest is not None
    assert entries[0].manifest.sponsor is not None
    assert entries[0].manifest.sponsor.division == ""


def test_fields_without_a_column_are_told_apart_from_empty_ones() -> None:
    data = workbook({"应用": [["标识", "主办单位·层级"], ["one", None]], "功能": [FEATURES]})
    with sheets.opened(io.BytesIO(data)) as file:
        assert {"/name", "/sponsor/name", "/asks", "/features/description"} <= file.unmentioned
        assert not {"/sponsor/level", "/features", "/features/name"} & file.unmentioned


# ---------------------------------------------------------------- what spreadsheets do to cells


def test_merged_cells_down_a_column_hold_for_each_row() -> None:
    def merge(book: xlsxwriter.Workbook) -> None:
        book.get_worksheet_by_name("功能").merge_range("A2:A3", "one")
        book.get_worksheet_by_name("应用").merge_range("C2:C3", "是")

    data = workbook(
        {
            "应用": [["标识", "名称", "面向基层"], ["one", "甲", None], ["two", "乙", None], ["three", "丙", None]],
            "功能": [FEATURES, [None, 1, "a", "甲", "查询"], [None, 2, "b", "乙", "查询"]],
        },
        merge,
    )
    entries, _ = read(data)
    assert [entry.manifest and entry.manifest.faces_grassroots for entry in entries] == [True, True, None]
    assert entries[0].manifest is not None
    assert len(entries[0].manifest.features or ()) == 2


def test_cells_merged_over_columns_are_refused() -> None:
    data = workbook(
        {"应用": [HEADINGS, ONE]}, lambda book: book.get_worksheet_by_name("应用").merge_range("B2:C2", "甲")
    )
    assert places(read(data)[0][0]) == {"应用!B2": "这里合并了几列的单元格，不知道值属于哪一列"}


def test_formulas_are_read_by_their_results_and_refused_without() -> None:
    def write(book: xlsxwriter.Workbook) -> None:
        sheet = book.get_worksheet_by_name("应用")
        sheet.write_formula("B2", '="示例"&"应用"', None, "示例应用")
        sheet.write_formula("B3", "=1/0", None, "#DIV/0!")

    entries, notes = read(workbook({"应用": [HEADINGS, ["one"], ["two"]]}, write))
    assert entries[0].manifest is not None
    assert entries[0].manifest.name == "示例应用"
    assert places(entries[1]) == {"应用!B3": "公式出错：#DIV/0!"}
    assert any("按上次保存时的计算结果" in note.said.zh for note in notes)
    heading = '<row r="1"><c r="A1" t="inlineStr"><is><t>标识</t></is></c></row>'
    # Libraries that write formulas without working them out leave the result empty, or leave it out.
    for result in ("", "<v/>", "<v></v>"):
        never = raw_sheet(f'<sheetData>{heading}<row r="2"><c r="A2"><f>B9</f>{result}</c></row></sheetData>')
        assert places(read(never)[0][0])["应用!A2"] == "公式没有计算结果"


def test_a_formula_whose_result_is_the_empty_text_leaves_its_cell_empty() -> None:
    headings = "".join(
        f'<c r="{letter}1" t="inlineStr"><is><t>{name}</t></is></c>' for letter, name in (("A", "标识"), ("B", "名称"))
    )
    row = '<row r="2"><c r="A2" t="inlineStr"><is><t>one</t></is></c><c r="B2" t="str"><f>""</f><v></v></c></row>'
    entries, _ = read(raw_sheet(f'<sheetData><row r="1">{headings}</row>{row}</sheetData>'))
    assert entries[0].manifest is not None
    assert entries[0].manifest.name is None


def test_days_are_read_as_days_in_both_calendars_and_formats() -> None:
    for options in ({}, {"date_1904": True}):
        out = io.BytesIO()
        book = xlsxwriter.Workbook(out, {"in_memory": True, **options})
        sheet = book.add_worksheet("应用")
        sheet.write_row(0, 0, ["标识", "上线日期", "开工日期"])
        sheet.write_string(1, 0, "one")
        sheet.write_datetime(1, 1, date(2024, 8, 6), book.add_format({"num_format": 'yyyy"年"m"月"d"日"'}))
        sheet.write_datetime(1, 2, date(2023, 1, 31), book.add_format({"num_format": 14}))
        book.close()
        [entry] = read(out.getvalue())[0]
        assert entry.manifest is not None
        assert (entry.manifest.online_on, entry.manifest.begun_on) == (date(2024, 8, 6), date(2023, 1, 31))


def test_a_number_that_no_format_calls_a_day_is_none() -> None:
    assert "应用!B2" in places(read(workbook({"应用": [["标识", "上线日期"], ["one", 45000]]}))[0][0])


def test_hidden_sheets_and_rows_are_read_and_told() -> None:
    def hide(book: xlsxwriter.Workbook) -> None:
        book.get_worksheet_by_name("功能").hide()
        book.get_worksheet_by_name("应用").set_row(2, None, None, {"hidden": True})

    data = workbook({"应用": [HEADINGS, ONE, ["two"]], "功能": [FEATURES, ["one", 1, "a", "甲", "查询"]]}, hide)
    entries, notes = read(data)
    assert _ids(entries) == ["one", "two"]
    assert {(note.place, note.said.zh[:6]) for note in notes} >= {("功能", "这张工作表是"), ("应用", "有隐藏的行（")}


def test_macros_and_links_are_left_alone_and_told() -> None:
    data = raw_sheet(
        '<sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>标识</t></is></c></row></sheetData>',
        extra={"xl/vbaProject.bin": b"x", "xl/externalLinks/externalLink1.xml": "<x/>"},
    )
    entries, notes = read(data)
    assert not entries
    assert [note.said.zh[:6] for note in notes[:2]] == ["文件含有宏，", "文件链接到其"]


def test_every_shape_of_markup_means_the_same() -> None:
    texts = {
        "plain": (
            '<row r="1"><c r="A1" t="inlineStr"><is><t>标识</t></is></c>'
            '<c r="B1" t="inlineStr"><is><t>名称</t></is></c></row>'
            '<row r="2"><c r="A2" t="inlineStr"><is><t>one</t></is></c>'
            '<c r="B2" t="inlineStr"><is><t>甲 乙</t></is></c></row>'
        ),
        "spaced": (
            '<row r="1">\n <c t="inlineStr" r="A1"><is><t>标识</t></is></c> <c r="B1" t="str"><v>名称</v></c></row>'
            "<row r='2'><c r='A2' t='str'><v>one</v></c><c r='B2' t='inlineStr'>"
            "<is><r><t>甲</t></r><r><t> 乙</t></r><rPh><t>jia</t></rPh></is></c></row>"
        ),
        "without addresses": (
            '<row><c t="str"><v>标识</v></c><c t="str"><v>名称</v></c></row>'
            '<row><c t="str"><v>one</v></c><c t="str"><v>甲 乙</v></c></row>'
        ),
        "shared": (
            '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>'
            '<row r="2"><c r="A2" t="s"><v>2</v></c><c r="B2" t="s"><v>3</v></c></row>'
        ),
    }
    strings = (
        "<si><t>标识</t></si><si><r><t>名</t></r><r><t>称</t></r><rPh><t>ming</t></rPh></si>"
        "<si><t>one</t></si><si><t>甲&#32;乙</t></si>"
    )
    shared = {"xl/sharedStrings.xml": f"<sst>{strings}</sst>"}
    for name, data in texts.items():
        for before, after in (
            ("<sheetData>", "</sheetData>"),
            ("<sheetData >", "</sheetData >"),
            ("<!-- x --><sheetData>", "</sheetData>"),
        ):
            entries, _ = read(raw_sheet(before + data + after, extra=shared))
            assert [(entry.id, entry.manifest and entry.manifest.name) for entry in entries] == [("one", "甲 乙")], name
    prefixed = (
        texts["shared"]
        .replace("<c ", "<x:c ")
        .replace("</c>", "</x:c>")
        .replace("<row", "<x:row")
        .replace("</row", "</x:row")
    )
    entries, _ = read(raw_sheet(f"<x:sheetData>{prefixed}</x:sheetData>", extra=shared))
    assert _ids(entries) == ["one"]


# ---------------------------------------------------------------- CSV

TABLE = [["标识", "名称", "面向基层"], ["one", "示例应用", "是"]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030", "gbk"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_csv_is_read_in_the_encodings_that_excel_writes(encoding: str, delimiter: str) -> None:
    entries, notes = read(csv_file(TABLE, encoding, delimiter))
    assert entries[0].manifest is not None
    assert entries[0].manifest.name == "示例应用"
    assert any("GB18030" in note.said.zh for note in notes) == encoding.startswith("gb")


def test_csv_files_of_an_archive_may_have_names_in_gbk() -> None:
    data = package({"AAAA.csv": csv_file(TABLE), "BBBB.csv": csv_file([FEATURES, ["one", "1", "a", "甲", "查询"]])})
    data = data.replace(b"AAAA", "应用".encode("gbk")).replace(b"BBBB", "功能".encode("gbk"))
    entries, _ = read(data)
    assert entries[0].manifest is not None
    assert len(entries[0].manifest.features or ()) == 1


def test_a_quotation_mark_without_end_is_told_and_nothing_is_swallowed() -> None:
    entries, _ = read('标识,名称\r\none,甲\r\ntwo,"乙\r\nthree,丙\r\n'.encode())
    assert entries[0].manifest is not None
    assert len(entries) == 2
    assert entries[1].problems[0].place == "应用!3"
    assert "其后的内容没有读" in entries[1].problems[0].detail.zh


@pytest.mark.parametrize("data", [b"\xff\xff\xff,a", b"\x81", "标识,名称\r\na,b".encode() + b"\xff\xff"])
def test_csv_in_no_known_encoding_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableFile, match="neither UTF-8 nor GB18030"):
        read(data, Form.CSV)


def test_lines_may_end_where_reading_them_ahead_stops() -> None:
    for length in range(4080, 4100):
        for end in ("\n", "\r", "\r\n"):
            first = f"标识,名称{end}"
            data = f"{first}one,{'甲' * (length - len(first) - 4)}{end}two,乙{end}".encode()
            assert _ids(read(data)[0]) == ["one", "two"]


# ---------------------------------------------------------------- documents


def test_lines_are_told_by_line_and_column() -> None:
    data = (
        b'{"manifest":"1","id":"one"}\n\n{"manifest":"1","id":"two","kind":"x"}\n{"manifest":"1","id":"one"}\n'
        b'{"manifest":"1"}\nx\n'
    )
    one, two, three, four, five = read(data, Form.NDJSON)[0]
    assert one.manifest is not None
    assert [(problem.place, problem.pointer) for problem in two.problems] == [("3:35", "/kind")]
    assert places(three) == {"4": "标识 one 已在 1"}
    assert places(four) == {"5": "清单没有标识"}
    assert five.problems[0].place == "6:1"


def test_a_line_without_end_is_refused_and_the_next_is_read() -> None:
    data = b'{"manifest":"1","id":"' + b"a" * 700_000 + b'"}\n{"manifest":"1","id":"two"}\n'
    one, two = read(data, Form.NDJSON)[0]
    assert one.problems[0].detail.zh == "超过 256 KiB"
    assert two.id == "two"


def test_a_folder_is_read_in_the_order_of_its_names_without_litter() -> None:
    data = package(
        {
            "b/two.yml": 'manifest: "1"\nid: two\nkind: x\n',
            "a/one.yaml": 'manifest: "1"\nid: one\n',
            "c.json": '{"manifest":"1","id":"three"}',
            "__MACOSX/a/._one.yaml": b"\x00",
            "readme.txt": "x",
        }
    )
    entries, notes = read(data)
    assert [(entry.place, entry.id) for entry in entries] == [
        ("a/one.yaml", "one"),
        ("b/two.yml", None),
        ("c.json", "three"),
    ]
    assert entries[1].problems[0].place == "b/two.yml:3:7"
    assert [note.place for note in notes] == ["readme.txt"]


def test_reading_can_go_on_where_it_stopped() -> None:
    rows = [["标识"], *([f"app-{i}"] for i in range(5)), ["app-1"]]
    for data in (
        workbook({"应用": rows}),
        csv_file(rows),
        b"".join(b'{"manifest":"1","id":"app-%d"}\n' % i for i in (0, 1, 2, 3, 4, 1)),
    ):
        with sheets.opened(io.BytesIO(data)) as file:
            every = list(file.entries())
            assert len(every) == 6
            assert every[5].problems
            assert [list(file.entries(after)) for after in range(7)] == [every[after:] for after in range(7)]


def test_more_problems_than_anybody_reads_are_counted() -> None:
    data = workbook({"应用": [["标识"], ["one", *(["x"] * 300)]]})
    [entry] = read(data)[0]
    assert len(entry.problems) == 100
    assert "另有 201 处" in entry.problems[-1].detail.zh
