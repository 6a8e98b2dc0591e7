"""What rules read of a case together is the same that each of them reads alone."""

from __future__ import annotations

from typing import Any

import pytest

from services.audit.engine import decide
from services.audit.law import Case, Rule
from services.audit.readings.once import listed_once, once
from services.audit.rules import RULES
from tests.unit.audit.test_rule_examples import EXAMPLES, case_of


@pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])
def test_a_rule_decides_alike_alone_and_after_all_others(rule: Rule) -> None:
    for _, example in (each for each in EXAMPLES if each[0] is rule):
        shared = case_of(example)
        for other in reversed(RULES):
            decide(other, shared)
        alone = Case(shared.manifest, shared.neighbourhood, shared.law, shared.on)
        assert decide(rule, shared) == decide(rule, alone)


def test_a_reading_is_made_once_for_each_case() -> None:
    made: list[Any] = []

    @once
    def reading(case: Case) -> None:
        made.append(case)

    @listed_once
    def listing(case: Case) -> list[Case]:
        made.append(case)
        return [case]

    one, other = (case_of(EXAMPLES[0][1]) for _ in range(2))
    for case in (one, one, other):
        assert reading(case) is None
        assert listing(case) == (case,)
    assert [each is one for each in made] == [True, True, False, False]
