"""Sweeps that follow: what changes is judged again and nothing else is, and the results are those of a fresh sweep."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from services.audit.asking import Nation
from services.audit.clock import today
from services.audit.store import following_sweeps as store
from services.audit.store import sweeps
from services.audit.store.following_sweeps import Moved
from services.audit.store.sweeps import OvertakenError
from services.audit.sweeps import Judging
from services.database.doors import UnavailableError
from services.jobs import ServiceEndsError
from tests.integration.registry.auditing import Audit, auditing
from tests.integration.registry.clerk import new_id
from tests.integration.registry.doings import Doings
from tests.integration.registry.offices import Offices

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.testclient import TestClient

    from tests.integration.registry.clerk import Clerk

COUNTY = {"name": "示例县示例局", "level": "county", "division": "990101", "managed_by": "none"}


@pytest.fixture(scope="module")
def audit(http: TestClient, database_url: str, tmp_path_factory: Any, request: Any) -> Iterator[Audit]:  # noqa: ANN401
    with auditing(http, database_url, tmp_path_factory.mktemp("audit"), request) as found:
        yield found


@pytest.fixture(autouse=True)
def _alone(audit: Audit) -> Iterator[None]:
    """Let no sweep follow any more when its test is over: whoever follows is served with all others."""
    yield
    for each in audit.get("/v1/sweeps", state="following")["items"]:
        assert audit.http.post(f"/v1/sweeps/{each['id']}/cancel").status_code == 200


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The apps that were looked at, in order."""
    apps: list[str] = []
    see = Judging.see

    def noting(self: Judging, case: Any) -> Any:  # noqa: ANN401 - as it is
        apps.append(case.app)
        return see(self, case)

    monkeypatch.setattr(Judging, "see", noting)
    return apps


def asking(clerk: Clerk, item: str, region: str = "990101", **fields: Any) -> str:  # noqa: ANN401
    """Register an app of a county that asks its towns for an item."""
    ask = {"code": item, "levels": ["township"], "period": "monthly", "channel": "own", "basis": "none"}
    return clerk.register(sponsor=COUNTY, stage="online", regions=[region], asks=[ask], **fields)


def test_a_change_is_judged_again_with_those_that_asked_for_what_changed(
    audit: Audit, clerk: Clerk, seen: list[str]
) -> None:
    item, other = new_id(), new_id()
    here, beside, above, elsewhere, unlike = (
        asking(clerk, item),
        asking(clerk, item),
        asking(clerk, item, "99"),
        asking(clerk, item, "990102"),
        asking(clerk, other),
    )
    sweep = audit.follow()
    first = audit.settle(sweep)
    seen.clear()
    clerk.change(here, sponsor=COUNTY, stage="retired", retired_on="2026-01-05", regions=["990101"])
    told = audit.settle(first)
    assert sorted(seen) == sorted([here, beside, above])
    assert told["revision"] > first["revision"]
    changes = {each["app"]: each for each in audit.changes(sweep)}
    assert set(changes) == {here, beside, above}
    assert (changes[here]["causes"], changes[here]["after"]) == (["manifest", "neighbourhood"], "not_running")
    assert changes[here]["neighbours"] == []
    assert (changes[beside]["causes"], changes[beside]["neighbours"]) == (["neighbourhood"], [here])
    assert not {elsewhere, unlike} & set(seen)
    report = audit.http.get(f"/v1/sweeps/{sweep['id']}/reports/{here}").json()
    assert (report["outcome"], report["revision"]) == ("not_running", told["revision"])


def test_an_app_that_comes_and_goes_is_told_of_once(audit: Audit, clerk: Clerk) -> None:
    sweep = audit.settle(audit.follow())
    app = asking(clerk, new_id())
    come = audit.settle(sweep)
    assert come["total"] == come["done"] == sweep["total"] + 1
    assert app in audit.results(sweep)
    clerk.withdraw(app)
    gone = audit.settle(sweep)
    assert gone["total"] == sweep["total"]
    assert app not in audit.results(sweep)
    changes = audit.changes(sweep)
    assert [(each["app"], each["before"] is None, each["after"] is None) for each in changes] == [
        (app, True, False),
        (app, False, True),
    ]
    assert [each["number"] for each in changes] == sorted({each["number"] for each in changes})
    since = changes[0]["number"]
    assert audit.changes(sweep, since) == changes[1:]
    assert audit.get(f"/v1/sweeps/{sweep['id']}/changes", since=changes[-1]["number"])["next"] == changes[-1]["number"]


def test_what_has_not_changed_is_not_told(audit: Audit, clerk: Clerk) -> None:
    app = asking(clerk, new_id())
    sweep = audit.settle(audit.follow())
    clerk.grant(app)
    audit.settle(sweep)
    (change,) = audit.changes(sweep)
    assert (change["app"], change["causes"], change["newly_violated"]) == (app, ["neighbourhood"], [])
    assert audit.get(f"/v1/sweeps/{sweep['id']}/changes", kind="newly_violated")["items"] == []
    assert audit.get(f"/v1/sweeps/{sweep['id']}/changes", kind="newly_violated")["next"] == change["number"]


def test_an_app_enters_and_leaves_the_conditions(audit: Audit, clerk: Clerk) -> None:
    sector = f"示例{new_id()}"
    inside, outside = asking(clerk, new_id(), sector=sector), asking(clerk, new_id())
    sweep = audit.settle(audit.follow(filter={"sector": [sector]}))
    assert set(audit.results(sweep)) == {inside}
    clerk.change(outside, sponsor=COUNTY, stage="online", sector=sector)
    clerk.change(inside, sponsor=COUNTY, stage="online")
    audit.settle(sweep)
    assert set(audit.results(sweep)) == {outside}
    assert {each["app"]: each["after"] is None for each in audit.changes(sweep)} == {inside: True, outside: False}


def test_a_day_that_passes_is_taken_up_by_a_successor(audit: Audit, clerk: Clerk) -> None:
    due = today() + timedelta(days=1)
    decided = {"decision": "retire", "due_on": due.isoformat(), "decided_by": "示例县", "decided_on": "2025-01-06"}
    ending = clerk.register(
        sponsor=COUNTY, stage="online", levels=["township"], regions=["990101"], consolidation=decided
    )
    audit.day = today()
    sweep = audit.settle(audit.follow(filter={"id": [ending]}))
    before = audit.results(sweep)[ending]["verdicts"]
    audit.day = due + timedelta(days=1)
    later = audit.settle(sweep)
    audit.day = None
    assert later["id"] != sweep["id"]
    assert later["on"] == (due + timedelta(days=1)).isoformat()
    ended = audit.get(f"/v1/sweeps/{sweep['id']}")
    assert (ended["state"], ended["succeeded_by"]) == ("done", later["id"])
    (change,) = audit.changes(sweep)
    assert (change["sweep"], change["on"], change["causes"]) == (later["id"], later["on"], ["day"])
    assert change["newly_violated"] == ["undecided_local_apps"]
    assert before["undecided_local_apps"] != "violation"
    assert audit.changes(later) == [change]


def test_a_change_of_the_tree_is_taken_up_by_a_successor(audit: Audit, clerk: Clerk) -> None:
    app = asking(clerk, new_id())
    sweep = audit.settle(audit.follow(filter={"id": [app]}))
    Offices(clerk).record(f"示例部{new_id()}")
    later = audit.settle(sweep)
    assert later["id"] != sweep["id"]
    assert set(audit.results(later)) == {app}
    assert audit.changes(later) == []


def test_a_cancelled_one_goes_on_where_it_was(audit: Audit, clerk: Clerk) -> None:
    sweep = audit.settle(audit.follow())
    assert audit.http.post(f"/v1/sweeps/{sweep['id']}/cancel").json()["state"] == "cancelled"
    app = asking(clerk, new_id())
    assert audit.settle(sweep)["revision"] == sweep["revision"]
    assert audit.http.post(f"/v1/sweeps/{sweep['id']}/resume").json()["state"] == "following"
    audit.settle(sweep)
    assert [each["app"] for each in audit.changes(sweep)] == [app]


def test_what_could_not_be_kept_is_kept_later(
    audit: Audit, clerk: Clerk, monkeypatch: pytest.MonkeyPatch, seen: list[str]
) -> None:
    sweep = audit.settle(audit.follow())
    app = asking(clerk, new_id())
    seen.clear()

    def away(*_: object) -> None:
        raise UnavailableError("away")

    with monkeypatch.context() as failing, audit.line.streams() as streams:
        failing.setattr(store, "move_on", away)
        with pytest.raises(UnavailableError):
            audit.continuing.look(audit.job(), streams, sweep["id"])
    monkeypatch.setattr(Nation, "load", away)  # what is held was moved on already, and is not loaded anew
    audit.settle(sweep)
    assert [each["app"] for each in audit.changes(sweep)] == [app]
    assert seen == [app, app]


def test_two_that_have_come_to_different_revisions_both_go_on(audit: Audit, clerk: Clerk) -> None:
    first = audit.settle(audit.follow())
    one = asking(clerk, new_id())
    second = audit.follow()
    other = asking(clerk, new_id())
    audit.settle(second)
    audit.settle(first)
    assert {each["app"] for each in audit.changes(first)} == {one, other}
    assert [each["app"] for each in audit.changes(second)] == [other]


def test_whoever_was_overtaken_keeps_nothing(audit: Audit, clerk: Clerk) -> None:
    sweep = audit.settle(audit.follow())
    row, _ = sweeps.find(audit.database, sweep["id"])
    asking(clerk, new_id())
    audit.settle(sweep)
    changes = audit.changes(sweep)
    with pytest.raises(OvertakenError):
        store.move_on(audit.database, row, row.revision + 1, [Moved("nobody", None, "0" * 40)])
    with pytest.raises(OvertakenError):
        store.succeed(audit.database, row, row)
    assert audit.changes(sweep) == changes


def test_what_was_told_stays_as_it_is(audit: Audit, clerk: Clerk) -> None:
    sweep = audit.settle(audit.follow())
    asking(clerk, new_id())
    audit.settle(sweep)
    for verb in ("UPDATE sweep_changes SET app = 'x'", "DELETE FROM sweep_changes"):
        with audit.database.changing() as connection, pytest.raises(Exception, match=r"never|append"):
            connection.execute(text(verb))


def test_a_service_that_ends_is_not_waited_for(audit: Audit) -> None:
    sweep = audit.settle(audit.follow())
    audit.ending.set()
    with pytest.raises(ServiceEndsError):
        audit.continuing.run(audit.job(), sweep["id"])
    audit.ending.clear()


def test_it_is_of_today_and_the_present_law(audit: Audit) -> None:
    answer = audit.http.post("/v1/sweeps", json={"follows": True, "on": "2026-03-01", "revision": 1})
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == ["/on", "/revision"]
    plain = audit.done(filter={"id": [new_id()]})
    audit.get(f"/v1/sweeps/{plain['id']}/changes", 409)
    assert (plain["follows"], plain["certain_at"], plain["succeeded_by"]) == (False, None, None)


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_results_are_those_of_a_fresh_sweep(audit: Audit, clerk: Clerk, seed: int) -> None:
    chance = random.Random(seed)
    doings = Doings(clerk, chance)
    for _ in range(8):
        doings.do()
    sweep = audit.settle(audit.follow())
    told = {app: each["outcome"] for app, each in audit.results(sweep).items()}
    since = 0
    for _ in range(3):
        for _ in range(chance.randrange(1, 7)):
            doings.do()
        sweep = audit.settle(sweep)
        on, revision = sweep["on"], sweep["revision"]
        fresh = audit.begin(on=on, revision=revision)
        audit.work(fresh)
        results = audit.results(sweep)
        assert results == audit.results(fresh)
        assert sweep["total"] == len(results)
        # Whoever only reads what has changed knows as much.
        for each in audit.changes(sweep, since):
            assert told.pop(each["app"], None) == each["before"]
            if each["after"] is not None:
                told[each["app"]] = each["after"]
            since = each["number"]
        assert told == {app: each["outcome"] for app, each in results.items()}
    audit.http.post(f"/v1/sweeps/{sweep['id']}/cancel")
