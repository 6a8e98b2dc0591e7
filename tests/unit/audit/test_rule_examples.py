"""Every rule gives the expected verdict on each of its examples, for the reasons the example names."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from services.audit.engine import decide
from services.audit.law import Case, Finding, Lack, Rule
from services.audit.regulation import LAW
from services.audit.rules import RULES
from tests import world

EXEMPLARY = world.load(world.RULES / "exemplary.yaml")
EXAMPLES = [(rule, example) for rule in RULES for example in world.load(world.RULES / f"{rule.id}.yaml")]


def case_of(example: dict[str, Any]) -> Case:
    """Make the case of an example: the smallest change to an exemplary app and the registry around it."""
    base = EXEMPLARY[example.get("app", "local")]
    app = world.manifest(world.changed(base["app"], example.get("set", {})))
    known = base["around"] if example.get("keep_around", True) else []
    around = [world.manifest(each) for each in [*known, *example.get("around", [])]]
    kept = base["grants"] if example.get("keep_grants", True) else []
    grants = [world.grant(each, app.id or "") for each in [*kept, *example.get("grants", [])]]
    unreachable = example.get("registry") == "unreachable"
    seen = None if unreachable else world.neighbourhood(app, around, grants, example.get("limit", 100))
    return Case(app, seen, LAW, date.fromisoformat(example.get("on", "2026-03-01")))


@pytest.mark.parametrize(
    ("rule", "example"), EXAMPLES, ids=[f"{rule.label}-{example['example']}" for rule, example in EXAMPLES]
)
def test_example(rule: Rule, example: dict[str, Any]) -> None:
    ruling = decide(rule, case_of(example))
    assert ruling.verdict.value == example["verdict"], ruling
    assert [each.place for each in ruling.findings] == example.get("findings", []), ruling
    lacks = [[each.kind.value, each.place] for each in ruling.lacks]
    assert lacks == example.get("lacks", []), ruling
    told: tuple[Finding | Lack, ...] = (*ruling.findings, *ruling.lacks)
    for name in example.get("names", []):
        assert any(name in each.neighbours for each in told), ruling
    for word in example.get("says", []):
        assert any(word in each.fact.zh for each in told), ruling
