"""Formats that people file: each holds everything a report tells, under the same names, and others can read it."""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import replace
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import html5lib
import openpyxl
import pytest
from junitparser import Error, Failure, JUnitXml, Skipped

from services.audit.engine import report
from services.audit.formats import gitlab, html, junit, markdown, oscal, outline, workbook
from services.audit.formats.checked import Judged
from services.audit.formats.notice import Notice
from services.audit.formats.notice import render as notice
from services.audit.formats.rendering import FORMATS, FormatName, render
from services.audit.law import Exemption, Finding, Lack, Verdict
from services.audit.regulation import LAW
from services.audit.rules import RULES
from services.manifest.reading import read
from services.text import Lang, Text
from tests.unit.audit.test_formats import JUDGED, LANGUAGES, ON, real, refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.audit.formats.checked import Checked

EXAMPLES = Path(__file__).parents[3] / "examples"
HOSTILE = "<script>alert(1)</script> =cmd|' /C calc'!A0 [x](http://e.example) | `y` @all \u202e"


def hostile() -> Judged:
    """Judge an app whose every text tries to be more than text."""
    document = {
        "manifest": "1",
        "id": "hostile",
        "name": HOSTILE.replace("\u202e", ""),
        "kind": "app",
        "stage": "online",
    }
    reading = read(json.dumps(document).encode(), media="json")
    made = JUDGED.report
    told = Finding("/name", Text(HOSTILE, HOSTILE), Text(HOSTILE, HOSTILE), (HOSTILE,))
    first = replace(made.rulings[0], findings=(told,), lacks=())
    return Judged(
        "=1+1.yaml",
        replace(made, name=HOSTILE, rulings=(first, *made.rulings[1:])),
        reading.positions,
        reading.manifest,
    )


EVERY: list[Checked] = [JUDGED, refused(), real(), hostile()]


def written(format: FormatName, lang: Lang, checked: list[Checked] = EVERY) -> bytes:
    """Write some sources in a format."""
    return render(checked, format, lang=lang, version="1.2.3", on=ON)


def text_of(format: FormatName, content: bytes) -> str:
    """Give all text that a file of a format shows, without its markup."""
    if format == "xlsx":
        book = openpyxl.load_workbook(BytesIO(content))
        return "\n".join(str(cell.value) for sheet in book for row in sheet for cell in row if cell.value is not None)
    if format == "html":
        document = html5lib.HTMLParser(strict=True).parse(content)
        return "\n".join(document.itertext())
    if format == "markdown":
        return re.sub(r"\\([\\`*_{}\[\]<>|~@&$#.:+=)-])", r"\1", content.decode())
    if format == "junit":
        return "\n".join(value for each in elements(content) for value in (*each.attrib.values(), each.text or ""))
    if format == "json":
        return "\n".join(strings([json.loads(line) for line in content.splitlines()]))
    if format in {"sarif", "gitlab", "oscal"}:
        return "\n".join(strings(json.loads(content)))
    return content.decode()


def elements(content: bytes) -> Iterator[Any]:
    """Give every element of an XML document."""
    from xml.etree.ElementTree import fromstring  # noqa: PLC0415 - our own document, read by the standard library

    return fromstring(content).iter()  # noqa: S314 - our own document


def strings(document: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    """Give every text of a JSON document."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict):
        for each in document.values():
            yield from strings(each)
    elif isinstance(document, list):
        for each in document:
            yield from strings(each)


def told(judged: Judged) -> Iterator[tuple[Text, Text | None]]:
    """Give everything a report tells: what is the case, and what to do."""
    every: list[Finding | Lack | Exemption] = list(judged.report.lacks)
    for ruling in judged.report.rulings:
        every += [*ruling.findings, *ruling.lacks, *ruling.exemptions]
    for each in every:
        yield (each.reason, None) if isinstance(each, Exemption) else (each.fact, each.remedy)


# ---------------------------------------------------------------- promises of every format


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("format", FORMATS)
def test_every_format_tells_everything_that_a_report_tells(format: FormatName, lang: Lang) -> None:
    shown = "".join(text_of(format, written(format, lang)).split()).casefold()
    for judged in (each for each in EVERY if isinstance(each, Judged) and each.source != "=1+1.yaml"):
        for fact, remedy in told(judged):
            for said in (fact, remedy):
                if said is not None:
                    wanted = said.in_(lang).replace("\x1b", "" if format == "json" else "\\x1b")
                    assert "".join(wanted.split()).casefold() in shown.replace("\x1b", ""), (format, said)


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_tells_why_a_source_cannot_be_read(format: FormatName) -> None:
    shown = text_of(format, written(format, "zh", [refused()]))
    assert "nmae" in shown
    assert "bad.yaml" in shown


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_reports_give_the_same_bytes(format: FormatName) -> None:
    assert written(format, "zh") == written(format, "zh")


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_takes_no_source_and_names_no_other_language(format: FormatName) -> None:
    assert written(format, "en", []) or format == "json"
    if format not in {"json", "oscal"}:
        assert "结论" not in text_of(format, written(format, "en"))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_same_things_have_the_same_names(lang: Lang) -> None:
    each = outline.outline(JUDGED, lang)
    titles = [section.title for section in each.sections]
    assert titles
    for format in ("text", "markdown", "html", "xlsx"):
        shown = text_of(format, written(format, lang, [JUDGED]))
        for title in (*titles, each.concluded):
            assert title in shown, (format, title)


# ---------------------------------------------------------------- each format


def test_html_runs_nothing_and_fetches_nothing() -> None:
    page = html.render(EVERY, lang="zh", version="1.2.3").decode()
    assert "<script" not in page
    assert not re.search(r"""(src|href)\s*=\s*["'](?!#)""", page)
    assert "url(" not in page
    assert "&lt;script&gt;" in page


def test_html_has_a_section_for_every_source_and_links_to_it() -> None:
    document = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(
        html.render(EVERY, lang="zh", version="1.2.3")
    )
    sections = [each.get("id") for each in document.iter("section")]
    assert sections == ["1", "2", "3", "4"]
    assert [each.get("href") for each in document.iter("a")] == [f"#{each}" for each in sections]
    assert [each.get("lang") for each in document.iter("html")] == ["zh-CN"]


def test_markdown_leaves_nothing_of_a_manifest_as_markup() -> None:
    page = markdown.render([hostile()], lang="zh")
    assert "<script" not in page.replace("\\<", "")
    assert "](" not in page.replace("\\]", "")
    assert not re.search(r"(?<!\\)[`@]", page)


def test_markdown_keeps_plain_text_plain() -> None:
    assert markdown.escaped("2026-03-01 市.级 (一) 3. x:y") == "2026-03-01 市.级 (一) 3. x:y"
    assert markdown.escaped("1. x") == "1\\. x"
    assert markdown.escaped("- x") == "\\- x"
    assert (
        markdown.escaped("https://e.example :smile: www.e.example") == "https\\://e.example \\:smile: www\\.e.example"
    )


def test_a_workbook_has_no_formula_and_no_link() -> None:
    book = openpyxl.load_workbook(BytesIO(workbook.render(EVERY, lang="zh", on=ON)))
    for sheet in book:
        assert sheet.freeze_panes == "A2"
        assert sheet.auto_filter.ref is not None
        for row in sheet:
            for cell in row:
                assert cell.data_type != "f", cell.coordinate
                assert cell.hyperlink is None
    assert book.worksheets[0]["A5"].value == "=1+1.yaml"


def test_a_workbook_accounts_for_every_rule_of_every_source() -> None:
    book = openpyxl.load_workbook(BytesIO(workbook.render([real()], lang="en", on=ON)))
    sources, _, verdicts = book.worksheets
    assert verdicts.max_row == 1 + len(RULES)
    counted = {head.value: cell.value for head, cell in zip(sources[1], sources[2], strict=True)}
    assert sum(counted[outline.heading(Text(each.zh, each.en), "en")] for each in Verdict) == len(RULES)


def test_junit_fails_what_is_violated_and_passes_nothing_that_is_unknown() -> None:
    suite = next(iter(JUnitXml.fromstring(junit.render([JUDGED], lang="zh"))))
    found = {
        case.name.split()[0]: [type(each) for each in case.result] for case in suite if case.classname != "identity"
    }
    first, second, third, fourth = (rule.label for rule in RULES[:4])
    assert found[first] == [Failure]
    assert found[second] == [Error]
    assert found[third] == []
    assert found[fourth] == [Skipped]
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (5, 1, 2, 1)


def test_junit_counts_a_source_that_cannot_be_read_as_an_error() -> None:
    document = JUnitXml.fromstring(junit.render([refused(), real()], lang="zh"))
    assert [suite.errors > 0 for suite in document] == [True, True]
    assert document.errors == sum(suite.errors for suite in document)


def test_gitlab_gets_a_path_a_line_and_its_own_fingerprint_for_every_issue() -> None:
    issues = json.loads(gitlab.render(EVERY, lang="zh"))
    assert {each["severity"] for each in issues} == {"critical", "major", "minor", "info", "blocker"}
    assert len({each["fingerprint"] for each in issues}) == len(issues)
    assert all(each["location"]["path"] and each["location"]["lines"]["begin"] >= 1 for each in issues)
    assert all(each["description"] and each["check_name"] for each in issues)


def test_a_report_without_a_file_is_told_by_pointers() -> None:
    unread = replace(JUDGED, source="example-app", positions=None)
    for format in FORMATS:
        assert "features" in text_of(format, written(format, "zh", [unread]))
    assert "example-app#/features/0/kind" in written("text", "zh", [unread]).decode()


# ---------------------------------------------------------------- OSCAL, judged by NIST's metaschemas


def violations_of_oscal(content: bytes) -> list[Any]:
    """Give what a validator that is not ours holds against an OSCAL document."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from oscal import OSCAL  # noqa: PLC0415 - it takes a second, which only these tests need

        document = OSCAL.loads(content.decode())
        if not document.is_valid:
            return list(document.validation_errors) or ["not valid"]
    return []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_law_is_a_valid_oscal_catalog(lang: Lang) -> None:
    content = oscal.catalog(lang)
    assert violations_of_oscal(content) == []
    group = json.loads(content)["catalog"]["groups"][0]
    labels = [control["props"][0]["value"] for control in group["controls"]]
    assert labels == list(LAW.provisions)
    objectives = [part["id"] for control in group["controls"] for part in control["parts"][1:]]
    assert sorted(objectives) == sorted(rule.id for rule in RULES)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_reports_are_valid_oscal_assessment_results(lang: Lang) -> None:
    content = oscal.render(EVERY, lang=lang, version="1.2.3", on=ON)
    assert violations_of_oscal(content) == []
    first = json.loads(content)["assessment-results"]["results"][0]
    states = {each["target"]["target-id"]: each["target"]["status"]["state"] for each in first["findings"]}
    assert states == {RULES[0].id: "not-satisfied", RULES[1].id: "not-satisfied", RULES[2].id: "satisfied"}
    left_out = [each["value"] for each in first["props"] if each["name"] == "not-applicable"]
    assert left_out == [RULES[3].id]


def test_the_validator_finds_what_is_wrong() -> None:
    document = json.loads(oscal.render([JUDGED], lang="zh", version="1", on=ON))
    del document["assessment-results"]["results"][0]["start"]
    assert violations_of_oscal(json.dumps(document).encode())


def test_findings_of_oscal_refer_to_what_was_observed() -> None:
    for each in json.loads(oscal.render([JUDGED, real()], lang="zh", version="1", on=ON))["assessment-results"][
        "results"
    ]:
        observed = {one["uuid"] for one in each["observations"]}
        assert len(observed) == len(each["observations"])
        for finding in each["findings"]:
            for related in finding.get("related-observations", ()):
                assert related["observation-uuid"] in observed


# ---------------------------------------------------------------- notices


def violating() -> Judged:
    """Judge an app that breaks a rule."""
    content = (EXAMPLES / "catalogue" / "example-city-appraisal.yaml").read_bytes()
    reading = read(content, media="yaml")
    return Judged("appraisal.yaml", report(reading.manifest, None, LAW, ON), reading.positions, reading.manifest)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_notice_orders_what_is_violated_with_text_remedy_and_date(lang: Lang) -> None:
    judged = violating()
    about = Notice("示例县某局", "示例市数据局", date(2026, 3, 2), date(2026, 4, 30), "示数〔2026〕1号")
    page = notice(about, [judged, real()], lang=lang, version="1")
    shown = "\n".join(html5lib.HTMLParser(strict=True).parse(page).itertext())
    for wanted in (
        "示例县某局",
        "示例市数据局",
        "2026-03-02",
        "2026-04-30",
        "示数〔2026〕1号",
        "example-city-appraisal",
    ):
        assert wanted in shown
    broken = [each for each in judged.report.rulings if each.findings]
    assert broken
    for ruling in broken:
        assert ruling.text.in_(lang) in shown
    assert "example-city-duty" not in shown  # it breaks nothing


def test_a_notice_without_a_violation_is_refused() -> None:
    about = Notice("示例县某局", "示例市数据局", date(2026, 3, 2), date(2026, 4, 30))
    with pytest.raises(ValueError, match="no app of 示例县某局"):
        notice(about, [real()], lang="zh", version="1")
