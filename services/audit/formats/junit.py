"""JUnit XML, in the dialect of Jenkins and GitLab: a source is a suite, a rule is a test case.

A finding fails its case. What is lacking keeps the verdict from being known: the case is an error, which no tool takes
for a pass. An exemption passes and is told in the output; a rule that does not apply is skipped, with the reason.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from services.audit.formats import outline
from services.audit.law import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.audit.formats.checked import Checked
    from services.audit.formats.outline import Item, Outline, Row, Section
    from services.text import Lang

_COUNTED = {"failures": "failure", "errors": "error", "skipped": "skipped"}
# What XML 1.0 has no way to write, escaped or not.
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(checked: Sequence[Checked], *, lang: Lang) -> bytes:
    """Give what a check found in some sources as one JUnit document."""
    suites = [_suite(outline.outline(each, lang)) for each in checked]
    root = Element("testsuites", name="govapp")
    for name in ("tests", *_COUNTED):
        root.set(name, str(sum(int(each.get(name, "0")) for each in suites)))
    root.extend(suites)
    indent(root)
    written: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _suite(each: Outline) -> Element:
    suite = Element("testsuite", name=_writable(each.source))
    if each.report is None:
        _unreadable(suite, each)
    else:
        properties = SubElement(suite, "properties")
        report = each.report
        told = {
            outline.APP: each.called,
            outline.OUTCOME: each.concluded,
            outline.DAY: str(report.on),
            outline.LAW_VERSION: report.law,
            outline.REVISION: "" if report.revision is None else str(report.revision),
            outline.HASH: report.manifest_hash,
        }
        for name, value in told.items():
            SubElement(properties, "property", name=outline.heading(name, each.lang), value=_writable(value))
        _identity(suite, each)
        for row in each.rows:
            _case(suite, each, row)
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    for count, tag in _COUNTED.items():
        suite.set(count, str(sum(case.find(tag) is not None for case in cases)))
    return suite


def _case(suite: Element, each: Outline, row: Row) -> None:
    case = SubElement(suite, "testcase", classname=row.rule, name=_writable(f"{row.label} {row.title}"))
    told = [
        (section, item)
        for section in each.sections
        for topic in section.topics
        for item in topic.items
        if any(place.rule == row.label for place in item.places)
    ]
    match row.verdict:
        case Verdict.VIOLATION | Verdict.UNDETERMINED:
            _failing(case, [each for each in told if not each[0].is_known], row)
            _known(case, [item for section, item in told if section.is_known], row, each.lang)
        case Verdict.NOT_APPLICABLE:
            SubElement(case, "skipped", message=_writable(row.reason or ""))
        case Verdict.EXEMPT:
            SubElement(case, "system-out").text = _writable("\n".join(_lines(item, row.label) for _, item in told))
        case Verdict.COMPLIANT:
            pass


def _failing(case: Element, told: Sequence[tuple[Section, Item]], row: Row) -> None:
    broken = [item for section, item in told if section.kind is Verdict.VIOLATION]
    lacking = [item for section, item in told if section.kind is not Verdict.VIOLATION]
    if broken:
        _told(case, "failure", Verdict.VIOLATION.value, [*broken, *lacking], row.label)
    elif lacking:
        _told(case, "error", Verdict.UNDETERMINED.value, lacking, row.label)


def _known(case: Element, items: Sequence[Item], row: Row, lang: Lang) -> None:
    """Tell what a baseline knows, in a case that is skipped unless something new fails it."""
    if not items:
        return
    if len(case) == 0:
        SubElement(case, "skipped", message=_writable(outline.heading(outline.KNOWN, lang)))
    SubElement(case, "system-out").text = _writable("\n".join(_lines(item, row.label) for item in items))


def _told(case: Element, tag: str, kind: str, items: Sequence[Item], label: str | None) -> None:
    message = "; ".join(item.fact for item in items)
    SubElement(case, tag, type=kind, message=_writable(message)).text = _writable(
        "\n".join(_lines(item, label) for item in items)
    )


def _lines(item: Item, label: str | None) -> str:
    places = [each for each in item.places if each.rule == label]
    return "\n".join([*(f"{each.address}  {item.fact}" for each in places), *([item.remedy] if item.remedy else [])])


def _identity(suite: Element, each: Outline) -> None:
    """Tell what is lacking to know that the app is one at all: it belongs to no rule, and must not be lost."""
    lacking = [
        (section, item)
        for section in each.sections
        for topic in section.topics
        for item in topic.items
        if any(place.rule is None for place in item.places)
    ]
    if lacking:
        case = SubElement(suite, "testcase", classname="identity", name=outline.heading(outline.IDENTITY, each.lang))
        fresh = [item for section, item in lacking if not section.is_known]
        if fresh:
            _told(case, "error", "identity", fresh, None)
        else:
            SubElement(case, "skipped", message=_writable(outline.heading(outline.KNOWN, each.lang)))


def _unreadable(suite: Element, each: Outline) -> None:
    case = SubElement(suite, "testcase", classname="unreadable", name=outline.heading(outline.UNREADABLE, each.lang))
    _told(case, "error", "unreadable", each.problems, None)


def _writable(text: str) -> str:
    return _UNWRITABLE.sub("\ufffd", text)
