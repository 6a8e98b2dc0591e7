"""Promises that hold for every rule and every provision; a new one cannot be forgotten."""

from __future__ import annotations

import ast
import hashlib
import re
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from services.audit import rules
from services.audit.engine import decide
from services.audit.law import Rule, Strength, Verdict
from services.audit.regulation import LAW, burden_2024
from services.audit.rules import RULES
from services.manifest import fields
from tests import world
from tests.unit.audit.test_rule_examples import EXEMPLARY, case_of

if TYPE_CHECKING:
    from services.audit.law import Finding, Lack

EXAMPLES: dict[str, list[dict[str, Any]]] = {rule.id: world.load(world.RULES / f"{rule.id}.yaml") for rule in RULES}
EVERY_RULE = pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])

LABELS = [
    *(f"12.{i}" for i in range(1, 12)),
    *(f"13.{i}" for i in range(1, 7)),
    "13.7a",
    "13.7b",
    "13.7c",
    *(f"14.{i}" for i in range(1, 7)),
]

# What each edition of the law's data says. A changed text, day, strength or number needs a new edition and a new line
# here, so that a law version named in an old report never changes its meaning.
EDITIONS = {"burden-2024.1": "9d4d0bd5ad6a2dafdca01a5c1d137dce708589d32337c169bab8c1f41a8198a7"}


def test_all_26_rules_stand_in_the_order_of_the_law() -> None:
    assert [rule.label for rule in RULES] == LABELS


def test_every_provision_has_a_rule_and_every_rule_a_provision() -> None:
    assert list(dict.fromkeys(rule.provision for rule in RULES)) == list(LAW.provisions)
    assert len(LAW.provisions) == 24


def test_the_law_says_nothing_new_under_an_old_version() -> None:
    data = orjson.dumps(LAW.instruments, option=orjson.OPT_SORT_KEYS)
    assert {LAW.version: hashlib.sha256(data).hexdigest()} == EDITIONS


def test_every_number_rests_on_a_provision() -> None:
    for number in burden_2024.INSTRUMENT.numbers:
        assert number.provision in LAW.provisions
        assert str(number.value) in LAW.provisions[number.provision].text.zh


@EVERY_RULE
def test_id_is_the_file_and_says_no_article(rule: Rule) -> None:
    path = Path(rules.__path__[0]) / f"{rule.id}.py"
    assert path.is_file()
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", rule.id)


@EVERY_RULE
def test_every_rule_has_a_page_in_both_languages(rule: Rule) -> None:
    for text in (rule.title, rule.page, rule.nothing):
        assert re.search(r"[\u4e00-\u9fff]", text.zh)
        assert re.search(r"[A-Za-z]", text.en)
        assert not re.search(r"[\u4e00-\u9fff]", text.en.replace("一表通", "")) or text is rule.page
    assert not rule.title.zh.endswith("。")


@EVERY_RULE
def test_no_rule_hides_a_day_or_a_number_of_the_law(rule: Rule) -> None:
    tree = ast.parse((Path(rules.__path__[0]) / f"{rule.id}.py").read_text(encoding="utf-8"))
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert "date" not in called
    constants = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and type(node.value) is int}
    assert constants <= {0, 1}


@EVERY_RULE
def test_every_rule_has_examples_of_what_it_can_say(rule: Rule) -> None:
    examples = EXAMPLES[rule.id]
    names = [example["example"] for example in examples]
    assert len(names) == len(set(names))
    verdicts = {example["verdict"] for example in examples}
    assert {"violation", "undetermined"} <= verdicts
    assert verdicts & {"compliant", "exempt", "not_applicable"}
    if LAW.provisions[rule.provision].strength in {Strength.PRINCIPLE, Strength.NECESSITY} or rule.provision == "13.7":
        assert "exempt" in verdicts


@EVERY_RULE
def test_every_rule_binds_from_its_first_day_on(rule: Rule) -> None:
    first = LAW.provisions[rule.provision].from_on
    for example in EXAMPLES[rule.id]:
        case = case_of({**example, "on": str(first - timedelta(days=1))})
        assert decide(rule, case).verdict is Verdict.NOT_APPLICABLE
    bound = [case_of({**example, "on": str(first)}) for example in EXAMPLES[rule.id]]
    assert any(decide(rule, case).verdict is not Verdict.NOT_APPLICABLE for case in bound)


@EVERY_RULE
def test_every_rule_points_at_fields_that_exist_and_speaks_both_languages(rule: Rule) -> None:
    for example in EXAMPLES[rule.id]:
        ruling = decide(rule, case_of(example))
        marks: tuple[Finding | Lack, ...] = (*ruling.findings, *ruling.lacks)
        for mark in marks:
            assert fields.title(mark.place).zh
            for text in (mark.fact, mark.remedy):
                assert re.search(r"[\u4e00-\u9fff]", text.zh), text
                assert re.search(r"[A-Za-z]", text.en), text
        for exemption in ruling.exemptions:
            assert fields.title(exemption.place).zh


@EVERY_RULE
def test_no_answer_of_the_registry_is_never_a_pass_where_it_was_needed(rule: Rule) -> None:
    for example in EXAMPLES[rule.id]:
        with_registry = decide(rule, case_of(example))
        without = decide(rule, case_of({**example, "registry": "unreachable"}))
        if _needs_registry(with_registry.lacks):
            assert without.verdict is Verdict.UNDETERMINED
        if with_registry.verdict is Verdict.EXEMPT and any(each.grants for each in with_registry.exemptions):
            assert without.verdict is Verdict.UNDETERMINED


def _needs_registry(lacks: tuple[Lack, ...]) -> bool:
    return any(lack.kind == "registry" for lack in lacks)


@pytest.mark.parametrize("name", EXEMPLARY)
def test_the_exemplary_apps_are_approved(name: str) -> None:
    from services.audit.engine import report  # noqa: PLC0415

    base = EXEMPLARY[name]
    app = world.manifest(base["app"])
    grants = [world.grant(each, app.id or "") for each in base["grants"]]
    around = [world.manifest(each) for each in base["around"]]
    judged = report(app, world.neighbourhood(app, around, grants), LAW, date(2026, 3, 1))
    assert judged.outcome == "approve", [
        r for r in judged.rulings if r.verdict in {Verdict.VIOLATION, Verdict.UNDETERMINED}
    ]
