"""Baselines: what is known is shown apart, only what is new fails, and moving a list item makes nothing new."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from junitparser import JUnitXml, Skipped

from services.audit import baseline
from services.audit.engine import report
from services.audit.formats import gitlab, junit, sarif, text
from services.audit.formats.checked import Judged
from services.audit.identity import steady
from services.audit.law import LackKind, Verdict
from services.audit.regulation import LAW
from services.manifest.reading import read
from tests.unit.audit.test_formats import refused

if TYPE_CHECKING:
    from collections.abc import Sequence

ON = date(2026, 3, 1)
CHECK_IN = {"id": "clock", "name": "打卡", "kind": "check_in", "forced": True, "audience": ["public_servants"]}
UPLOADS = {"id": "photos", "name": "上传", "kind": "photo_upload", "forced": True}


def judged(*features: dict[str, Any], source: str = "app.json", **declared: Any) -> Judged:  # noqa: ANN401 - any field
    """Judge an app with these features."""
    document = {"manifest": "1", "id": "example", "kind": "app", "stage": "online", "features": features, **declared}
    reading = read(orjson.dumps(document), media="json")
    return Judged(source, report(reading.manifest, None, LAW, ON), reading.positions, reading.manifest)


def feature(id: str, kind: str = "check_in") -> dict[str, Any]:
    """Make a feature that forces its users."""
    return {"id": id, "kind": kind, "forced": True}


def told_apart(before: Sequence[Judged], after: Sequence[Judged]) -> list[Judged]:
    """Tell what the baseline of one check knows of another."""
    known = baseline.read(baseline.write(before, ON, LAW.version))
    told, _ = known.apart(after)
    return [each for each in told if isinstance(each, Judged)]


def findings(each: Any) -> list[str]:  # noqa: ANN401 - a report or None
    """Give the places of everything that a part of a report finds."""
    return [finding.place for ruling in each.rulings for finding in ruling.findings]


def test_what_is_known_is_told_apart_and_nothing_is_lost() -> None:
    before, after = judged(feature("a")), judged(feature("a"), feature("b"))
    (told,) = told_apart([before], [after])
    assert findings(told.known) == findings(before.report) != []
    assert all(place.startswith("/features/1") for place in findings(told.fresh))
    assert sorted([*findings(told.fresh), *findings(told.known)]) == sorted(findings(after.report))
    assert told.report == after.report


def test_a_feature_that_moves_stays_known() -> None:
    (told,) = told_apart(
        [judged(feature("a"), feature("b"))], [judged(feature("b"), feature("c", "query"), feature("a"))]
    )
    assert findings(told.fresh) == []
    assert findings(told.known) != []


def test_the_same_thing_once_more_is_new() -> None:
    nameless = {"kind": "check_in", "forced": True}
    (told,) = told_apart([judged(nameless)], [judged(nameless, nameless)])
    assert findings(told.known) != []
    assert findings(told.fresh) != []


def test_another_app_is_not_known() -> None:
    (told,) = told_apart([judged(feature("a"))], [judged(feature("a"), id="other")])
    assert findings(told.known) == []
    assert findings(told.fresh) != []


def test_what_is_known_in_vain_is_counted_for_the_apps_that_were_checked() -> None:
    known = baseline.read(baseline.write([judged(feature("a")), judged(feature("a"), id="other")], ON, LAW.version))
    told, gone = known.apart([judged(feature("a", "query"))])
    assert {each.app for each in gone} == {"example"}
    assert gone.total() >= 1
    assert len(told) == 1


def test_a_source_that_cannot_be_read_is_passed_on() -> None:
    known = baseline.read(baseline.write([], ON, LAW.version))
    unreadable = refused()
    assert known.apart([unreadable]) == ([unreadable], {})


@given(st.lists(st.sampled_from("abcd"), max_size=4), st.lists(st.sampled_from("abcd"), max_size=4))
def test_new_and_known_are_the_whole_whatever_was_known(before: list[str], after: list[str]) -> None:
    first, second = (judged(*(feature(each) for each in dict.fromkeys(ids))) for ids in (before, after))
    (told,) = told_apart([first], [second])
    assert told.fresh is not None
    assert told.known is not None
    for name in ("findings", "lacks"):
        for whole, fresh, known in zip(second.report.rulings, told.fresh.rulings, told.known.rulings, strict=True):
            assert sorted(map(repr, (*getattr(fresh, name), *getattr(known, name)))) == sorted(
                map(repr, getattr(whole, name))
            )
    new = {place.split("/")[2] for place in findings(told.fresh)}
    names = list(dict.fromkeys(after))
    assert {names[int(each)] for each in new} == set(after) - set(before)


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"", "/"),
        (b"[]", "/"),
        (b'{"baseline":"2","on":"2026-03-01","law":"x","known":[]}', "/baseline"),
        (b'{"baseline":"1","on":"2026-03-01","law":"x","known":[{"app":1}]}', "/known/0/app"),
    ],
)
def test_a_file_that_is_no_baseline_is_refused_with_its_place(content: bytes, place: str) -> None:
    with pytest.raises(baseline.UnreadableBaseline, match=f"^{place}"):
        baseline.read(content)


def test_the_kinds_of_a_baseline_are_those_of_the_law() -> None:
    kinds = set(baseline.Known.model_fields["kind"].annotation.__args__)  # type: ignore[union-attr] # a literal
    assert kinds == {Verdict.VIOLATION.value, *(each.value for each in LackKind)}


# ---------------------------------------------------------------- how formats show it


def test_formats_show_what_is_known_apart() -> None:
    (told,) = told_apart([judged(feature("a"))], [judged(feature("a"), feature("b"))])
    shown = text.render([told], lang="zh")
    assert shown.index("违反") < shown.index("违反 · 基线已知")
    states = {
        (each["baselineState"], each["locations"][0]["logicalLocations"][0]["fullyQualifiedName"].split("/")[2])
        for each in json.loads(sarif.render([told], lang="zh", version="1"))["runs"][0]["results"]
        if each["kind"] == "fail"
    }
    assert states == {("unchanged", "0"), ("new", "1")}
    severities = {each["severity"] for each in json.loads(gitlab.render([told], lang="zh"))}
    assert {"info", "critical"} <= severities


def test_junit_skips_what_is_known_and_fails_what_is_new() -> None:
    (known,) = told_apart([judged(feature("a"))], [judged(feature("a"))])
    document = JUnitXml.fromstring(junit.render([known], lang="zh"))
    assert (document.failures, document.errors) == (0, 0)
    cases = {case.classname: case for suite in document for case in suite}
    assert [type(each) for each in cases["forced_check_in"].result] == [Skipped]
    assert "基线已知" in cases["forced_check_in"].result[0].message
    (new,) = told_apart([judged(feature("a"))], [judged(feature("a"), feature("b"))])
    assert JUnitXml.fromstring(junit.render([new], lang="zh")).failures >= 1


# ---------------------------------------------------------------- places that stay


def test_places_are_named_by_what_stands_there() -> None:
    manifest = judged(
        feature("a"),
        {"kind": "query"},
        asks=[{"code": "X-1"}, {"name": "受灾 人口"}, {"name": "受灾人口"}, {}, {"name": "甲/乙~1"}],
    ).manifest
    assert manifest is not None
    assert steady(manifest, "") == ""
    assert steady(manifest, "/stage") == "/stage"
    assert steady(manifest, "/features/0/decline/how") == "/features/a/decline/how"
    assert steady(manifest, "/features/1/kind") == "/features/1/kind"
    assert steady(manifest, "/asks/0") == "/asks/code=x-1"
    assert steady(manifest, "/asks/2/channel") == "/asks/name=受灾人口~1/channel"
    assert steady(manifest, "/asks/3") == "/asks/3"
    assert steady(manifest, "/asks/4") == "/asks/name=甲~s乙~01"


def test_the_report_of_a_judged_source_without_its_manifest_keeps_positions() -> None:
    each = replace(judged(feature("a")), manifest=None)
    assert each.steady("/features/0/kind") == "/features/0/kind"
