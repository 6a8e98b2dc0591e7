"""What cells declare, and what is refused because it cannot be known any more."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from services.registry.sheets.cell_texts import writer
from services.registry.sheets.cells import Misread, Raw, Unusable, read
from services.registry.sheets.layout import Column, tables
from services.text import Text


def _column(heading: str, table: str = "应用") -> Column:
    return next(
        column for each in tables() if each.title.zh == table for column in each.columns if column.heading.zh == heading
    )


@pytest.mark.parametrize(
    ("heading", "raw", "value"),
    [
        ("名称", " 示例应用 ", "示例应用"),
        ("名称", "'无", "无"),
        ("名称", "'=1+1", "=1+1"),
        ("名称", "无", "无"),
        ("名称", "   ", None),
        ("名称", 2024, "2024"),
        ("名称", 3.0, "3"),
        ("投诉渠道", "无", "none"),
        ("投诉渠道", "NONE", "none"),
        ("投诉渠道", "'无", "无"),
        ("面向基层", "是", True),
        ("面向基层", "√", True),
        ("面向基层", "×", False),
        ("面向基层", "No", False),
        ("面向基层", False, False),
        ("面向基层", 1, True),
        ("阶段", "已上线", "online"),
        ("阶段", "Online", "online"),
        ("主办单位·层级", "乡镇(街道)", "township"),
        ("主办单位·垂直管理", "无", "none"),
        ("主办单位·垂直管理", "非垂直管理", "none"),
        ("到达层级", "县级、乡镇（街道）；村（社区）", ["county", "township", "village"]),
        ("到达层级", "无", []),
        ("服务区域", "33，3307\n330783", ["33", "3307", "330783"]),
        ("服务区域", "全国", [""]),
        ("服务区域", 330700, ["330700"]),
        ("主办单位·所在行政区划代码", 330000.0, "330000"),
        ("主办单位·所在行政区划代码", "３３", "33"),
        ("上线日期", "2024-8-6", "2024-08-06"),
        ("上线日期", "2024年8月6日", "2024-08-06"),
        ("上线日期", "2024/08/06 0:00", "2024-08-06"),
        ("上线日期", 20240806, "2024-08-06"),
        ("上线日期", date(2024, 8, 6), "2024-08-06"),
        ("上线日期", datetime(2024, 8, 6, 9, 30), "2024-08-06"),  # noqa: DTZ001 - a spreadsheet knows no zone
        ("互联互通的地方平台·对接对象", "甲、乙", ["甲", "乙"]),
        ("互联互通的地方平台·对接对象", "'甲、乙\n丙", ["甲、乙", "丙"]),
        ("向地方开放的功能项", "无", "none"),
        ("登记号", 12, 12),
        ("立项审核", "有", True),
        ("立项审核", "无", "none"),
    ],
)
def test_a_cell_declares(heading: str, raw: Raw, value: object) -> None:
    assert read(_column(heading), raw) == value


@pytest.mark.parametrize(
    ("heading", "raw", "said", "remedy"),
    [
        ("名称", 1.1, "可能已不是原来所写", "设为文本格式"),
        ("名称", 10**17, "可能已不是原来所写", "设为文本格式"),
        ("名称", date(2024, 1, 2), "这里是日期 2024-01-02", "设为文本格式"),
        ("名称", True, "这里是逻辑值 TRUE", "设为文本格式"),
        ("名称", "/", "既不是“无”，也没有说出“名称”", "留空"),
        ("名称", "x" * 40_000, "超过一格最多的", "短一些"),
        ("投诉渠道", "——", "既不是“无”", "声明没有的写“无”"),
        ("主办单位·统一社会信用代码", "9.13301E+17", "很长的数", "设为文本格式"),
        ("主办单位·统一社会信用代码", 913300000000000000, "可能已不是原来所写", "设为文本格式"),
        ("主办单位·统一社会信用代码", "91330000000000000X", "校验位", "设为文本格式"),
        ("面向基层", "也许", "“也许”不是“面向基层”可填的值", "写“是”或“否”"),
        ("阶段", "上线", "“上线”不是“阶段”可填的值", "是否为 已上线"),
        ("到达层级", "县级、乡镇", "“乡镇”不是", "是否为 乡镇（街道）"),
        ("功能", "大概", "不是“功能”可填的值", "写“有”或“无”"),
        ("主办单位", "无", "不是“主办单位”可填的值", "写“有”"),
        ("服务区域", "浙江省", "不是“服务区域”可填的值", "位数字的代码"),
        ("上线日期", "2024年8月", "不是“上线日期”可填的值", "2025-03-01"),
        ("上线日期", "2024-02-30", "没有 2024-02-30 这一天", "查对"),
        ("上线日期", 2024, "不是“上线日期”可填的值", "2025-03-01"),
        ("上线日期", 0.5, "不是“上线日期”可填的值", "2025-03-01"),
        ("登记号", "最新", "不是“登记号”可填的值", "整数"),
        ("名称", Unusable(Text("公式出错", "a formula went wrong"), Text("更正", "correct it")), "公式出错", "更正"),
    ],
)
def test_a_cell_is_refused_with_what_to_do(heading: str, raw: Raw, said: str, remedy: str) -> None:
    with pytest.raises(Misread) as caught:
        read(_column(heading), raw)
    assert said in caught.value.detail.zh
    assert remedy in caught.value.remedy.zh
    assert caught.value.detail.en
    assert caught.value.remedy.en


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@a", "\tx", "\rx", "＝1", "＋1", "－1", "＠a", "'x"])
def test_a_text_that_could_run_as_a_formula_is_written_so_that_it_cannot(text: str) -> None:
    column = _column("说明", "功能")
    written = writer(column, "zh")(text)
    assert written == f"'{text}"
    assert read(column, written) == text


def test_a_list_whose_first_value_could_run_is_written_so_that_it_cannot() -> None:
    column = _column("互联互通的地方平台·对接对象")
    written = writer(column, "zh")(["=cmd", "乙"])
    assert written.startswith("'")
    assert read(column, written) == ["=cmd", "乙"]
