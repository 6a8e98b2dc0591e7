"""The notice of rectification (整改通知书): what a sponsor has to put right in its apps, and until when, on paper."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from services.audit.formats import outline, pages
from services.audit.formats.prose import sentence
from services.audit.law import Verdict
from services.audit.regulation import LAW
from services.audit.rules import RULES
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from services.audit.formats.checked import Judged
    from services.text import Lang

OBSERVED = Text("核查发现实际与声明不符", "What was observed contradicts the declaration")
_PLACES = {rule.id: place for place, rule in enumerate(RULES)}


@dataclass(frozen=True, slots=True)
class Notice:
    """What a notice says beside the findings.

    Args:
        sponsor: whom it goes to.
        issuer: the authority that sends it.
        issued_on: its date.
        due_on: the last day for rectifying and reporting back.
        number: number of the document (发文字号); None leaves room for it.
        contact: where questions and the answer go; None leaves room for it.
    """

    sponsor: str
    issuer: str
    issued_on: date
    due_on: date
    number: str | None = None
    contact: str | None = None


@dataclass(frozen=True, slots=True)
class Ordered:
    """A recorded finding that is to be rectified.

    Args:
        id: of the finding.
        rule: id of the rule that is broken; None where what was observed contradicts the declaration.
        pointer: JSON pointer of the place.
        fact: what is the case.
        remedy: what would settle it.
        due_on: the last day for it.
        neighbours: ids of the other apps that it involves.
    """

    id: str
    rule: str | None
    pointer: str
    fact: Text
    remedy: Text
    due_on: date
    neighbours: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Topic:
    """The findings of an app that break one rule."""

    label: str | None
    title: Text
    text: Text | None
    findings: tuple[Ordered, ...]


@dataclass(frozen=True, slots=True)
class OrderedApp:
    """An app with recorded findings, and the audit that was recorded last; None where there was none of it alone.

    Args:
        called: what the app is called.
        findings: what is to be rectified.
        on, law, revision, hash: the day judged, the version of the law, the registry revision seen, of what manifest.
    """

    called: str
    findings: tuple[Ordered, ...]
    on: date | None = None
    law: str | None = None
    revision: int | None = None
    hash: str | None = None

    @property
    def topics(self) -> tuple[Topic, ...]:
        """The findings by rule, in the order of the law; what was observed comes last."""
        return tuple(_topics(self.findings))


def render_findings(notice: Notice, apps: Sequence[OrderedApp], *, lang: Lang, version: str) -> bytes:
    """Give the notice on recorded findings in apps of one sponsor as a page to print.

    Each finding is named by its id, under which it is followed until it is rectified.

    Raises:
        ValueError: there is no finding.

    """
    if not any(each.findings for each in apps):
        raise ValueError(f"{notice.sponsor} has nothing to rectify")

    def said(text: Text) -> str:
        return sentence(text, lang)

    return pages.filled("findings_notice.html", lang, notice=notice, outlines=apps, version=version, sentence=said)


def _topics(findings: Sequence[Ordered]) -> Iterator[Topic]:
    def order(finding: Ordered) -> int:
        return _PLACES.get(finding.rule or "", len(RULES))

    for place, told in groupby(sorted(findings, key=order), key=order):
        if place == len(RULES):
            yield Topic(None, OBSERVED, None, tuple(told))
        else:
            rule = RULES[place]
            yield Topic(rule.label, rule.title, LAW.provisions[rule.provision].text, tuple(told))


def render(notice: Notice, apps: Sequence[Judged], *, lang: Lang, version: str) -> bytes:
    """Give the notice on some apps of one sponsor as a page to print.

    Apps without a violation are left out, for a notice orders something; what is undetermined in the others is asked.

    Raises:
        ValueError: no app has a violation, so that there is nothing to rectify.

    """
    outlines = [outline.outline(each, lang) for each in apps if each.report.counts[Verdict.VIOLATION.value]]
    if not outlines:
        raise ValueError(f"no app of {notice.sponsor} has a violation")
    return pages.filled(
        "notice.html", lang, notice=notice, outlines=outlines, version=version, violation=Verdict.VIOLATION
    )
