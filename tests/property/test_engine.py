"""What the engine promises for every valid manifest, whatever the registry answers.

`make test ARGS=tests/property` tries the same examples in every run; with `PROPERTY_EXAMPLES=20000` before it, each
test hunts for as many new ones.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.audit.engine import report
from services.audit.law import Outcome, Report, Verdict
from services.audit.regulation import LAW
from services.audit.rules import RULES
from services.manifest import fields
from tests.property import naive
from tests.property.changes import a_claim_made, a_fact_declared, reordered, reshuffled
from tests.property.pools import THEMES, Theme
from tests.property.strategies import World, any_answers, grants, worlds

HUNTED = os.environ.get("PROPERTY_EXAMPLES")
UNDETERMINED = Verdict.UNDETERMINED
VIOLATION = Verdict.VIOLATION


def tried(examples: int) -> settings:
    """Try so many examples, the same in every run; in a hunt as many new ones as demanded."""
    return settings(
        max_examples=int(HUNTED or examples),
        derandomize=HUNTED is None,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )


def judged(world: World) -> Report:
    """Report on a world's app."""
    return report(world.manifest(), world.neighbourhood(), LAW, world.on)


def verdicts(told: Report) -> dict[str, Verdict]:
    """Give the verdict of every rule by its label."""
    return {ruling.label: ruling.verdict for ruling in told.rulings}


def sizes(told: Report) -> dict[str, tuple[Verdict, int, int, int]]:
    """Give the verdict of every rule with the numbers of what led to it."""
    return {
        each.label: (each.verdict, len(each.findings), len(each.lacks), len(each.exemptions)) for each in told.rulings
    }


def test_every_rule_has_its_naive_twin() -> None:
    assert [rule.label for rule in RULES] == list(naive.RULES)


@pytest.mark.parametrize("theme", THEMES, ids=[theme.name for theme in THEMES])
@tried(250)
@given(st.data())
def test_every_verdict_is_that_of_the_naive_evaluator(theme: Theme, data: st.DataObject) -> None:
    world = data.draw(worlds((theme,)))
    expected = naive.verdicts(world.manifest(), world.neighbourhood(), world.on)
    for ruling in judged(world).rulings:
        verdict, kinds = expected[ruling.label]
        assert ruling.verdict == verdict, ruling
        if ruling.verdict == UNDETERMINED:
            assert {lack.kind.value for lack in ruling.lacks} == kinds, ruling


@tried(200)
@given(st.data(), worlds())
def test_no_answer_makes_a_rule_raise_or_differ(data: st.DataObject, world: World) -> None:
    manifest, answer = world.manifest(), data.draw(any_answers(world))
    expected = naive.verdicts(manifest, answer, world.on)
    assert {label: verdict for label, (verdict, _) in expected.items()} == verdicts(
        report(manifest, answer, LAW, world.on)
    )


@tried(100)
@given(worlds())
def test_the_same_input_gives_the_same_bytes(world: World) -> None:
    assert orjson.dumps(judged(world)) == orjson.dumps(judged(world))


@tried(250)
@given(worlds(), st.randoms(use_true_random=False))
def test_order_decides_nothing(world: World, chance: random.Random) -> None:
    mixed = reordered(world, chance).manifest()
    answer = reshuffled(world.neighbourhood(), chance)
    assert sizes(report(mixed, answer, LAW, world.on)) == sizes(judged(world))


@tried(250)
@given(st.data(), worlds())
def test_a_grant_more_never_adds_a_violation(data: st.DataObject, world: World) -> None:
    more = data.draw(grants(data.draw(st.sampled_from(THEMES)), 9))
    before, after = verdicts(judged(world)), verdicts(judged(replace(world, grants=(*world.grants, more))))
    assert [label for label in after if after[label] == VIOLATION != before[label]] == []


@tried(700)
@given(st.data(), worlds())
def test_declaring_a_fact_only_changes_what_was_undetermined(data: st.DataObject, world: World) -> None:
    change = a_fact_declared(data.draw, world)
    before, after = verdicts(judged(world)), verdicts(judged(change.world))
    # Of a feature said not to be the main carrier, rhythm and scope are what makes a person look again (14.4).
    evidence = {"14.4"} if change.part == "Feature" and change.name in {"rhythm", "all_users"} else set()
    changed = {label for label in before if before[label] != after[label]} - evidence
    assert {label: (before[label], after[label]) for label in changed if before[label] != UNDETERMINED} == {}, change


@tried(250)
@given(st.data(), worlds())
def test_making_a_claim_never_adds_a_violation(data: st.DataObject, world: World) -> None:
    change = a_claim_made(data.draw, world)
    before, after = verdicts(judged(world)), verdicts(judged(change.world))
    assert [label for label in after if after[label] == VIOLATION != before[label]] == [], change


@tried(250)
@given(worlds())
def test_the_outcome_follows_from_the_verdicts_and_the_counts_add_up(world: World) -> None:
    told = judged(world)
    found = verdicts(told)
    assert list(found) == [rule.label for rule in RULES]
    assert told.counts == {verdict.value: Counter(found.values())[verdict] for verdict in Verdict}
    if told.outcome in {Outcome.OUT_OF_SCOPE, Outcome.NOT_RUNNING}:
        assert set(found.values()) == {Verdict.NOT_APPLICABLE}
    elif VIOLATION in found.values():
        assert told.outcome == Outcome.RETURN
    elif UNDETERMINED in found.values() or told.lacks:
        assert told.outcome == Outcome.REFER
    else:
        assert told.outcome == Outcome.APPROVE


@tried(250)
@given(worlds())
def test_what_a_verdict_rests_on_is_told(world: World) -> None:
    for ruling in judged(world).rulings:
        told = {
            VIOLATION: ruling.findings,
            UNDETERMINED: ruling.lacks,
            Verdict.EXEMPT: ruling.exemptions,
            Verdict.NOT_APPLICABLE: ruling.reason,
            Verdict.COMPLIANT: True,
        }
        assert told[ruling.verdict], ruling
        assert ruling.verdict == VIOLATION or not ruling.findings, ruling


@tried(250)
@given(st.data(), worlds())
def test_what_the_registry_keeps_back_only_leaves_a_verdict_open(data: st.DataObject, world: World) -> None:
    """Without the registry, or without a part of its answers on ties, a verdict stays as it was or is undetermined."""
    full = replace(world, is_reachable=True, silent=(), told=(), limit=100)
    tie = data.draw(st.sampled_from(("department:", "item:", "platform:", "sector:")))
    short = data.draw(
        st.sampled_from(
            (
                replace(full, is_reachable=False),
                replace(full, silent=(tie,)),
                replace(full, told=((tie, data.draw(st.integers(0, 1))),)),
            )
        )
    )
    known, open_ = judged(full), judged(short)
    for before, after in zip(known.rulings, open_.rulings, strict=True):
        if after.verdict != before.verdict:
            assert after.verdict == UNDETERMINED, (before, after)
            assert any(lack.kind == "registry" for lack in after.lacks), (before, after)


@tried(250)
@given(worlds())
def test_every_place_told_exists(world: World) -> None:
    for ruling in judged(world).rulings:
        places = [
            *(each.place for each in ruling.findings),
            *(each.place for each in ruling.lacks),
            *(each.place for each in ruling.exemptions),
        ]
        for place in places:
            fields.title(place)
            assert _stands(place, world.app), ruling


def _stands(pointer: str, node: Any) -> bool:  # noqa: ANN401 - any part of a document
    """Tell whether every index of a pointer is that of an entry; fields below what is undeclared may be missing."""
    for step in pointer.split("/")[1:]:
        if isinstance(node, list):
            if not step.isdigit() or int(step) >= len(node):
                return False
            node = node[int(step)]
        elif step.isdigit():
            return False
        else:
            node = node.get(step) if isinstance(node, dict) else None
    return True
