"""Random histories: whatever is done in whatever order, the registry says what a simple model in memory says.

The model keeps the whole state after every registry revision. It is compared with reads of any moment of the history,
with the change feed, and with snapshots: what stood at one registry revision and the changes since make what stood at
another.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import orjson
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from services.manifest import divisions, ties
from services.registry.store.facts import written
from tests import world
from tests.integration.registry.clerk import Clerk, Document, manifest, new_id

if TYPE_CHECKING:
    from services.registry.store.database import Database

Offers = dict[tuple[str, str, str], Any]

REGIONS = st.lists(st.sampled_from(["33", "3307", "330783", "34", ""]), min_size=1, max_size=3, unique=True)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "asks": st.lists(st.sampled_from([1, 2, 3]), min_size=1, max_size=2, unique=True),
        "regions": REGIONS,
        "name": st.sampled_from(["甲", "乙"]),
        "kind": st.sampled_from(["app", "mini_program"]),
        "sponsor": st.sampled_from(["33", "3307", "34", ""]),
    },
)
PICK = st.integers(0, 10_000)


@dataclass
class Entry:
    """An app as the model knows it."""

    manifest: Document
    revision: int
    is_withdrawn: bool = False
    grants: dict[str, Document] = field(default_factory=dict)


class History(RuleBasedStateMachine):
    """The registry on one side, the states of the model by registry revision on the other."""

    def __init__(self, clerk: Clerk) -> None:
        super().__init__()
        self.clerk = clerk
        self.mark = new_id()
        self.numbers = count()
        self.start: int = clerk.get("/v1/changes", since=0, limit=1)["revision"]
        self.reached = self.start
        self.states: dict[int, dict[str, Entry]] = {self.start: {}}

    # ------------------------------------------------------------ what is done

    def declared(self, fields: dict[str, Any]) -> dict[str, Any]:
        said = {**fields, "name": f"{fields.get('name', '')}{self.mark}"}
        if "asks" in fields:
            said["asks"] = [{"code": f"{self.mark}-{n}"} for n in fields["asks"]]
        if "sponsor" in fields:
            said["sponsor"] = {"name": "示例单位", "division": fields["sponsor"]}
        return said

    def happened(self, revision: int) -> dict[str, Entry]:
        """Begin the state of a new registry revision; there is never a gap."""
        assert revision == self.reached + 1
        self.states[revision] = copy.deepcopy(self.states[self.reached])
        self.reached = revision
        return self.states[revision]

    def one(self, pick: int, at: int | None = None) -> str | None:
        found = sorted(id for id, entry in self.states[at or self.reached].items() if not entry.is_withdrawn)
        return found[pick % len(found)] if found else None

    def moment(self, pick: int) -> int:
        revision: int = self.start + pick % (self.reached - self.start + 1)
        return revision

    @rule(fields=FIELDS)
    def register(self, fields: dict[str, Any]) -> None:
        app, said = f"{self.mark}-{next(self.numbers)}", self.declared(fields)
        self.clerk.register(id=app, **said)
        state = self.happened(self.reached + 1)
        state[app] = Entry(manifest(app, **said), self.reached)

    @precondition(lambda self: self.one(0) is not None)
    @rule(pick=PICK, fields=FIELDS)
    def change(self, pick: int, fields: dict[str, Any]) -> None:
        app = self.one(pick)
        assert app is not None
        said = self.declared(fields)
        revision = self.clerk.change(app, **said)["revision"]
        if world.manifest(manifest(app, **said)) == world.manifest(self.states[self.reached][app].manifest):
            assert revision == self.states[self.reached][app].revision
            return
        entry = self.happened(revision)[app]
        entry.manifest, entry.revision = manifest(app, **said), revision

    @precondition(lambda self: self.one(0) is not None)
    @rule(pick=PICK)
    def withdraw(self, pick: int) -> None:
        app = self.one(pick)
        assert app is not None
        revision = self.clerk.withdraw(app)["revision"]
        entry = self.happened(revision)[app]
        entry.is_withdrawn, entry.revision = True, revision

    @precondition(lambda self: self.one(0) is not None)
    @rule(pick=PICK)
    def grant(self, pick: int) -> None:
        app = self.one(pick)
        assert app is not None
        told = self.clerk.grant(app)
        self.happened(told["revision"])[app].grants[told["id"]] = told

    @rule(pick=PICK, revoked_on=st.sampled_from(["2025-01-06", "2025-06-01"]))
    def revoke(self, pick: int, revoked_on: str) -> None:
        current = self.states[self.reached]
        live = sorted((app, id) for app in current for id, g in current[app].grants.items() if "revoked_on" not in g)
        if not live:
            return
        app, id = live[pick % len(live)]
        place = f"/v1/apps/{app}/grants/{id}"
        body = {"revoked_on": revoked_on, "reason": "示例撤销"}
        told = self.clerk.done(
            self.clerk.http.post(f"{place}/revoke", json=body, headers={"If-Match": self.clerk.etag(place)})
        )
        self.happened(told["revision"])[app].grants[id] = told

    # ------------------------------------------------------------ what is told of any moment

    @rule(pick=PICK, when=PICK)
    def an_app(self, pick: int, when: int) -> None:
        at = self.moment(when)
        everything = sorted(self.states[self.reached])
        for app in everything[pick % len(everything) :][:1] if everything else []:
            answer = self.clerk.http.get(f"/v1/apps/{app}", params={"as_of": at})
            entry = self.states[at].get(app)
            if entry is None:
                assert answer.status_code == 404
                continue
            told = self.clerk.done(answer)
            assert answer.headers["Registry-Revision"] == str(at)
            assert told["revision"] == entry.revision
            assert world.manifest(told["manifest"]) == world.manifest(entry.manifest)
            assert (told["withdrawn_at"] is not None) == entry.is_withdrawn
            grants = self.clerk.get(f"/v1/apps/{app}/grants", as_of=at)["items"]
            assert grants == sorted(entry.grants.values(), key=lambda grant: int(grant["id"][1:]))

    @rule(when=PICK, limit=st.integers(1, 3))
    def a_list(self, when: int, limit: int) -> None:
        at = self.moment(when)
        pages = [self.clerk.get("/v1/apps", name=self.mark, as_of=at, limit=limit)]
        while pages[-1]["next"]:
            cursor = pages[-1]["next"]
            pages.append(self.clerk.get("/v1/apps", name=self.mark, as_of=at, limit=limit, cursor=cursor))
        expected = {id: entry.revision for id, entry in self.states[at].items() if not entry.is_withdrawn}
        told = [(each["id"], each["revision"]) for page in pages for each in page["items"]]
        assert told == sorted(expected.items())
        assert {(page["total"], page["revision"]) for page in pages} == {(len(expected), at)}

    @rule(when=PICK, item=st.sampled_from([1, 2, 3]), regions=REGIONS, limit=st.integers(1, 3), pick=PICK)
    def a_neighbourhood(self, when: int, item: int, regions: list[str], limit: int, pick: int) -> None:
        at = self.moment(when)
        app = self.one(pick, at)
        asked = {
            "app": app,
            "questions": [{"tie": f"item:code={self.mark}-{item}", "regions": regions}],
            "limit": limit,
        }
        told = self.clerk.done(self.clerk.http.post("/v1/neighbourhoods", json={**asked, "as_of": str(at)}))
        places: dict[str, tuple[str, Any]] = {}
        for (tie, division, other), facts in sorted(self.offers(at).items()):
            overlaps = any(divisions.overlaps(division, region) for region in regions)
            if tie == f"item:code={self.mark}-{item}" and other != app and overlaps:
                places.setdefault(other, (division, facts))
        order = sorted(places, key=lambda other: (places[other][0], other))
        expected = [{"app": other, "facts": places[other][1]} for other in order]
        assert told["revision"] == at
        assert told["ties"][0] == {**told["ties"][0], "total": len(expected), "neighbours": expected[:limit]}
        if at == self.reached:
            live = self.clerk.done(self.clerk.http.post("/v1/neighbourhoods", json=asked))
            assert live == told

    @rule(pick=PICK, limit=st.integers(1, 3), order=st.sampled_from(["newest", "oldest"]))
    def a_history(self, pick: int, limit: int, order: str) -> None:
        everything = sorted(self.states[self.reached])
        for app in everything[pick % len(everything) :][:1] if everything else []:
            place = f"/v1/apps/{app}/revisions"
            pages = [self.clerk.get(place, order=order, limit=limit)]
            while pages[-1]["next"]:
                pages.append(self.clerk.get(place, order=order, limit=limit, cursor=pages[-1]["next"]))
            told = [each["revision"] for page in pages for each in page["items"]]
            known = {state[app].revision for state in self.states.values() if app in state}
            assert told == sorted(known, reverse=order == "newest")

    @rule(when=PICK, further=PICK, limit=st.integers(1, 4), parts=st.integers(1, 3))
    def a_snapshot_and_the_changes_since(self, when: int, further: int, limit: int, parts: int) -> None:
        start = self.moment(when)
        end = start + further % (self.reached - start + 1)
        offers, hashes = self.snapshot(start, 1)
        assert offers == self.offers(start)
        since = start
        while since < end:
            page = self.clerk.get("/v1/changes", since=since, limit=limit)
            assert [each["revision"] for each in page["items"]] == list(range(since + 1, page["next"] + 1))
            for change in page["items"]:
                if change["revision"] <= end:
                    apply(change, offers, hashes)
            since = page["next"]
        assert (offers, hashes) == self.snapshot(end, parts)
        assert offers == self.offers(end)

    def offers(self, at: int) -> Offers:
        return {
            (offer.tie, offer.division, app): json.loads(written(offer.facts))
            for app, entry in self.states[at].items()
            if not entry.is_withdrawn
            for offer in ties.offers(world.manifest(entry.manifest))
        }

    def snapshot(self, at: int, parts: int) -> tuple[Offers, dict[str, tuple[str, list[Any]]]]:
        """Read the offers and the cases of a snapshot, as far as they are of this history."""
        read = [orjson.loads(line) for line in self.lines(f"/v1/snapshots/{at}/offers")]
        offers = {
            (each["tie"], each["division"], each["app"]): each["facts"]
            for each in read
            if each["app"].startswith(self.mark)
        }
        cases = [
            orjson.loads(line)
            for part in range(parts)
            for line in self.lines(f"/v1/snapshots/{at}/cases?partition={part + 1}/{parts}")
        ]
        ids = [case["app"] for case in cases]
        assert len(ids) == len(set(ids))
        keys = [(case["division"] is None, case["division"], case["app"]) for case in cases]
        assert keys == sorted(keys, key=lambda key: (key[0], key[1] or "", key[2]))
        ours = [case for case in cases if case["app"].startswith(self.mark)]
        for case in ours:
            entry = self.states[at][case["app"]]
            assert world.manifest(case["manifest"]) == world.manifest(entry.manifest)
            assert case["revision"] == entry.revision
        return offers, {case["app"]: (case["hash"], case["grants"]) for case in ours}

    def lines(self, place: str) -> list[str]:
        answer = self.clerk.http.get(place)
        assert answer.status_code == 200, answer.text
        return str(answer.text).splitlines()


def apply(change: Document, offers: Offers, cases: dict[str, tuple[str, list[Any]]]) -> None:
    """Follow a change, as an index does."""
    app = change["app"]
    for each in change["ended"]:
        del offers[each["tie"], each["division"], app]
    for each in change["begun"]:
        assert (each["tie"], each["division"], app) not in offers
        offers[each["tie"], each["division"], app] = each["facts"]
    if change["noun"] == "app":
        if change["action"] == "withdraw":
            del cases[app]
        else:
            cases[app] = change["hash"], cases[app][1] if app in cases else []
    elif app in cases:
        hash_, grants = cases[app]
        others = [each for each in grants if each["id"] != change["id"]]
        told = [] if change["grant"] is None else [change["grant"]]
        cases[app] = hash_, sorted([*others, *told], key=lambda each: int(each["id"][1:]))


def test_the_registry_says_what_the_model_says(clerk: Clerk, database: Database) -> None:
    run_state_machine_as_test(
        lambda: History(clerk),  # type: ignore[arg-type] # it only calls it
        settings=settings(
            max_examples=6 if database.is_postgresql else 25,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
