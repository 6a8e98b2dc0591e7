"""Answers of persons: what each makes of a verdict, and of which questions alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from services.audit.answers import OF_A_CHECK, OF_A_GATE, Answer, Question
from services.audit.engine import questions, report
from services.audit.law import LackKind, Outcome, Verdict
from services.audit.regulation import LAW
from services.manifest.neighbourhood import Grant, GrantKind, Neighbourhood
from tests import world

ON = date(2026, 3, 1)
CENTRAL = world.load(world.RULES / "exemplary.yaml")["central"]["app"]
ALONE = Neighbourhood(1, ())


def seen(document: dict[str, Any]) -> Neighbourhood:
    return world.neighbourhood(world.manifest(document), ())


def asked(document: dict[str, Any], around: Neighbourhood | None = None) -> tuple[Question, ...]:
    return questions(world.manifest(document), around or seen(document), LAW, ON)


def judge(document: dict[str, Any], answers: dict[str, Answer]) -> dict[str, Verdict]:
    found = report(world.manifest(document), seen(document), LAW, ON, answers)
    return {each.rule: each.verdict for each in found.rulings}


GATED = world.changed(CENTRAL, {"/sponsor/nature": "mass_organisation"})
RENAMED = world.changed(CENTRAL, {"/features/0/name": "签到打卡"})


def test_nobody_is_asked_about_an_exemplary_app() -> None:
    assert asked(CENTRAL) == ()


def test_every_question_of_a_report_is_asked_and_no_other() -> None:
    for document in (GATED, RENAMED, CENTRAL):
        found = report(world.manifest(document), seen(document), LAW, ON)
        lacking = {
            (each.rule, lack.place, lack.fact)
            for each in found.rulings
            for lack in each.lacks
            if lack.kind is LackKind.PERSON
        }
        assert {(each.rule, each.place, each.fact) for each in asked(document)} == lacking


def test_whether_a_provision_addresses_the_app_is_answered_as_such() -> None:
    gates = [each for each in asked(GATED) if each.answers == OF_A_GATE]
    assert gates
    before = judge(GATED, {})
    applicable = judge(GATED, {each.id: Answer.APPLICABLE for each in gates})
    not_applicable = judge(GATED, {each.id: Answer.NOT_APPLICABLE for each in gates})
    exemplary = judge(CENTRAL, {})
    for rule in {each.rule for each in gates}:
        assert before[rule] is Verdict.UNDETERMINED
        assert not_applicable[rule] is Verdict.NOT_APPLICABLE
        # Once it is addressed, everything else that the rule says counts again.
        assert applicable[rule] is exemplary[rule]


def test_what_a_check_asks_is_answered_as_such() -> None:
    found = asked(RENAMED)
    assert found
    assert {each.answers for each in found} == {OF_A_CHECK}
    compliant = judge(RENAMED, {each.id: Answer.COMPLIANT for each in found})
    violation = judge(RENAMED, {each.id: Answer.VIOLATION for each in found})
    for rule in {each.rule for each in found}:
        assert compliant[rule] is Verdict.COMPLIANT
        assert violation[rule] is Verdict.VIOLATION


def test_answers_to_other_questions_change_nothing() -> None:
    strange = {"q-" + "0" * 32: Answer.VIOLATION}
    plain = report(world.manifest(RENAMED), seen(RENAMED), LAW, ON)
    assert report(world.manifest(RENAMED), seen(RENAMED), LAW, ON, strange) == plain


def test_an_answer_lifts_no_violation() -> None:
    broken = world.changed(RENAMED, {"/consolidation": None, "/opened_functions": "none"})
    found = asked(broken)
    before = judge(broken, {})
    after = judge(broken, {each.id: Answer.COMPLIANT for each in found})
    assert Verdict.VIOLATION in before.values() or Verdict.UNDETERMINED in before.values()
    untouched = {rule for rule in before if rule not in {each.rule for each in found}}
    assert {rule: after[rule] for rule in untouched} == {rule: before[rule] for rule in untouched}


@pytest.mark.parametrize(
    ("change", "is_the_same"),
    [
        ({"/name": "改名"}, True),
        ({"/asks": [{"code": "other"}]}, True),
        ({"/features/0/name": "打卡签到"}, False),
        ({"/features/0/audience": ["own_staff"]}, False),
    ],
)
def test_a_question_is_the_same_while_words_and_facts_are(change: dict[str, Any], is_the_same: bool) -> None:  # noqa: FBT001
    before = {each.id for each in asked(RENAMED) if each.place.startswith("/features/0")}
    after = {each.id for each in asked(world.changed(RENAMED, change))}
    assert before
    assert (before <= after) is is_the_same


def test_a_grant_makes_it_another_question() -> None:
    grant = Grant("g", CENTRAL["id"], GrantKind.APPROVAL, "示例审批局", "示例批文", ON, ON)
    around = seen(RENAMED)
    plain, granted = asked(RENAMED, around), asked(RENAMED, replace(around, grants=(grant,)))
    assert len(plain) == len(granted)
    assert not {each.id for each in plain} & {each.id for each in granted}


def test_nobody_is_asked_about_what_the_law_leaves_aside() -> None:
    outside = world.changed(GATED, {"/kind": "work_group"})
    assert questions(world.manifest(outside), ALONE, LAW, ON) == ()
    assert report(world.manifest(outside), ALONE, LAW, ON).outcome is Outcome.OUT_OF_SCOPE
