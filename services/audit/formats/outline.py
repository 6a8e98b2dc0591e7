"""The outline of a report: what a person reads, in one order and with one set of words, before any markup.

Text, Markdown, pages, workbooks and notices all write this outline, so that a thing has the same name in all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from services.audit.formats.checked import Refused
from services.audit.formats.prose import line, sentence, word
from services.audit.law import Exemption, LackKind, Outcome, Verdict
from services.manifest import fields
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from services.audit.formats.checked import Checked, Judged
    from services.audit.law import Finding, Lack, Report, Ruling
    from services.text import Lang

Kind = Verdict | LackKind
"""What a section is about."""

LACKS = {
    LackKind.DECLARATION: Text("缺少声明", "declarations lacking"),
    LackKind.REGISTRY: Text("缺少登记信息", "lacking from the registry"),
    LackKind.PERSON: Text("需要人工判断", "questions to a person"),
}
IDENTITY = Text("适用范围", "scope")
KNOWN = Text("基线已知", "known by the baseline")
UNREADABLE = Text("无法读取", "cannot be read")
REMEDY = Text("改正", "remedy")
TO_DO = Text("处理", "to do")
OUTCOME = Text("结论", "outcome")
SUMMARY = Text("合计", "in all")
NEIGHBOURS = Text("涉及的其他应用", "other apps involved")
GRANTS = Text("依据的批准", "grants relied on")
FIELD = Text("字段", "field")
PLACE = Text("位置", "place")
RULE = Text("规则", "rule")
PROVISION = Text("条款", "provision")
LAW_TEXT = Text("条文", "text of the law")
VERDICT = Text("判定", "verdict")
FACT = Text("事实", "fact")
APP = Text("应用", "app")
NAME = Text("名称", "name")
SOURCE = Text("来源", "source")
DAY = Text("判定日", "day judged")
LAW_VERSION = Text("法规版本", "version of the law")
REVISION = Text("登记版本", "registry revision")
NO_REVISION = Text("未取得登记系统的答复", "no answer of the registry")
HASH = Text("清单摘要", "hash of the manifest")
REASON = Text("理由", "reason")
REPORT = Text("审查报告", "report")


@dataclass(frozen=True, slots=True)
class Where:
    """A place of a manifest, and the rule that looked at it.

    Args:
        source: what was read; the id of the app when it was no file.
        line, column: where in the source, from 1; None when it has no lines.
        pointer: JSON pointer.
        steady: the same place, named so that it stays when positions in lists move.
        field: what the field is called.
        rule: label of the rule; None where the app itself is in question.
        title: the compliant state that the rule checks.
    """

    source: str
    line: int | None
    column: int | None
    pointer: str
    steady: str
    field: str
    rule: str | None = None
    title: str | None = None

    @property
    def address(self) -> str:
        """`source:line:column`, which editors open; without lines the pointer takes their place."""
        if self.line is None:
            return f"{self.source}#{line(self.pointer)}"
        return f"{self.source}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that is told: what is the case, what to do about it, and everywhere it holds."""

    fact: str
    remedy: str | None
    places: tuple[Where, ...]
    neighbours: tuple[str, ...] = ()
    grants: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Topic:
    """What is told under one rule. Things lacking stand by themselves: one answer may serve many rules."""

    items: tuple[Item, ...]
    rule: str | None = None
    label: str | None = None
    title: str | None = None
    provision: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """What has one verdict, or is lacking in one way; `count` counts the things told.

    What a baseline knows stands in sections of its own: `is_known`.
    """

    kind: Kind
    title: str
    count: int
    topics: tuple[Topic, ...]
    is_known: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One rule and its verdict: every rule is accounted for, those with nothing to tell included."""

    rule: str
    label: str
    title: str
    verdict: Verdict
    reason: str | None


@dataclass(frozen=True, slots=True)
class Outline:
    """A report, or what keeps a source from being read, in one language.

    A source that cannot be read has no report: `outcome` is None then, and `problems` tells why.
    """

    lang: Lang
    source: str
    app: str | None = None
    name: str | None = None
    report: Report | None = None
    sections: tuple[Section, ...] = ()
    rows: tuple[Row, ...] = ()
    problems: tuple[Item, ...] = ()

    @property
    def outcome(self) -> Outcome | None:
        """What the report amounts to; None when there is none."""
        return None if self.report is None else self.report.outcome

    @property
    def called(self) -> str:
        """What the app is called: its name and id as far as it declares them, else the source."""
        return " ".join(each for each in (self.name, self.app) if each) or self.source

    @property
    def concluded(self) -> str:
        """The outcome in a word."""
        return (UNREADABLE if self.outcome is None else word(self.outcome)).in_(self.lang)

    @property
    def seen(self) -> str:
        """Which registry revision the report saw, in words."""
        revision = None if self.report is None else self.report.revision
        return NO_REVISION.in_(self.lang) if revision is None else f"{REVISION.in_(self.lang)} {revision}"

    @property
    def counts(self) -> tuple[tuple[Verdict, str, int], ...]:
        """Every verdict, what it is called, and how many rules gave it."""
        counts = {} if self.report is None else self.report.counts
        return tuple((each, word(each).in_(self.lang), counts[each]) for each in Verdict) if counts else ()

    @property
    def reason(self) -> str | None:
        """Why the app is out of scope or not running."""
        reason = None if self.report is None else self.report.reason
        return None if reason is None else sentence(reason, self.lang)


def outline(checked: Checked, lang: Lang) -> Outline:
    """Give the outline of what a check gave for one source."""
    if isinstance(checked, Refused):
        return _refused(checked, lang)
    report = checked.report
    return Outline(
        lang=lang,
        source=line(checked.source),
        app=None if report.app is None else line(report.app),
        name=None if report.name is None else line(report.name),
        report=report,
        sections=tuple(_all_sections(checked, lang)),
        rows=tuple(_row(each, lang) for each in report.rulings),
    )


def totals(outlines: Sequence[Outline], lang: Lang) -> list[tuple[Outcome | None, str, int]]:
    """Count the sources by outcome, in the order of `Outcome`, those that cannot be read last; none is left out."""
    outcomes = [each.outcome for each in outlines]
    found: list[tuple[Outcome | None, str, int]] = [
        (each, word(each).in_(lang), outcomes.count(each)) for each in Outcome if each in outcomes
    ]
    if None in outcomes:
        found.append((None, UNREADABLE.in_(lang), outcomes.count(None)))
    return found


def heading(text: Text, lang: Lang) -> str:
    """Give a name as it stands alone: in English with a capital."""
    said = text.in_(lang)
    return f"{said[:1].upper()}{said[1:]}"


def _row(ruling: Ruling, lang: Lang) -> Row:
    reason = None if ruling.reason is None else sentence(ruling.reason, lang)
    return Row(ruling.rule, ruling.label, line(ruling.title.in_(lang)), ruling.verdict, reason)


def _refused(refused: Refused, lang: Lang) -> Outline:
    source = line(refused.source)
    problems = (
        Item(
            sentence(each.detail, lang),
            sentence(each.remedy, lang),
            (Where(source, each.line, each.column, each.pointer, each.pointer, _field(each.pointer, lang)),),
        )
        for each in refused.problems
    )
    return Outline(lang=lang, source=source, problems=tuple(problems))


def _field(pointer: str, lang: Lang) -> str:
    """Name a field; a place that no manifest has is named by its pointer."""
    try:
        return fields.title(pointer).in_(lang)
    except KeyError:
        return line(pointer)


def _all_sections(judged: Judged, lang: Lang) -> Iterator[Section]:
    """Give what is new first, then what a baseline knows."""
    yield from _Sections(judged, judged.fresh or judged.report, lang).all()
    if judged.known is not None:
        for each in _Sections(judged, replace(judged.known, rulings=_without_exemptions(judged.known)), lang).all():
            yield replace(each, title=f"{each.title} · {KNOWN.in_(lang)}", is_known=True)


def _without_exemptions(report: Report) -> tuple[Ruling, ...]:
    return tuple(replace(each, exemptions=()) for each in report.rulings)


class _Sections:
    """The sections of one report, or a part of it, in one language."""

    def __init__(self, judged: Judged, report: Report, lang: Lang) -> None:
        self._judged = judged
        self._report = report
        self._lang = lang
        self._source = line(judged.source)

    def all(self) -> Iterator[Section]:
        """Give the sections that have something to tell: violations, what is lacking, exemptions."""
        rulings = self._report.rulings
        yield from self._by_rule(Verdict.VIOLATION, [(each, told) for each in rulings for told in each.findings])
        lacks: list[tuple[Ruling | None, Lack]] = [(None, lack) for lack in self._report.lacks]
        lacks += [(each, lack) for each in rulings for lack in each.lacks]
        for kind, title in LACKS.items():
            if items := tuple(self._lacking(told for told in lacks if told[1].kind is kind)):
                yield Section(kind, heading(title, self._lang), len(items), (Topic(items),))
        yield from self._by_rule(Verdict.EXEMPT, [(each, told) for each in rulings for told in each.exemptions])

    def _by_rule(self, verdict: Verdict, told: Sequence[tuple[Ruling, Finding | Exemption]]) -> Iterator[Section]:
        if told:
            topics = tuple(
                self._topic(group[0][0], [each for _, each in group])
                for group in (list(each) for _, each in groupby(told, key=_label))
            )
            yield Section(verdict, heading(word(verdict), self._lang), len(told), topics)

    def _topic(self, ruling: Ruling, told: Iterable[Finding | Exemption]) -> Topic:
        return Topic(
            items=tuple(self._item(ruling, each) for each in told),
            rule=ruling.rule,
            label=ruling.label,
            title=line(ruling.title.in_(self._lang)),
            provision=ruling.provision,
            text=line(ruling.text.in_(self._lang)),
        )

    def _item(self, ruling: Ruling, told: Finding | Exemption) -> Item:
        places = (self._where(told.place, ruling),)
        if isinstance(told, Exemption):
            return Item(sentence(told.reason, self._lang), None, places, grants=_lines(told.grants))
        return Item(sentence(told.fact, self._lang), sentence(told.remedy, self._lang), places, _lines(told.neighbours))

    def _lacking(self, told: Iterable[tuple[Ruling | None, Lack]]) -> Iterator[Item]:
        """Tell each thing that is lacking once, with all the places and rules that need it."""
        groups: dict[tuple[str, str], list[tuple[Ruling | None, Lack]]] = {}
        for ruling, each in told:
            said = sentence(each.fact, self._lang), sentence(each.remedy, self._lang)
            groups.setdefault(said, []).append((ruling, each))
        for (fact, remedy), needed in groups.items():
            neighbours = dict.fromkeys(each for _, lack in needed for each in _lines(lack.neighbours))
            places = tuple(self._where(each.place, ruling) for ruling, each in needed)
            yield Item(fact, remedy, places, tuple(neighbours))

    def _where(self, pointer: str, ruling: Ruling | None) -> Where:
        positions = self._judged.positions
        row, column = (None, None) if positions is None else positions.of(pointer)
        rule, title = (None, IDENTITY) if ruling is None else (ruling.label, ruling.title)
        steady, field = self._judged.steady(pointer), _field(pointer, self._lang)
        return Where(self._source, row, column, pointer, steady, field, rule, line(title.in_(self._lang)))


def _label(told: tuple[Ruling, object]) -> str:
    return told[0].label


def _lines(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(line(each) for each in texts)
