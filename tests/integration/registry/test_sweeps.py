"""Sweeps judge every app as a check of it does, keep each result once, and tell what has changed and why."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from starlette.testclient import TestClient

from benchmarks import nation
from services.audit.formats.rendering import FORMATS
from services.audit.store import sweep_contents
from services.audit.store import sweeps as store
from services.audit.store.sweeps import OvertakenError
from services.audit.sweep_tables import SweepState
from services.jobs import ServiceEndsError
from tests.integration.registry.auditing import ON, Audit, auditing
from tests.integration.registry.clerk import new_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.registry.clerk import Clerk, Document

APPS = 150


@pytest.fixture(scope="module")
def audit(http: TestClient, database_url: str, tmp_path_factory: Any, request: Any) -> Iterator[Audit]:  # noqa: ANN401
    with auditing(http, database_url, tmp_path_factory.mktemp("audit"), request) as found:
        yield found


@pytest.fixture(scope="module")
def nation_apps(http: TestClient) -> list[str]:
    for each in nation.apps(APPS):
        document = orjson.loads(each.manifest)
        answer = http.put(f"/v1/apps/{each.id}", json=document, headers={"If-None-Match": "*"})
        assert answer.status_code in {201, 412}, answer.text
        for grant in each.grants if answer.status_code == 201 else ():
            assert http.post(f"/v1/apps/{each.id}/grants", json=grant).status_code == 201
    return [each.id for each in nation.apps(APPS)]


def verdicts(report: Document) -> dict[str, str]:
    told = {each["rule"]: each["verdict"] for each in report["rulings"]}
    return {rule: verdict for rule, verdict in told.items() if verdict != "not_applicable"}


def test_a_sweep_finds_of_every_app_what_a_check_of_it_finds(audit: Audit, nation_apps: list[str]) -> None:
    sweep = audit.done()
    assert (sweep["done"], sweep["total"]) == (sweep["total"], sweep["judged"])
    results = audit.results(sweep)
    assert set(nation_apps) <= set(results)
    assert len(results) == sweep["total"]
    for app in nation_apps:
        answer = audit.http.post("/v1/checks", params={"app": app, "on": ON})
        report = answer.json()
        assert results[app]["verdicts"] == verdicts(report), app
        assert (results[app]["outcome"], results[app]["hash"]) == (report["outcome"], report["manifest_hash"])
        assert audit.http.get(f"/v1/sweeps/{sweep['id']}/reports/{app}").content == answer.content


def test_what_was_judged_is_not_judged_again(audit: Audit, nation_apps: list[str]) -> None:
    before = audit.done()
    again = audit.done()
    assert (again["judged"], again["done"]) == (0, before["done"])
    assert audit.results(again) == audit.results(before)
    assert audit.get(f"/v1/sweeps/{again['id']}/differences")["items"] == []
    # On a day that no case names something of, everything is as on the day before.
    assert audit.done(on="2026-09-02")["judged"] < len(nation_apps) / 2


def test_a_filter_sweeps_only_what_meets_it(audit: Audit, nation_apps: list[str]) -> None:
    some = nation_apps[:5]
    sweep = audit.done(filter={"id": some})
    assert set(audit.results(sweep)) == set(some)
    assert sweep["filter"] == {"id": some}


@pytest.mark.usefixtures("nation_apps")
def test_what_changed_is_told_with_its_causes(audit: Audit, clerk: Clerk) -> None:
    name = f"示例部{new_id()}"
    sponsor = {"name": name, "level": "central", "root_organ": name, "nature": "administration"}
    central = {"sponsor": sponsor, "stage": "online", "faces_grassroots": True, "begun_on": "2025-06-01"}
    first, other = clerk.register(**central), clerk.register(name="示例将改名")
    before = audit.done()
    second = clerk.register(**central)
    clerk.change(other, name="示例已改名")
    after = audit.done()
    assert after["judged"] == 3
    path = f"/v1/sweeps/{after['id']}/differences"
    told = audit.get(path)
    assert told["since"] == before["id"]
    found = {each["app"]: each for each in told["items"]}
    assert {first, second, other} == set(found)
    assert found[first]["causes"] == ["neighbourhood"]
    assert "several_apps_per_department" in found[first]["newly_violated"]
    assert (found[second]["before"], found[second]["causes"]) == (None, [])
    assert found[other]["causes"] == ["manifest"]
    newly = audit.get(path, kind="newly_violated")["items"]
    assert first in [each["app"] for each in newly]
    assert other not in [each["app"] for each in newly]
    one = audit.get(f"{path}/{first}")
    assert one["causes"] == ["neighbourhood"]
    assert second in {neighbour for each in one["rulings"] for neighbour in each["neighbours"]}
    clerk.withdraw(second)
    gone = {each["app"]: each for each in audit.get(f"/v1/sweeps/{audit.done()['id']}/differences")["items"]}
    assert gone[second]["after"] is None
    assert "several_apps_per_department" in gone[first]["no_longer_violated"]


def test_results_are_found_by_what_they_are(audit: Audit, nation_apps: list[str]) -> None:
    sweep = audit.done(filter={"id": nation_apps[-50:]})
    results = audit.results(sweep)
    outcomes = {each["outcome"] for each in results.values()}
    for outcome in outcomes:
        expected = {app for app, each in results.items() if each["outcome"] == outcome}
        assert set(audit.results(sweep, outcome=outcome)) == expected
    rule, verdict = next(iter(results[nation_apps[-1]]["verdicts"].items()))
    expected = {app for app, each in results.items() if each["verdicts"].get(rule) == verdict}
    assert set(audit.results(sweep, rule=rule, verdict=verdict)) == expected
    for name in ("level", "province", "department"):
        value = next(each[name] for each in results.values() if each[name] is not None)
        expected = {app for app, each in results.items() if each[name] == value}
        assert set(audit.results(sweep, **{name: value})) == expected
    assert audit.get(f"/v1/sweeps/{sweep['id']}/results", 422, rule="no_such_rule", verdict="exempt")


def test_statistics_count_what_the_results_are(audit: Audit, nation_apps: list[str]) -> None:
    sweep = audit.done(filter={"id": nation_apps[:50]})
    results = audit.results(sweep)
    path = f"/v1/sweeps/{sweep['id']}/statistics"
    for name in ("level", "province", "department"):
        groups = {each["name"]: each for each in audit.get(path, by=name)["groups"]}
        assert {group: each["apps"] for group, each in groups.items()} == {
            value: sum(each[name] == value for each in results.values())
            for value in {each[name] for each in results.values()}
        }
    rules = {each["name"]: each["verdicts"] for each in audit.get(path)["groups"]}
    for rule, counts in rules.items():
        violating = sum(each["verdicts"].get(rule) == "violation" for each in results.values())
        assert counts.get("violation", 0) == violating
    (month,) = audit.get(path, by="month")["groups"]
    assert (month["name"], month["sweep"], month["apps"]) == (ON[:7], sweep["id"], 50)


def test_a_part_goes_on_from_where_it_was(audit: Audit, nation_apps: list[str], monkeypatch: Any) -> None:  # noqa: ANN401
    monkeypatch.setattr("services.audit.sweeping.BATCH", 20)
    sweep = audit.begin(filter={"id": nation_apps[:50]})
    kept = store.keep

    def keep(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - as the function takes them
        audit.ending.set()  # the service ends after every batch
        return kept(*arguments, **options)

    monkeypatch.setattr("services.audit.store.sweeps.keep", keep)
    reached = []
    while audit.get(f"/v1/sweeps/{sweep['id']}")["state"] == "running":
        audit.ending.clear()
        try:
            audit.part(sweep, 1)
        except ServiceEndsError:
            reached.append(audit.get(f"/v1/sweeps/{sweep['id']}")["done"])
    audit.ending.clear()
    assert reached == [20, 40]
    assert set(audit.results(sweep)) == set(nation_apps[:50])


def test_nobody_carries_a_part_on_that_somebody_else_has(audit: Audit, nation_apps: list[str]) -> None:
    sweep = audit.begin(filter={"id": nation_apps[:10]})
    row, _ = store.find(audit.database, sweep["id"])
    reached = store.reached(audit.database, row, 1)
    assert reached is not None
    audit.work(sweep)
    with pytest.raises(OvertakenError):
        store.keep(audit.database, reached, [], is_last=True)
    assert len(audit.results(sweep)) == 10


def test_a_cancelled_sweep_can_be_resumed(audit: Audit, nation_apps: list[str]) -> None:
    sweep = audit.begin(filter={"id": nation_apps[:10]})
    path = f"/v1/sweeps/{sweep['id']}"
    assert audit.http.post(f"{path}/resume", json={}).status_code == 409
    assert audit.http.post(f"{path}/cancel").json()["state"] == "cancelled"
    assert audit.http.post(f"{path}/cancel").status_code == 409
    audit.work(sweep)
    assert audit.results(sweep) == {}
    assert audit.http.post(f"{path}/resume").json()["state"] == "running"
    audit.work(sweep)
    assert audit.get(path)["state"] == "done"
    assert len(audit.results(sweep)) == 10
    assert audit.http.post(f"{path}/resume").status_code == 409


def test_a_registry_that_is_away_is_waited_for(audit: Audit, nation_apps: list[str]) -> None:
    sweep = audit.begin(filter={"id": nation_apps[:10]})
    audit.line.is_cut = True

    async def meanwhile() -> None:
        part = asyncio.create_task(asyncio.to_thread(audit.part, sweep, 1))
        await asyncio.sleep(0)
        audit.line.is_cut = False
        await part

    asyncio.run(meanwhile())
    assert audit.get(f"/v1/sweeps/{sweep['id']}")["state"] == "done"
    audit.line.is_cut = True
    assert audit.begin(503, filter={"id": nation_apps[:1]})["type"].endswith("registry-unavailable")
    audit.line.is_cut = False


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"filter": {"no_such": ["x"]}}, "/filter/no_such"),
        ({"filter": {"stage": ["no_such"]}}, "/filter/stage"),
        ({"filter": {"limit": ["5"]}}, "/filter/limit"),
        ({"revision": 10**17}, "/revision"),
        ({"law": "no-such-law"}, "/law"),
    ],
)
def test_what_the_registry_does_not_understand_is_the_callers_mistake(
    audit: Audit, asked: Document, pointer: str
) -> None:
    problem = audit.begin(422, **asked)
    assert [each["pointer"] for each in problem["errors"]] == [pointer]


def test_a_sweep_that_cannot_be_done_says_why(audit: Audit, nation_apps: list[str], monkeypatch: Any) -> None:  # noqa: ANN401
    sweep = audit.begin(filter={"id": nation_apps[:3]})
    monkeypatch.setattr("services.audit.sweeps.verdicts", lambda *_: 1 / 0)
    monkeypatch.setattr(sweep_contents, "known", lambda *_: set())
    audit.work(sweep)
    told = audit.get(f"/v1/sweeps/{sweep['id']}")
    assert (told["state"], told["reason"].split(":")[0]) == (SweepState.FAILED, "ZeroDivisionError")


def test_a_sweep_is_ordered_once(audit: Audit, nation_apps: list[str]) -> None:
    headers = {"Idempotency-Key": new_id()}
    body = {"on": ON, "filter": {"id": nation_apps[:1]}}
    made = [audit.http.post("/v1/sweeps", json=body, headers=headers) for _ in range(2)]
    assert made[0].json() == made[1].json()
    assert [each["id"] for each in audit.get("/v1/sweeps", limit=2)["items"]].count(made[0].json()["id"]) == 1
    assert audit.get("/v1/sweeps", state="failed", limit=1)["items"][0]["state"] == "failed"


def test_a_sweep_or_app_that_is_not_there_is_not_found(audit: Audit, nation_apps: list[str]) -> None:
    nobody = f"sweep-{'0' * 24}"
    for path in ("", "/results", "/differences", "/statistics", f"/reports/{nation_apps[0]}"):
        audit.get(f"/v1/sweeps/{nobody}{path}", 404)
    sweep = audit.done(filter={"id": nation_apps[:1]})
    audit.get(f"/v1/sweeps/{sweep['id']}/reports/{nation_apps[2]}", 404)


def test_a_sweep_is_reported_as_a_file_in_every_format(audit: Audit, nation_apps: list[str]) -> None:
    some = sorted(nation_apps[:4])
    sweep = audit.done(filter={"id": some})
    path = f"/v1/sweeps/{sweep['id']}/report"
    for name, format in FORMATS.items():
        answer = audit.http.get(path, params={"format": name})
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"] == format.media_type
        assert f"{sweep['id']}{format.suffix}" in answer.headers["Content-Disposition"]
    lines = audit.http.get(path, params={"format": "json"}).content.splitlines(keepends=True)
    reports = [audit.http.get(f"/v1/sweeps/{sweep['id']}/reports/{app}").content for app in some]
    assert lines == reports
    outcome = orjson.loads(lines[0])["outcome"]
    text = audit.http.get(path, params={"format": "json", "outcome": outcome})
    assert {orjson.loads(line)["outcome"] for line in text.content.splitlines()} == {outcome}
    one = audit.http.get(f"/v1/sweeps/{sweep['id']}/reports/{some[0]}/file", params={"format": "text", "lang": "en"})
    assert some[0] in one.text
    assert "Outcome" in one.text


def test_a_report_of_too_many_apps_says_how_to_have_fewer(
    audit: Audit, nation_apps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.audit.api.sweep_reports.MOST_APPS", 2)
    sweep = audit.done(filter={"id": nation_apps[:3]})
    problem = audit.get(f"/v1/sweeps/{sweep['id']}/report", 422)
    assert "verdict" in problem["errors"][0]["remedy"]
    audit.get(f"/v1/sweeps/sweep-{'0' * 24}/report", 404)
