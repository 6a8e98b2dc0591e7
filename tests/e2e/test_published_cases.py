"""Every published case is judged as its example says, with nothing around it but the apps the case tells of."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from services.audit.engine import report
from services.audit.law import LackKind, Outcome, Report, Verdict
from services.audit.regulation import LAW
from tests import world

CASES = Path(__file__).parents[2] / "examples" / "cases"
PUBLISHED = frozenset(
    {
        "activation-rate-ranked",
        "anti-fraud-quota",
        "attendance-terminal",
        "bought-registrations",
        "changsha-road-safety-clock-in",
        "child-hardship-quota",
        "dongyang-one-visit-many-apps",
        "field-patrol-tracks",
        "five-apps-one-county",
        "jiahe-village-eight-apps",
        "jiangsu-single-function-county-apps",
        "nightly-scores-of-eight-apps",
        "party-study-registration",
        "print-sign-stamp-again",
        "safest-township-vote",
        "sanjin-points-rules",
        "township-work-groups",
        "two-provincial-housing-systems",
        "village-forty-minutes-a-day",
    }
)
EXAMPLES = {path.stem: world.load(path) for path in sorted(CASES.glob("*.yaml"))}


def judged(case: dict[str, Any]) -> Report:
    app = world.manifest(case["app"])
    grants = [world.grant(each, app.id or "") for each in case["grants"]]
    around = [world.manifest(each) for each in case["around"]]
    return report(app, world.neighbourhood(app, around, grants), LAW, date.fromisoformat(case["on"]))


def violated(told: Report) -> set[str]:
    return {ruling.label for ruling in told.rulings if ruling.verdict == Verdict.VIOLATION}


def asked(told: Report) -> set[str]:
    return {
        ruling.label
        for ruling in told.rulings
        if ruling.verdict == Verdict.UNDETERMINED and any(lack.kind == LackKind.PERSON for lack in ruling.lacks)
    }


def expected_outcome(case: dict[str, Any]) -> Outcome:
    if case["out_of_scope"]:
        return Outcome.OUT_OF_SCOPE
    # No published case tells enough for an approval: what was not published stays undeclared.
    return Outcome.RETURN if case["breaks"] else Outcome.REFER


def test_every_published_case_has_its_example() -> None:
    assert EXAMPLES.keys() == PUBLISHED
    for name, case in EXAMPLES.items():
        assert (case["id"], case["app"]["id"]) == (name, name)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_audit_finds_what_the_case_tells(name: str) -> None:
    case = EXAMPLES[name]
    told = judged(case)
    assert (violated(told), asked(told)) == (set(case["breaks"]), set(case["asks"]))
    assert told.outcome == expected_outcome(case)


@pytest.mark.parametrize("name", [name for name, case in EXAMPLES.items() if case["breaks"]])
def test_every_finding_stands_at_a_place_of_the_manifest(name: str) -> None:
    case = EXAMPLES[name]
    for ruling in judged(case).rulings:
        for finding in ruling.findings:
            value: Any = case["app"]
            for part in finding.place.split("/")[1:]:
                value = value[int(part)] if isinstance(value, list) else value[part]
            assert value is not None


@pytest.mark.parametrize("name", [name for name, case in EXAMPLES.items() if case["around"]])
def test_findings_across_apps_name_only_apps_of_the_case(name: str) -> None:
    case = EXAMPLES[name]
    known = {each["id"] for each in case["around"]}
    named = {app for ruling in judged(case).rulings for finding in ruling.findings for app in finding.neighbours}
    assert named <= known
