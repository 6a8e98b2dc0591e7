"""The department of a sponsor comes from the tree: in offers, in answers, in reports; other claims are told."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy import select
from sqlmodel import col

from services.audit.checks import Checks
from services.audit.registry_client import RegistryClient, RegistryOptions
from services.audit.regulation import LAW
from services.manifest.model import Manifest
from services.registry.tables import Offer
from tests import world
from tests.integration.registry.clerk import GRANT, manifest, new_id, problem
from tests.integration.registry.offices import Offices, new_code

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from services.registry.store.database import Database
    from tests.integration.registry.clerk import Clerk, Document


@pytest.fixture
def offices(clerk: Clerk) -> Offices:
    return Offices(clerk)


def central(**sponsor: Any) -> Document:  # noqa: ANN401 - any field of a sponsor
    """Make what an app of a central unit declares that faces the grassroots and runs."""
    return {"sponsor": {"level": "central", **sponsor}, "stage": "online", "faces_grassroots": True}


def ties(database: Database, app: str) -> set[str]:
    """Give the department ties under which an app stands now."""
    live = select(col(Offer.tie)).where(col(Offer.app) == app, col(Offer.until).is_(None))
    with database.reading() as connection:
        return {tie for tie in connection.execute(live).scalars() if tie.startswith("department:")}


def by_code(code: str) -> set[str]:
    return {f"department:code={code}"}


def ask(clerk: Clerk, tie: str, **asked: Any) -> Document:  # noqa: ANN401 - as the operation takes it
    """Ask for one department and give the whole answer."""
    body = {"questions": [{"tie": tie, "regions": [""]}], **asked}
    return clerk.done(clerk.http.post("/v1/neighbourhoods", json=body))


def told(answer: Document) -> tuple[str, set[str]]:
    (tie,) = answer["ties"]
    return tie["tie"], {each["app"] for each in tie["neighbours"]}


class TestAnAppOffers:
    def test_under_the_root_of_the_tree_whatever_it_claims(
        self, clerk: Clerk, offices: Offices, database: Database
    ) -> None:
        ministry = offices.record("示例部")
        unit = offices.record("示例中心", parents=[{"organisation": ministry}])
        app = clerk.register(**central(name="示例中心", credit_code=unit, root_organ="示例别的部"))
        assert ties(database, app) == by_code(ministry)

    def test_where_only_the_name_is_known_and_nobody_else_bears_it(
        self, clerk: Clerk, offices: Offices, database: Database
    ) -> None:
        name = f"示例中心{new_code()}"
        ministry = offices.record("示例部")
        offices.record(name, parents=[{"organisation": ministry}])
        app = clerk.register(**central(name=f" {name.lower()} "))
        assert ties(database, app) == by_code(ministry)
        offices.record(name)  # another one of the same name
        assert ties(database, app) == {f"department:{name.lower()}"}

    def test_by_a_former_name_too(self, clerk: Clerk, offices: Offices, database: Database) -> None:
        former = f"示例旧部{new_code()}".lower()
        ministry = new_code()
        names = [{"name": former}, {"name": "示例新部", "from_on": "2018-03-13"}]
        clerk.done(offices.put(ministry, {"names": names}), 201)
        assert ties(database, clerk.register(**central(name=former))) == by_code(ministry)

    def test_by_the_root_organ_it_claims_when_it_is_not_in_the_tree_itself(
        self, clerk: Clerk, offices: Offices, database: Database
    ) -> None:
        name = f"示例部{new_code()}"
        ministry = offices.record(name)
        app = clerk.register(**central(name="示例无名单位", root_organ=name))
        assert ties(database, app) == by_code(ministry)

    def test_as_it_claims_while_the_tree_knows_nothing(self, clerk: Clerk, database: Database) -> None:
        assert ties(database, clerk.register(**central(name="示例无名单位", root_organ="示例未登记部"))) == {
            "department:示例未登记部"
        }
        code = new_code()
        assert ties(database, clerk.register(**central(credit_code=code))) == by_code(code)


class TestWhenTheTreeChanges:
    @pytest.fixture
    def unit(self, offices: Offices) -> str:
        bureau = offices.record("示例司", parents=[{"organisation": offices.record("示例部")}])
        return offices.record("示例中心", parents=[{"organisation": bureau}])

    def test_the_apps_of_a_unit_recorded_later_move_under_its_department(
        self, clerk: Clerk, offices: Offices, database: Database
    ) -> None:
        code, name = new_code(), f"示例中心{new_code()}"
        apps = [
            clerk.register(**central(name="示例中心", credit_code=code)),
            clerk.register(**central(name=name)),
            clerk.register(**central(name="示例别的单位", root_organ=name)),
        ]
        ministry = offices.record("示例部")
        offices.record(name, code, parents=[{"organisation": ministry}])
        assert [ties(database, app) for app in apps] == [by_code(ministry)] * 3

    def test_all_apps_below_what_has_moved_follow_in_the_same_revision(
        self, clerk: Clerk, offices: Offices, database: Database, unit: str
    ) -> None:
        fields = {**central(credit_code=unit, name="示例中心"), "regions": ["33", "34"]}
        apps = sorted(clerk.register(**fields) for _ in range(3))
        bureau, ministry = (each["code"] for each in offices.path(unit)[1:])
        other = offices.record("示例别的部")
        since = clerk.get("/v1/changes", since=0)["revision"]
        tags = [clerk.etag(f"/v1/apps/{app}") for app in apps]
        offices.change(bureau, names=[{"name": "示例司"}], parents=[{"organisation": other}])
        assert [ties(database, app) for app in apps] == [by_code(other)] * 3
        assert [clerk.etag(f"/v1/apps/{app}") for app in apps] == tags  # they themselves have not changed
        (change,) = clerk.get("/v1/changes", since=since)["items"]
        assert (change["noun"], change["id"], change["app"]) == ("organisation", bureau, None)
        for part, of in (("ended", ministry), ("begun", other)):
            found = sorted((each["app"], each["division"], each["tie"]) for each in change[part])
            assert found == [(app, division, *by_code(of)) for app in apps for division in ("33", "34")]
        at = {"as_of": str(since)}
        assert told(ask(clerk, *by_code(ministry), **at)) == (*by_code(ministry), set(apps))
        assert told(ask(clerk, *by_code(ministry))) == (*by_code(ministry), set())

    def test_a_merger_unites_two_departments(self, clerk: Clerk, offices: Offices, database: Database) -> None:
        into, other = offices.record("示例新部"), offices.record("示例旧部")
        app = clerk.register(**central(credit_code=other))
        assert ties(database, app) == by_code(other)
        offices.change(other, names=[{"name": "示例旧部"}], ended_on="2023-10-25", merged_into=into)
        assert ties(database, app) == by_code(into)

    def test_a_department_that_is_renamed_stays_the_same(
        self, clerk: Clerk, offices: Offices, database: Database
    ) -> None:
        name = f"示例部{new_code()}"
        ministry = offices.record(name)
        app = clerk.register(**central(name=name))
        since = clerk.get("/v1/changes", since=0)["revision"]
        offices.change(ministry, names=[{"name": name}, {"name": "示例新部", "from_on": "2024-01-01"}])
        (change,) = clerk.get("/v1/changes", since=since)["items"]
        assert change["ended"] == change["begun"] == []
        assert ties(database, app) == by_code(ministry)

    def test_one_that_offers_nothing_goes_on_offering_nothing(
        self, clerk: Clerk, offices: Offices, database: Database, unit: str
    ) -> None:
        proposed = clerk.register(**{**central(credit_code=unit), "stage": "proposed"})
        withdrawn = clerk.register(**central(credit_code=unit))
        clerk.withdraw(withdrawn)
        offices.change(unit, names=[{"name": "示例中心"}])
        assert ties(database, proposed) == ties(database, withdrawn) == set()

    def test_lists_ask_the_tree_now_and_as_it_was(self, clerk: Clerk, offices: Offices, unit: str) -> None:
        app = clerk.register(**central(credit_code=unit, root_organ="示例别的部"))
        bureau, ministry = (each["code"] for each in offices.path(unit)[1:])
        for code in (unit, bureau, ministry):
            assert [each["id"] for each in clerk.get("/v1/apps", under=code)["items"]] == [app]
        before = clerk.get("/v1/changes", since=0)["revision"]
        offices.change(bureau, names=[{"name": "示例司"}])
        assert clerk.get("/v1/apps", under=ministry)["items"] == []
        assert [each["id"] for each in clerk.get("/v1/apps", under=ministry, as_of=before)["items"]] == [app]


class TestTheNeighbourhood:
    def test_of_a_draft_is_that_of_its_department_in_the_tree(self, clerk: Clerk, offices: Offices) -> None:
        ministry = offices.record("示例部")
        unit = offices.record("示例中心", parents=[{"organisation": ministry}])
        app = clerk.register(**central(credit_code=ministry))
        draft = {"credit_code": unit, "name": "示例中心", "root_organ": "示例别的部"}
        answer = ask(clerk, "department:示例别的部", app=new_id(), sponsor=draft)
        assert told(answer) == (*by_code(ministry), {app})
        assert answer["sponsor"]["by"] == "credit_code"
        assert (answer["sponsor"]["code"], answer["sponsor"]["department"]) == (unit, ministry)

    def test_of_a_registered_app_is_that_of_its_sponsor(self, clerk: Clerk, offices: Offices) -> None:
        ministry = offices.record("示例部")
        one, other = (clerk.register(**central(credit_code=ministry, root_organ="示例别的部")) for _ in range(2))
        assert told(ask(clerk, "department:示例别的部", app=one)) == (*by_code(ministry), {other})

    def test_by_a_posted_tie_is_that_of_whoever_bears_the_name(self, clerk: Clerk, offices: Offices) -> None:
        name = f"示例司{new_code()}".lower()
        ministry = offices.record("示例部")
        bureau = offices.record(name, parents=[{"organisation": ministry}])
        app = clerk.register(**central(credit_code=ministry))
        assert told(ask(clerk, f"department:{name}")) == (*by_code(ministry), {app})
        assert told(ask(clerk, f"department:code={bureau}")) == (*by_code(ministry), {app})

    def test_two_names_of_one_department_are_one_question(self, clerk: Clerk, offices: Offices) -> None:
        names = [f"示例{n}{new_code()}".lower() for n in range(2)]
        ministry = offices.record(names[0])
        offices.record(names[1], parents=[{"organisation": ministry}])
        asked = [{"tie": f"department:{name}", "regions": [region]} for name, region in zip(names, "  ", strict=True)]
        for each, region in zip(asked, ("33", "34"), strict=True):
            each["regions"] = [region]
        answer = clerk.done(clerk.http.post("/v1/neighbourhoods", json={"questions": asked}))
        assert [each["tie"] for each in answer["ties"]] == [*by_code(ministry)]

    def test_says_nothing_of_a_sponsor_that_the_tree_does_not_know(self, clerk: Clerk) -> None:
        answer = ask(clerk, "department:示例未登记部", sponsor={"name": "示例未登记部"})
        assert told(answer)[0] == "department:示例未登记部"
        assert "sponsor" not in answer

    def test_as_of_a_moment_is_that_of_the_tree_then(self, clerk: Clerk, offices: Offices) -> None:
        old, new = offices.record("示例旧部"), offices.record("示例新部")
        unit = offices.record("示例中心", parents=[{"organisation": old}])
        app = clerk.register(**central(credit_code=unit))
        before = clerk.get("/v1/changes", since=0)["revision"]
        offices.change(unit, names=[{"name": "示例中心"}], parents=[{"organisation": new}])
        draft = {"sponsor": {"credit_code": unit}}
        tie = f"department:code={unit}"
        assert told(ask(clerk, tie, **draft, as_of=str(before))) == (*by_code(old), {app})
        assert told(ask(clerk, tie, **draft)) == (*by_code(new), {app})


def check(http: TestClient, document: Document) -> Any:  # noqa: ANN401 - a report
    """Have a draft judged by the audit, which asks this registry."""

    def carry(request: httpx.Request) -> httpx.Response:
        answer = http.request(request.method, request.url.path, content=request.content, headers=request.headers)
        return httpx.Response(answer.status_code, content=answer.content, headers={"content-type": "application/json"})

    async def judge() -> Any:  # noqa: ANN401 - a report
        async with RegistryClient(RegistryOptions("http://registry.test"), httpx.MockTransport(carry)) as client:
            on = LAW.provisions["12.1"].from_on
            return await Checks(client).check(world.manifest(document), on)

    return asyncio.run(judge())


class TestTheAudit:
    def test_counts_the_apps_of_the_department_in_the_tree_and_tells_what_was_claimed(
        self, http: TestClient, clerk: Clerk, offices: Offices
    ) -> None:
        ministry = offices.record("示例部", level="central")
        unit = offices.record("示例中心", level="central", parents=[{"organisation": ministry}])
        other = clerk.register(**{**central(credit_code=ministry), "begun_on": "2025-01-06"})
        draft = {
            **manifest(new_id()),
            **central(name="示例中心", credit_code=unit, root_organ="示例别的部", nature="administration"),
            "begun_on": "2025-01-06",
        }
        report = check(http, draft)
        (ruling,) = [each for each in report.rulings if each.rule == "several_apps_per_department"]
        assert [finding.neighbours for finding in ruling.findings] == [(other,)], ruling
        assert [lack.place for lack in report.lacks] == ["/sponsor/root_organ"]

    def test_approves_nothing_that_the_tree_contradicts(self, http: TestClient, clerk: Clerk, offices: Offices) -> None:
        unit = offices.record("示例中心", level="central")
        clerk.register(**central(credit_code=unit))
        draft = {**manifest(new_id()), "sponsor": {"name": "示例中心", "credit_code": unit, "level": "county"}}
        assert "/sponsor/level" in [lack.place for lack in check(http, draft).lacks]
        assert check(http, draft).outcome != "approve"


class TestTheSponsor:
    def test_is_told_with_every_contradiction(self, clerk: Clerk, offices: Offices) -> None:
        ministry = offices.record("示例部")
        unit = offices.record("示例中心", parents=[{"organisation": ministry}], level="central", division="99")
        said = {
            "name": "示例别名",
            "credit_code": unit,
            "root_organ": "示例别的部",
            "level": "city",
            "division": "9901",
        }
        app = clerk.register(sponsor=said)
        found = clerk.get(f"/v1/apps/{app}/sponsor")
        assert found["found_by"] == "credit_code"
        assert found["organisation"] == {"code": unit, "name": "示例中心"}
        assert found["department"] == {"code": ministry, "name": "示例部"}
        assert found["tie"] == f"department:code={ministry}"
        places = [each["pointer"] for each in found["notes"]]
        assert places == [f"/sponsor/{each}" for each in ("name", "level", "division", "root_organ")]

    def test_is_nobody_the_tree_knows(self, clerk: Clerk) -> None:
        app = clerk.register()
        found = clerk.get(f"/v1/apps/{app}/sponsor")
        assert (found["found_by"], found["organisation"], found["department"]) == (None, None, None)
        assert found["notes"] == []

    def test_is_told_of_divisions_that_are_no_more(self, clerk: Clerk) -> None:
        app = clerk.register(regions=["33", "320502"])
        (note,) = clerk.get(f"/v1/apps/{app}/sponsor")["notes"]
        assert note["pointer"] == "/regions/1"
        assert "320508" in note["remedy"]

    def test_of_no_app_is_not_found(self, clerk: Clerk) -> None:
        problem(clerk.http.get(f"/v1/apps/{new_id()}/sponsor"), 404)

    def test_is_the_one_of_then(self, clerk: Clerk, offices: Offices) -> None:
        unit = offices.record("示例中心")
        app = clerk.register(sponsor={"credit_code": unit})
        before = clerk.get("/v1/changes", since=0)["revision"]
        ministry = offices.record("示例部")
        offices.change(unit, names=[{"name": "示例中心"}], parents=[{"organisation": ministry}])
        then = clerk.get(f"/v1/apps/{app}/sponsor", as_of=before)
        assert then["department"]["code"] == unit
        assert clerk.get(f"/v1/apps/{app}/sponsor")["department"]["code"] == ministry


def test_of_two_changes_that_would_make_a_cycle_together_one_is_refused(offices: Offices) -> None:
    for _ in range(5):
        one, other = offices.record("示例甲"), offices.record("示例乙")
        tags = {code: offices.tag(code) for code in (one, other)}

        def put_below(code: str, above: str, tags: dict[str, str] = tags) -> int:
            body = {"names": [{"name": "示例"}], "parents": [{"organisation": above}]}
            return offices.put(code, body, {"If-Match": tags[code]}).status_code

        with ThreadPoolExecutor(2) as threads:
            statuses = sorted(threads.map(put_below, (one, other), (other, one)))
        assert statuses == [200, 409]


def test_a_manifest_of_the_model_is_what_the_registry_keeps(clerk: Clerk) -> None:
    app = clerk.register(**central(credit_code=new_code()))
    assert Manifest.model_validate(clerk.get(f"/v1/apps/{app}")["manifest"], strict=False).id == app


def test_a_granter_of_the_sponsors_department_by_the_tree_grants_nothing(clerk: Clerk, offices: Offices) -> None:
    # The manifest claims another department; what the two are called does not show that they are related.
    mark = new_id()
    above = offices.record(f"示例部{mark}")
    below = offices.record(f"示例信息中心{mark}", parents=[{"organisation": above}])
    beside = offices.record(f"示例规划院{mark}", parents=[{"organisation": above}])
    claimed = {"name": f"示例信息中心{mark}", "root_organ": f"示例他部{mark}"}
    app = clerk.register(sponsor=claimed)
    for granter in (
        {"name": f"示例部{mark}"},
        {"name": f"示例规划院{mark}"},
        {"name": "某单位", "credit_code": beside},
        {"name": "某单位", "credit_code": below},
        {"name": "某单位", "root_organ": f"示例部{mark}"},
    ):
        problem(clerk.http.post(f"/v1/apps/{app}/grants", json={**GRANT, "granter": granter}), 422, "/granter")
    clerk.grant(app, granter={"name": f"示例部{mark}甲"})


def test_an_app_that_holds_a_grant_does_not_move_into_the_granters_department(clerk: Clerk, offices: Offices) -> None:
    mark = new_id()
    above = offices.record(f"示例部{mark}")
    offices.record(f"示例信息中心{mark}", parents=[{"organisation": above}])
    app = clerk.register()
    grant = clerk.grant(app, granter={"name": f"示例部{mark}"})
    moved = manifest(app, sponsor={"name": f"示例信息中心{mark}", "root_organ": "示例他部"})
    headers = {"If-Match": clerk.etag(f"/v1/apps/{app}")}
    refused = clerk.http.put(f"/v1/apps/{app}", json=moved, params={"reason": "示例变更"}, headers=headers)
    assert grant["id"] in problem(refused, 409, "/sponsor")["errors"][0]["detail"]


def test_a_reform_of_the_tree_does_not_stop_changes_of_an_app_that_holds_a_grant(
    clerk: Clerk, offices: Offices
) -> None:
    mark = new_id()
    sponsor, granter = f"示例信息中心{mark}", f"示例部{mark}"
    below, above = offices.record(sponsor), offices.record(granter)
    app = clerk.register(sponsor={"name": sponsor})
    place = f"/v1/apps/{app}/grants/{clerk.grant(app, granter={'name': granter}, until_on='2099-01-01')['id']}"
    offices.change(below, names=[{"name": sponsor}], parents=[{"organisation": above}])
    clerk.change(app, sponsor={"name": sponsor}, sector="示例行业")
    # To renew is to grant again, so that stands against it.
    renewal = {"until_on": "2099-12-31", "reason": "示例延期"}
    renewed = clerk.http.post(f"{place}/renew", json=renewal, headers={"If-Match": clerk.etag(place)})
    problem(renewed, 409, "{grant}")
