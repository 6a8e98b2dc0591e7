"""XLSX: a workbook for those who sort, filter and hand on: the sources, everything told of them, every verdict."""

from __future__ import annotations

from datetime import UTC, datetime, time
from io import BytesIO
from typing import TYPE_CHECKING

from xlsxwriter import Workbook

from services.audit.formats import outline
from services.audit.formats.prose import word
from services.audit.law import Verdict
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from services.audit.formats.checked import Checked
    from services.audit.formats.outline import Outline
    from services.text import Lang

Cell = str | int | None
_LONGEST = 32_767  # characters of a cell
_WIDE = 48
_WIDTHS = {outline.FACT: _WIDE, outline.REMEDY: _WIDE, outline.LAW_TEXT: _WIDE, outline.REASON: _WIDE, outline.RULE: 36}

SOURCES = Text("应用", "apps")
TOLD = Text("问题与待定", "findings and open points")
VERDICTS = Text("逐条判定", "verdicts")


def render(checked: Iterable[Checked], *, lang: Lang, on: date) -> bytes:
    """Give what a check found in some sources as a workbook.

    Args:
        checked: what was found in each.
        lang: language of the workbook.
        on: the day that the workbook is dated, so that the same reports give the same bytes.
    """
    outlines = [outline.outline(each, lang) for each in checked]
    out = BytesIO()
    # What a manifest says is text, whatever it begins with: nothing becomes a formula or a link.
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = Workbook(out, options)
    created = datetime.combine(on, time(), UTC)
    book.set_properties({"title": outline.heading(outline.REPORT, lang), "created": created})
    _sheet(book, SOURCES, _SOURCES_HEAD, _sources(outlines), lang)
    _sheet(book, TOLD, _TOLD_HEAD, _told(outlines), lang)
    _sheet(book, VERDICTS, _VERDICTS_HEAD, _verdicts(outlines), lang)
    book.close()
    return out.getvalue()


_SOURCES_HEAD = (
    *(outline.SOURCE, outline.APP, outline.NAME, outline.OUTCOME, *(word(each) for each in Verdict)),
    *(outline.REASON, outline.DAY, outline.LAW_VERSION, outline.REVISION, outline.HASH),
)
_TOLD_HEAD = (
    *(outline.SOURCE, outline.APP, outline.NAME, outline.VERDICT, outline.PROVISION, outline.RULE, outline.FACT),
    *(outline.REMEDY, outline.PLACE, outline.FIELD, outline.NEIGHBOURS, outline.GRANTS, outline.LAW_TEXT),
)
_VERDICTS_HEAD = (
    *(outline.SOURCE, outline.APP, outline.NAME, outline.PROVISION, outline.RULE, outline.VERDICT, outline.REASON),
)


def _sources(outlines: Sequence[Outline]) -> Iterator[list[Cell]]:
    for each in outlines:
        head: list[Cell] = [each.source, each.app, each.name, each.concluded]
        if each.report is None:
            yield [*head, *([None] * len(Verdict)), "; ".join(item.fact for item in each.problems)]
        else:
            report = each.report
            law = [str(report.on), report.law, report.revision, report.manifest_hash]
            yield [*head, *(count for _, _, count in each.counts), each.reason, *law]


def _told(outlines: Sequence[Outline]) -> Iterator[list[Cell]]:
    for each in outlines:
        for problem in each.problems:
            place = problem.places[0]
            cells: list[Cell] = [problem.fact, problem.remedy, place.address, place.field, None, None, None]
            yield [each.source, None, None, each.concluded, None, None, *cells]
        for section in each.sections:
            for topic in section.topics:
                for item in topic.items:
                    for where in item.places:
                        rule = [section.title, where.rule, where.title]
                        said = [item.fact, item.remedy, where.address, where.field]
                        with_whom = ["\n".join(item.neighbours), "\n".join(item.grants)]
                        yield [each.source, each.app, each.name, *rule, *said, *with_whom, topic.text]


def _verdicts(outlines: Sequence[Outline]) -> Iterator[list[Cell]]:
    for each in outlines:
        for row in each.rows:
            verdict = word(row.verdict).in_(each.lang)
            yield [each.source, each.app, each.name, row.label, row.title, verdict, row.reason]


def _sheet(book: Workbook, title: Text, head: Sequence[Text], rows: Iterable[list[Cell]], lang: Lang) -> None:
    bold = book.add_format({"bold": True, "bg_color": "#F2F2F2", "border": 1, "valign": "vcenter"})
    plain = book.add_format({"text_wrap": True, "valign": "top"})
    sheet = book.add_worksheet(outline.heading(title, lang))
    for column, name in enumerate(head):
        sheet.set_column(column, column, _WIDTHS.get(name, 18), plain)
        sheet.write_string(0, column, outline.heading(name, lang), bold)
    last = 0
    for last, cells in enumerate(rows, start=1):
        for column, cell in enumerate(cells):
            if isinstance(cell, int):
                sheet.write_number(last, column, cell, plain)
            elif cell:
                sheet.write_string(last, column, cell[:_LONGEST], plain)
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, last, len(head) - 1)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
