"""Neighbourhoods: on random registries, SQL on both databases says what the plain evaluation in `world` does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from services.manifest import divisions, ties
from services.manifest.neighbourhood import Facts, Neighbourhood
from services.registry.store import apps, neighbourhoods
from services.registry.store.database import Act, Database
from tests import world
from tests.integration.registry.clerk import Clerk, manifest, new_id, problem

if TYPE_CHECKING:
    from services.manifest.model import Manifest

Document = dict[str, Any]
FACTS = TypeAdapter(Facts)
REGIONS = ("", "33", "3307", "330783", "330783101", "330784", "3301", "11", "4419", "441900003")


def is_sound(document: Document) -> bool:
    """Tell whether a document contradicts itself nowhere."""
    try:
        world.manifest(document)
    except ValidationError:
        return False
    return True


areas = st.lists(st.sampled_from(REGIONS), min_size=1, max_size=4, unique=True)
items = st.lists(
    st.fixed_dictionaries(
        {"code": st.sampled_from(("i-1", "i-2", "i-3"))},
        optional={"period": st.sampled_from(("monthly", "daily")), "levels": st.just(["county"])},
    ),
    max_size=3,
)
documents = st.fixed_dictionaries(
    {},
    optional={
        "regions": areas,
        "asks": items,
        "holdings": st.lists(st.fixed_dictionaries({"code": st.sampled_from(("i-1", "i-2"))}), max_size=2),
        "sector": st.sampled_from(("示例行业", "另一行业")),
        "role": st.sampled_from(("ordinary", "provincial_platform", "sector_unified")),
        "stage": st.sampled_from(("online", "building", "proposed", "retired")),
        "sponsor": st.fixed_dictionaries(
            {"name": st.sampled_from(("示例部信息中心", "示例局"))},
            optional={
                "level": st.sampled_from(("central", "county")),
                "root_organ": st.sampled_from(("示例部", "另一部")),
                "managed_by": st.sampled_from(("none", "centre")),
            },
        ),
        "features": st.lists(
            st.fixed_dictionaries({}, optional={"kind": st.sampled_from(("form_filling", "query"))}), max_size=2
        ),
        "faces_grassroots": st.booleans(),
    },
).filter(is_sound)


def plain(app: Manifest, around: list[Manifest], limit: int) -> dict[str, tuple[int, list[tuple[str, Facts]]]]:
    """Work out per tie what is told, in the order of (division, app), the naive way."""
    answer = {}
    for question in ties.questions(app):
        found: dict[str, tuple[str, Facts]] = {}
        for other in around:
            for offer in ties.offers(other):
                meets = any(divisions.overlaps(offer.division, region) for region in question.regions)
                if other.id != app.id and offer.tie == question.tie and meets:
                    division, _ = found.get(other.id or "", (offer.division, None))
                    found[other.id or ""] = (min(division, offer.division), offer.facts)
        ordered = sorted(found, key=lambda each: (found[each][0], each))
        told = ordered[:limit] if question.tie.startswith("item:") else ordered
        answer[question.tie] = (len(found), [(each, found[each][1]) for each in told])
    return answer


def put(database: Database, document: Document) -> Manifest:
    read = world.manifest(document)
    apps.put(database, document["id"], read, Act("test", "test"), lambda *_: None, 10_000)
    return read


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    worlds=st.lists(documents, min_size=1, max_size=7),
    changes=st.lists(documents, max_size=3),
    limit=st.integers(1, 4),
    data=st.data(),
)
def test_sql_says_what_the_plain_evaluation_says(
    database: Database, worlds: list[Document], changes: list[Document], limit: int, data: st.DataObject
) -> None:
    # Apps of earlier examples were withdrawn, so they must not be seen.
    ids = [new_id() for _ in worlds]
    try:
        registered = {app: put(database, {"id": app, **each}) for app, each in zip(ids, worlds, strict=True)}
        for change in changes:
            app = data.draw(st.sampled_from(ids))
            registered[app] = put(database, {"id": app, **change})
        around = list(registered.values())
        for asking in around:
            questions = ties.questions(asking)
            found = neighbourhoods.find(database, asking.id, questions, limit)
            told = {
                each.tie: (each.total, [(app, FACTS.validate_json(facts)) for app, facts in each.neighbours])
                for each in found.ties
            }
            assert told == plain(asking, around, limit)
            # The evaluation of the other tests knows no order of divisions, so it is compared where all are told.
            everything = world.neighbourhood(asking, around, limit=1000)
            full = neighbourhoods.find(database, asking.id, questions, 1000)
            assert [(each.tie, each.total) for each in full.ties] == [(e.tie, e.total) for e in everything.ties]
            for ours, theirs in zip(full.ties, everything.ties, strict=True):
                assert {app: FACTS.validate_json(facts) for app, facts in ours.neighbours} == {
                    each.app: each.facts for each in theirs.neighbours
                }
    finally:
        for app in ids:
            apps.withdraw(database, app, Act("test", "test"), lambda _: None)


def test_the_answer_has_the_shape_of_the_shared_noun(clerk: Clerk) -> None:
    asking = clerk.register(asks=[{"name": "受灾人口数", "levels": ["county"]}], regions=["330783"])
    neighbour = clerk.register(
        asks=[{"name": " 受灾 人口数", "shared": {"to": ["示例平台"]}}],
        holdings=[{"name": "受灾人口数"}],
        regions=["33"],
    )
    grant = clerk.grant(asking, kind="derogation", provision="12.6", item="name=受灾人口数", until_on="2026-12-31")
    answer = clerk.neighbourhood(asking, ("item:name=受灾人口数", ["330783"]), ("platform:33", ["33"]))
    told = TypeAdapter(Neighbourhood).validate_json(orjson.dumps(answer))
    document = manifest(
        neighbour,
        asks=[{"name": " 受灾 人口数", "shared": {"to": ["示例平台"]}}],
        holdings=[{"name": "受灾人口数"}],
        regions=["33"],
    )
    facts = {offer.tie: offer.facts for offer in ties.offers(world.manifest(document))}
    assert [(each.tie, each.total) for each in told.ties] == [("item:name=受灾人口数", 1), ("platform:33", 0)]
    (only,) = told.ties[0].neighbours
    assert (only.app, only.facts) == (neighbour, facts["item:name=受灾人口数"])
    (given_,) = told.grants
    assert (given_.id, given_.app, given_.kind, given_.item) == (grant["id"], asking, "derogation", "name=受灾人口数")
    assert given_.basis == "《示例市项目管理办法》（示发改〔2025〕7号）"


def test_an_answer_names_the_registry_revision_it_is_of(clerk: Clerk) -> None:
    before = clerk.neighbourhood(None)["revision"]
    app = clerk.register()
    assert clerk.neighbourhood(app)["revision"] == before + 1 == clerk.get(f"/v1/apps/{app}")["revision"]


def test_only_items_are_limited_and_totals_never(clerk: Clerk) -> None:
    code, sector = new_id(), new_id()
    apps_ = sorted(clerk.register(asks=[{"code": code}], sector=sector, regions=["11", "1101"]) for _ in range(4))
    answer = clerk.neighbourhood(None, (f"item:code={code}", [""]), (f"sector:{sector}", ["1101"]), limit=2)
    item, of_sector = answer["ties"]
    assert (item["total"], [each["app"] for each in item["neighbours"]]) == (4, apps_[:2])
    assert (of_sector["total"], [each["app"] for each in of_sector["neighbours"]]) == (4, apps_)


def test_a_tie_too_long_for_an_index_is_found_all_the_same(clerk: Clerk) -> None:
    name = "﷽" * 200  # eighteen letters each, once normalised
    app = clerk.register(asks=[{"name": name}])
    tie = f"item:name={ties.name_key(name)}"
    answer = clerk.http.post("/v1/neighbourhoods", json={"questions": [{"tie": tie, "regions": [""]}]})
    if len(tie) <= 4000:
        assert [each["app"] for each in clerk.done(answer)["ties"][0]["neighbours"]] == [app]
    else:
        problem(answer, 422, "/questions/0/tie")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/questions"),
        ({"questions": [{"tie": "item:x", "regions": []}]}, "/questions/0/regions"),
        ({"questions": [{"tie": "item:x", "regions": ["1"]}]}, "/questions/0/regions/0"),
        ({"questions": [{"tie": "item:x", "regions": ["778899"]}]}, "/questions/0/regions/0"),
        ({"questions": [{"tie": "colour:red", "regions": [""]}]}, "/questions/0/tie"),
        ({"questions": [{"tie": "item:a\x00b", "regions": [""]}]}, "/questions/0/tie"),
        ({"questions": [{"tie": "item:\ud800", "regions": [""]}]}, "/questions/0/tie"),
        ({"questions": [{"tie": "item:x", "regions": [""]}, {"tie": "item:x", "regions": ["33"]}]}, "/questions/1/tie"),
        ({"questions": [], "limit": 0}, "/limit"),
        ({"questions": [], "limit": 1001}, "/limit"),
        ({"questions": [], "limit": 10**400}, "/limit"),
        ({"questions": [], "limit": "100"}, "/limit"),
        ({"questions": [], "app": "A/B"}, "/app"),
        ({"questions": [], "apps": "x"}, "/apps"),
    ],
)
def test_a_question_with_a_mistake_is_refused_at_its_place(clerk: Clerk, body: Document, pointer: str) -> None:
    content = json.dumps(body)  # which writes lone surrogates and numbers of any length
    problem(
        clerk.http.post("/v1/neighbourhoods", content=content, headers={"Content-Type": "application/json"}),
        422,
        pointer,
    )
