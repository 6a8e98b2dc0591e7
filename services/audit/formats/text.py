"""Text: a report for a person at a terminal, or in a pipe. Every place is `file:line:column`, which editors open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.audit.formats import outline
from services.audit.law import LackKind, Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.audit.formats.checked import Checked
    from services.audit.formats.outline import Item, Outline, Section, Where
    from services.audit.law import Report
    from services.text import Lang, Text

_RED, _GREEN, _YELLOW, _BLUE, _BOLD, _DIM = "31", "32", "33", "36", "1", "2"
_COLOURS = {
    Verdict.VIOLATION: _RED,
    Verdict.UNDETERMINED: _YELLOW,
    Verdict.EXEMPT: _BLUE,
    Verdict.COMPLIANT: _GREEN,
    Verdict.NOT_APPLICABLE: _DIM,
}
_OUTCOME_COLOURS = {Outcome.APPROVE: _GREEN, Outcome.RETURN: _RED, Outcome.REFER: _YELLOW}


class _Page:
    """The lines of one text in one language."""

    def __init__(self, lang: Lang, *, is_coloured: bool) -> None:
        self.lang: Lang = lang
        self.lines: list[str] = []
        self._is_coloured = is_coloured

    def paint(self, text: str, *colours: str) -> str:
        return f"\x1b[{';'.join(colours)}m{text}\x1b[0m" if self._is_coloured and colours else text

    def add(self, text: str = "", indent: int = 0) -> None:
        self.lines.append(f"{' ' * indent}{text}".rstrip())

    def say(self, zh: str, en: str) -> str:
        return zh if self.lang == "zh" else en

    def named(self, name: Text, text: str) -> str:
        return f"{outline.heading(name, self.lang)}{self.say('：', ': ')}{text}"


def render(checked: Sequence[Checked], *, lang: Lang, is_coloured: bool = False) -> str:
    """Give what a check found in some sources, in their order.

    Args:
        checked: what was found in each.
        lang: language of the text.
        is_coloured: whether it goes to a terminal that understands colours.
    """
    page = _Page(lang, is_coloured=is_coloured)
    outlines = [outline.outline(each, lang) for each in checked]
    for each in outlines:
        if page.lines:
            page.add()
        if each.report is None:
            _refused(page, each)
        else:
            _judged(page, each, each.report)
    if len(outlines) > 1:
        counted = (f"{said} {count}" for _, said, count in outline.totals(outlines, lang))
        page.add()
        page.add(page.say(f"共 {len(outlines)} 份：", f"{len(outlines)} in all: ") + " · ".join(counted))
    return "\n".join(page.lines) + "\n"


def _refused(page: _Page, refused: Outline) -> None:
    page.add(page.paint(refused.source, _BOLD))
    for each in refused.problems:
        page.add(f"{each.places[0].address}  {each.fact}", 2)
        _remedy(page, each, 4)
    page.add()
    count = len(refused.problems)
    page.add(
        page.paint(
            page.say(f"无法读取：{count} 处问题", f"Cannot be read: {count} problem{'s' * (count > 1)}"), _BOLD, _RED
        )
    )


def _judged(page: _Page, judged: Outline, report: Report) -> None:
    called = " ".join(each for each in (judged.name, judged.app) if each)
    page.add(" ".join(each for each in (page.paint(judged.source, _BOLD), called) if each))
    page.add(page.paint(f"{report.on} · {report.law} · {judged.seen}", _DIM), 2)
    for section in judged.sections:
        page.add()
        colour = _YELLOW if isinstance(section.kind, LackKind) else _COLOURS[section.kind]
        page.add(page.paint(f"{section.title} {section.count}", _BOLD, colour))
        _section(page, section)
    page.add()
    counts = (
        page.paint(f"{said} {count}", *([_COLOURS[verdict]] if count else [])) for verdict, said, count in judged.counts
    )
    page.add(" · ".join(counts))
    if judged.reason is not None:
        page.add(judged.reason)
    concluded = page.named(outline.OUTCOME, judged.concluded)
    page.add(page.paint(concluded, _BOLD, _OUTCOME_COLOURS.get(report.outcome, _DIM)))


def _section(page: _Page, section: Section) -> None:
    for topic in section.topics:
        if topic.label is None:
            for item in topic.items:
                _lack(page, item)
            continue
        page.add(_called(page, topic.label, topic.title), 2)
        if section.kind is Verdict.VIOLATION:
            page.add(page.paint(f"“{topic.text}”", _DIM), 4)
        for item in topic.items:
            grants = f" ({', '.join(item.grants)})" if item.grants else ""
            page.add(f"{item.places[0].address}  {item.fact}{grants}", 4)
            _remedy(page, item, 6)


def _lack(page: _Page, item: Item) -> None:
    page.add(item.fact, 2)
    page.add(page.named(outline.TO_DO, item.remedy or ""), 4)
    for each in item.places:
        page.add(f"{each.address}  {_rule(page, each)}", 4)


def _remedy(page: _Page, item: Item, indent: int) -> None:
    if item.remedy is not None:
        page.add(page.named(outline.REMEDY, item.remedy), indent)


def _rule(page: _Page, where: Where) -> str:
    return page.paint(where.title or "", _BOLD) if where.rule is None else _called(page, where.rule, where.title)


def _called(page: _Page, label: str, title: str | None) -> str:
    return f"{page.paint(label, _BOLD)} {title}"
