"""Differences: nothing differs from itself, and what is new and gone makes one report of the other."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from services.audit.differences import Cause, difference
from services.audit.engine import report
from services.audit.law import Outcome, Verdict
from services.audit.regulation import LAW
from services.audit.suppositions import supposed
from services.manifest import ties
from tests import world

if TYPE_CHECKING:
    from services.audit.law import Report

EXEMPLARY = world.load(world.RULES / "exemplary.yaml")
BARE = {"id": "example", "kind": "app", "stage": "online", "faces_grassroots": True}
KINDS = ("check_in", "points_ranking", "query", "data_reporting", "photo_upload")

features = st.lists(
    st.fixed_dictionaries(
        {"id": st.sampled_from("abcd"), "kind": st.sampled_from(KINDS)},
        optional={"forced": st.booleans(), "rhythm": st.sampled_from(["none", "daily"])},
    ),
    max_size=4,
    unique_by=lambda each: each["id"],
)
reports = st.builds(
    lambda features, on: report(world.manifest({**BARE, "features": features}), None, LAW, on),
    features,
    st.sampled_from([date(2026, 3, 1), date(2024, 8, 5)]),
)


@given(reports)
def test_nothing_differs_from_itself(one: Report) -> None:
    same = difference(one, one, is_neighbourhood_same=True)
    assert (same.rulings, same.causes) == ((), ())
    assert not same.lacks


@given(reports, reports)
def test_what_is_new_and_gone_makes_one_report_of_the_other(one: Report, other: Report) -> None:
    forth = difference(one, other, is_neighbourhood_same=True)
    back = difference(other, one, is_neighbourhood_same=True)
    assert (forth.before, forth.after) == (back.after, back.before)
    assert {each.rule for each in forth.newly_violated} == {each.rule for each in back.no_longer_violated}
    changed = {each.rule: each for each in forth.rulings}
    for before, after in zip(one.rulings, other.rulings, strict=True):
        if before.rule not in changed:
            assert (before.verdict, before.findings, before.lacks) == (after.verdict, after.findings, after.lacks)
            continue
        each = changed[before.rule]
        assert (each.before, each.after) == (before.verdict, after.verdict)
        for name in ("findings", "lacks", "exemptions"):
            told: Any = getattr(each, name)
            assert Counter(getattr(before, name)) - Counter(told.gone) + Counter(told.new) == Counter(
                getattr(after, name)
            )
    causes = set(forth.causes)
    assert (Cause.MANIFEST in causes) == (one.manifest_hash != other.manifest_hash)
    assert (Cause.DAY in causes) == (one.on != other.on)


@given(st.lists(st.sampled_from(["a", "b", "c"]), unique=True), st.lists(st.sampled_from(["a", "b", "c"]), unique=True))
def test_supposed_drafts_stand_as_if_they_were_registered(registered: list[str], drafted: list[str]) -> None:
    central = world.manifest(EXEMPLARY["central"]["app"])
    others = {
        name: world.manifest({**EXEMPLARY["central"]["app"], "id": f"other-{name}", "name": f"{name}号"})
        for name in "abc"
    }
    drafts = [
        each.model_copy(update={"begun_on": date(2026, 1, 5)}) for name, each in others.items() if name in drafted
    ]
    before = world.neighbourhood(central, [others[name] for name in registered])
    found = supposed(before, ties.questions(central), drafts, app=central.id)
    standing = [others[name] for name in registered if name not in drafted]
    wanted = world.neighbourhood(central, [*standing, *drafts])
    for each, other in zip(found.ties, wanted.ties, strict=True):
        assert (each.tie, each.total) == (other.tie, other.total)
        assert sorted(each.neighbours, key=lambda one: one.app) == list(other.neighbours)
    one, two = (report(central, each, LAW, date(2026, 3, 1)) for each in (found, wanted))
    assert one == two
    violated = {each.rule for each in one.rulings if each.verdict is Verdict.VIOLATION}
    assert ("several_apps_per_department" in violated) == bool(registered or drafted)
    assert (one.outcome is Outcome.RETURN) == bool(violated)
