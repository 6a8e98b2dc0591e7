"""Text: a report for a person at a terminal, or in a pipe. Every place is `file:line:column`, which editors open."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from services.audit.formats.checked import Refused
from services.audit.formats.prose import line, sentence, word
from services.audit.law import LackKind, Outcome, Verdict
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from services.audit.formats.checked import Checked, Judged
    from services.audit.law import Exemption, Finding, Lack, Report, Ruling
    from services.text import Lang

_RED, _GREEN, _YELLOW, _BLUE, _BOLD, _DIM = "31", "32", "33", "36", "1", "2"
_COLOURS = {
    Verdict.VIOLATION: _RED,
    Verdict.UNDETERMINED: _YELLOW,
    Verdict.EXEMPT: _BLUE,
    Verdict.COMPLIANT: _GREEN,
    Verdict.NOT_APPLICABLE: _DIM,
}
_OUTCOME_COLOURS = {Outcome.APPROVE: _GREEN, Outcome.RETURN: _RED, Outcome.REFER: _YELLOW}
_LACKS = {
    LackKind.DECLARATION: Text("缺少声明", "Declarations lacking"),
    LackKind.REGISTRY: Text("缺少登记信息", "Lacking from the registry"),
    LackKind.PERSON: Text("需要人工判断", "Questions to a person"),
}
_IDENTITY = Text("适用范围", "scope")


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

    def heading(self, text: Text, count: int, colour: str) -> None:
        self.add()
        said = text.in_(self.lang)
        self.add(self.paint(f"{said[:1].upper()}{said[1:]} {count}", _BOLD, colour))


def render(checked: Sequence[Checked], *, lang: Lang, is_coloured: bool = False) -> str:
    """Give what a check found in some sources, in their order.

    Args:
        checked: what was found in each.
        lang: language of the text.
        is_coloured: whether it goes to a terminal that understands colours.
    """
    page = _Page(lang, is_coloured=is_coloured)
    for each in checked:
        if page.lines:
            page.add()
        if isinstance(each, Refused):
            _refused(page, each)
        else:
            _judged(page, each)
    if len(checked) > 1:
        _total(page, checked)
    return "\n".join(page.lines) + "\n"


def _refused(page: _Page, refused: Refused) -> None:
    page.add(page.paint(line(refused.source), _BOLD))
    for each in refused.problems:
        page.add(f"{line(refused.source)}:{each.line}:{each.column}  {sentence(each.detail, page.lang)}", 2)
        page.add(f"{page.say('改正：', 'Remedy: ')}{sentence(each.remedy, page.lang)}", 4)
    page.add()
    count = len(refused.problems)
    page.add(
        page.paint(
            page.say(f"无法读取：{count} 处问题", f"Cannot be read: {count} problem{'s' * (count > 1)}"), _BOLD, _RED
        )
    )


def _judged(page: _Page, judged: Judged) -> None:
    report = judged.report
    _title(page, judged)
    broken = [(ruling, each) for ruling in report.rulings for each in ruling.findings]
    if broken:
        page.heading(word(Verdict.VIOLATION), len(broken), _RED)
        _findings(page, judged, broken)
    every: list[tuple[Ruling | None, Lack]] = [(None, lack) for lack in report.lacks]
    every += [(ruling, lack) for ruling in report.rulings for lack in ruling.lacks]
    for kind, title in _LACKS.items():
        _lacks(page, judged, title, [told for told in every if told[1].kind is kind])
    exempt = [(ruling, each) for ruling in report.rulings for each in ruling.exemptions]
    if exempt:
        page.heading(word(Verdict.EXEMPT), len(exempt), _BLUE)
        _exemptions(page, judged, exempt)
    page.add()
    _outcome(page, report)


def _title(page: _Page, judged: Judged) -> None:
    report = judged.report
    called = " ".join(line(each) for each in (report.name, report.app) if each)
    page.add(" ".join(each for each in (page.paint(line(judged.source), _BOLD), called) if each))
    seen = (
        page.say("未取得登记系统的答复", "no answer of the registry")
        if report.revision is None
        else page.say(f"登记版本 {report.revision}", f"registry revision {report.revision}")
    )
    page.add(
        page.paint(page.say(f"{report.on} · {report.law} · {seen}", f"{report.on} · {report.law} · {seen}"), _DIM), 2
    )


def _findings(page: _Page, judged: Judged, told: Iterable[tuple[Ruling, Finding]]) -> None:
    for _, group in groupby(told, key=_label):
        entries = list(group)
        ruling = entries[0][0]
        page.add(_called(page, ruling), 2)
        page.add(page.paint(page.say(f"“{line(ruling.text.zh)}”", f"“{line(ruling.text.en)}”"), _DIM), 4)
        for _, each in entries:
            page.add(f"{_place(judged, each.place)}  {sentence(each.fact, page.lang)}", 4)
            page.add(f"{page.say('改正：', 'Remedy: ')}{sentence(each.remedy, page.lang)}", 6)


def _lacks(page: _Page, judged: Judged, title: Text, told: Iterable[tuple[Ruling | None, Lack]]) -> None:
    """Say each thing that is lacking once, with all the places and rules that need it."""
    groups: dict[tuple[str, str], list[tuple[Ruling | None, Lack]]] = {}
    for ruling, each in told:
        said = sentence(each.fact, page.lang), sentence(each.remedy, page.lang)
        groups.setdefault(said, []).append((ruling, each))
    if groups:
        page.heading(title, len(groups), _YELLOW)
    for (fact, remedy), needed in groups.items():
        page.add(fact, 2)
        page.add(f"{page.say('处理：', 'To do: ')}{remedy}", 4)
        for ruling, each in needed:
            page.add(f"{_place(judged, each.place)}  {_called(page, ruling)}", 4)


def _exemptions(page: _Page, judged: Judged, told: Iterable[tuple[Ruling, Exemption]]) -> None:
    for _, group in groupby(told, key=_label):
        entries = list(group)
        page.add(_called(page, entries[0][0]), 2)
        for _, each in entries:
            grants = f" ({', '.join(line(grant) for grant in each.grants)})" if each.grants else ""
            page.add(f"{_place(judged, each.place)}  {sentence(each.reason, page.lang)}{grants}", 4)


def _label(told: tuple[Ruling, object]) -> str:
    return told[0].label


def _called(page: _Page, ruling: Ruling | None) -> str:
    if ruling is None:
        return page.paint(_IDENTITY.in_(page.lang), _BOLD)
    return f"{page.paint(ruling.label, _BOLD)} {line(ruling.title.in_(page.lang))}"


def _place(judged: Judged, pointer: str) -> str:
    position = judged.positions.of(pointer)
    return f"{line(judged.source)}:{position.line}:{position.column}"


def _outcome(page: _Page, report: Report) -> None:
    counts = " · ".join(
        page.paint(
            f"{word(verdict).in_(page.lang)} {report.counts[verdict]}",
            *([_COLOURS[verdict]] if report.counts[verdict] else []),
        )
        for verdict in Verdict
    )
    page.add(counts)
    if report.reason is not None:
        page.add(sentence(report.reason, page.lang))
    said = page.say(f"结论：{report.outcome.zh}", f"Outcome: {report.outcome.en}")
    page.add(page.paint(said, _BOLD, _OUTCOME_COLOURS.get(report.outcome, _DIM)))


def _total(page: _Page, checked: Sequence[Checked]) -> None:
    outcomes = [None if isinstance(each, Refused) else each.report.outcome for each in checked]
    parts = [f"{word(each).in_(page.lang)} {outcomes.count(each)}" for each in Outcome if each in outcomes]
    if unread := outcomes.count(None):
        parts.append(page.say(f"无法读取 {unread}", f"cannot be read {unread}"))
    page.add()
    page.add(page.say(f"共 {len(checked)} 份：", f"{len(checked)} in all: ") + " · ".join(parts))
