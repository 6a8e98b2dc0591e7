"""Lists of random catalogues: every condition, order, page, facet and moment says what looking at every app says."""

from __future__ import annotations

import copy
import secrets
from collections import Counter
from datetime import date
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.integration.registry import plain_lists
from tests.integration.registry.clerk import Clerk, manifest
from tests.integration.registry.plain_lists import Document, Entry, folded

NAMES = ("示例局", "示例 局", "ＡＢ局", "ab局", "甲乙丙", "乙丙丁")
DAYS = ("2025-03-01", "2025-06-30", "2026-01-01")
KINDS = ("check_in", "query", "form_filling")
ITEMS = ({"code": "Pop-1"}, {"code": "pop-2"}, {"name": "常住 人口"}, {"name": "Ｇ D P"})
SHARED: tuple[Document, ...] = (
    {},
    {"shared": "none"},
    {"shared": {"to": ["示例平台"]}},
    {"shared": {"planned_by": "2026-01-01"}},
)
STAGED = {"approved": (), "building": ("begun_on",), "online": ("begun_on", "online_on"), "retiring": ("retire_on",)}

# Characters that some database or other takes for something, and letters that fold.
ALPHABET = "税务局平台Ａａ1１ßİé\"'*:&|!()<>\\%_-+^~{}[],.;?#@$=/` 　·😀\u3000"
WORDS = (
    "AND",
    "OR",
    "NOT",
    "NEAR(",
    "税务",
    "务局",
    '"',
    "'",
    "''",
    "\\",
    ":*",
    "a'b",
    "平",
    "text",
    "asks=",
    "\x91"[:0],
)
TEXT = st.text(ALPHABET, min_size=1, max_size=8) | st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map("".join)
SAID = TEXT.filter(lambda text: bool(folded(text)))

items = st.builds(lambda item, shared: {**item, **shared}, st.sampled_from(ITEMS), st.sampled_from(SHARED))
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(NAMES) | SAID,
        "kind": st.sampled_from(["app", "mini_program"]),
        "sector": st.sampled_from(["交通", "交 通", "卫生"]),
        "vendor": st.sampled_from(["示例公司", "示例 公司", "乙公司"]),
        "role": st.sampled_from(["ordinary", "sector_unified"]),
        "stage": st.sampled_from([*STAGED, "proposed"]),
        "faces_grassroots": st.booleans(),
        "features": st.lists(
            st.fixed_dictionaries({}, optional={"kind": st.sampled_from(KINDS), "name": SAID, "description": SAID}),
            max_size=2,
        ),
        "asks": st.lists(items, max_size=2, unique_by=str),
        "holdings": st.lists(items, max_size=2, unique_by=str),
        "consolidation": st.just("none")
        | st.sampled_from(DAYS).map(lambda day: {"decision": "merge", "due_on": day, "into": "other-app"}),
    },
)
SPONSORS = st.fixed_dictionaries(
    {"name": st.sampled_from(NAMES)},
    optional={
        "root_organ": st.sampled_from(NAMES),
        "level": st.sampled_from(["city", "county"]),
        "division": st.sampled_from(["", "33", "330700", "330783", "34"]),
    },
)
CONDITIONS: dict[str, st.SearchStrategy[str]] = {
    "q": SAID | st.lists(SAID, min_size=2, max_size=3).map(" ".join),
    "name": SAID | st.sampled_from(["局", "b局", "乙丙", "Ａ"]),
    "kind": st.sampled_from(["app", "mini_program", "undeclared"]),
    "level": st.sampled_from(["city", "county", "undeclared"]),
    "division": st.sampled_from(["", "33", "3307", "34", "undeclared"]),
    "department": st.sampled_from([*NAMES, "undeclared"]),
    "vendor": st.sampled_from(["示例公司", "乙公司", "undeclared"]),
    "sector": st.sampled_from(["交通", "undeclared"]),
    "role": st.sampled_from(["ordinary", "undeclared"]),
    "stage": st.sampled_from(["proposed", "online", "undeclared"]),
    "faces_grassroots": st.sampled_from(["true", "false", "undeclared"]),
    "feature_kind": st.sampled_from([*KINDS, "undeclared"]),
    **{
        name: st.sampled_from(["code=pop-1", "code=pop-2", "name=常住人口", "name=gdp", "undeclared"])
        for name in ("asks", "holds", "shares")
    },
    "grant": st.sampled_from(["approval", "necessity"]),
    "without_grant": st.sampled_from(["approval", "necessity"]),
    "grant_ends_within_days": st.sampled_from(["0", "60", "36500"]),
    **{
        f"{name}_{edge}_on": st.sampled_from(DAYS)
        for name in ("proposed", "begun", "online", "retire", "consolidation")
        for edge in ("from", "until")
    },
    "undated": st.sampled_from(["online", "begun", "retired", "consolidation"]),
    "withdrawn": st.sampled_from(["include", "only"]),
    "returned": st.sampled_from(["false"]),
}
EXAMPLES = 5
"""Of either database; each is a history and a dozen lists."""

SORTS = ("id", "name", "changed", "level", "stage", "online_on", "retire_on", "consolidation_due_on")


@st.composite
def queries(draw: Any) -> dict[str, str]:  # noqa: ANN401 - hypothesis's
    names = draw(st.lists(st.sampled_from(sorted(CONDITIONS)), max_size=2, unique=True))
    query = {name: draw(CONDITIONS[name]) for name in names}
    for name in ("proposed", "begun", "online", "retire", "consolidation"):
        if query.get(f"{name}_from_on", "") > query.get(f"{name}_until_on", "9"):
            del query[f"{name}_from_on"]
    if {"grant", "without_grant", "grant_ends_within_days"} & query.keys():
        query["grant_on"] = draw(st.sampled_from(DAYS))
    sort = draw(st.sampled_from(SORTS))
    return {**query, "sort": draw(st.sampled_from(["", "-"])) + sort}


@st.composite
def declared(draw: Any) -> Document:  # noqa: ANN401 - hypothesis's
    fields: Document = draw(FIELDS)
    for day in STAGED.get(fields.get("stage", ""), ()):
        fields[day] = {"begun_on": "2025-03-01"}.get(day) or draw(st.sampled_from(DAYS))
    return {**fields, "sponsor": draw(SPONSORS)}


class Catalogue:
    """A small catalogue of its own, written over HTTP, with its states by registry revision."""

    def __init__(self, clerk: Clerk) -> None:
        self.clerk = clerk
        self.mark = f"l-{secrets.token_hex(4)}"
        self.states: dict[int, dict[str, Entry]] = {}
        self.now: dict[str, Entry] = {}

    def keep(self, revision: int) -> None:
        self.states[revision] = copy.deepcopy(self.now)

    def write(self, number: int, fields: Document) -> None:
        app = f"{self.mark}-{number}"
        if app in self.now and self.now[app].is_withdrawn:
            return
        document = manifest(app, **{"name": None, "kind": None, **fields})
        document = {name: said for name, said in document.items() if said is not None}
        place, headers = f"/v1/apps/{app}", {}
        if app in self.now:
            headers = {"If-Match": self.clerk.etag(place)}
        answer = self.clerk.http.put(place, json=document, params={"reason": "示例"}, headers=headers)
        if answer.status_code in {409, 422}:  # a move that is none, or the sponsor of an app with a grant
            return
        revision = self.clerk.done(answer, answer.status_code)["revision"]
        before = self.now.get(app)
        self.now[app] = Entry(document, revision, grants=[] if before is None else before.grants)
        self.keep(revision)

    def withdraw(self, number: int) -> None:
        app = f"{self.mark}-{number}"
        if app in self.now and not self.now[app].is_withdrawn:
            answer = self.clerk.http.post(
                f"/v1/apps/{app}/withdraw",
                json={"reason": "示例"},
                headers={"If-Match": self.clerk.etag(f"/v1/apps/{app}")},
            )
            if answer.status_code == 200:
                self.now[app].revision, self.now[app].is_withdrawn = answer.json()["revision"], True
                self.keep(answer.json()["revision"])

    def grant(self, number: int, terms: Document, revoked_on: str | None) -> None:
        app = f"{self.mark}-{number}"
        if app not in self.now or self.now[app].is_withdrawn:
            return
        told = self.clerk.grant(app, **terms)
        self.now[app].grants.append(told)
        self.keep(told["revision"])
        if revoked_on is not None:
            place = f"/v1/apps/{app}/grants/{told['id']}"
            body = {"revoked_on": revoked_on, "reason": "示例"}
            headers = {"If-Match": self.clerk.etag(place)}
            answer = self.clerk.http.post(f"{place}/revoke", json=body, headers=headers)
            if answer.status_code == 422:  # it has run out before
                return
            told = self.clerk.done(answer)
            self.now[app].grants[-1] = told
            self.keep(told["revision"])

    def compare(self, query: dict[str, str], at: int, limit: int) -> None:
        """Compare every page and the facets of a list of this catalogue with those of the plain way."""
        today = date.fromisoformat(DAYS[0])
        met = plain_lists.found(self.states[at], query, today)
        asked: dict[str, Any] = {**query, "as_of": str(at), "id": [f"{self.mark}-{n}" for n in range(6)]}
        pages = [self.clerk.get("/v1/apps", **asked, limit=limit)]
        while pages[-1]["next"]:
            pages.append(self.clerk.get("/v1/apps", **asked, limit=limit, cursor=pages[-1]["next"]))
        told = [(item["id"], item["revision"]) for page in pages for item in page["items"]]
        assert told == [(entry.manifest["id"], entry.revision) for entry in met], query
        assert {(page["revision"], page["total"], page["is_total_exact"]) for page in pages} == {(at, len(met), True)}
        del asked["sort"]
        answer = self.clerk.get("/v1/facets/apps", **asked, top=200)
        assert answer["total"] == len(met)
        on = date.fromisoformat(query.get("grant_on") or answer["on"])
        for name, expected in plain_lists.facets(met, on).items():
            counted = Counter({each["value"]: each["count"] for each in answer["facets"][name]["values"]})
            if name in {"department", "sector"}:
                counted = Counter({each and folded(each): number for each, number in counted.items()})
            assert counted == expected, (name, query)
            assert answer["facets"][name]["others"] == 0


GRANTS = st.fixed_dictionaries(
    {"kind": st.sampled_from(["approval", "necessity"]), "from_on": st.sampled_from(DAYS[:2])},
    optional={"until_on": st.sampled_from(["2025-06-30", "2025-12-31", "2026-01-01"])},
)
WRITES = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 5), declared()),
        st.tuples(st.just("write"), st.integers(0, 5), declared()),
        st.tuples(st.just("withdraw"), st.integers(0, 5)),
        st.tuples(
            st.just("grant"), st.integers(0, 5), GRANTS, st.none() | st.sampled_from(["2025-03-01", "2025-08-01"])
        ),
    ),
    min_size=4,
    max_size=14,
)


def test_a_list_says_what_looking_at_every_app_says(clerk: Clerk) -> None:
    @settings(
        max_examples=EXAMPLES,
        phases=(Phase.generate,),
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(WRITES, st.lists(st.tuples(queries(), st.integers(0, 10_000), st.integers(1, 3)), min_size=6, max_size=12))
    def compare(writes: list[tuple[Any, ...]], asked: list[tuple[dict[str, str], int, int]]) -> None:
        catalogue = Catalogue(clerk)
        for what, *said in writes:
            getattr(catalogue, what)(*said)
        if catalogue.states:
            moments = sorted(catalogue.states)
            for query, pick, limit in asked:
                catalogue.compare(query, moments[-1 if pick % 2 else pick % len(moments)], limit)

    compare()


def test_a_word_is_found_wherever_it_is_a_part_of_a_text(clerk: Clerk) -> None:
    @settings(
        max_examples=EXAMPLES,
        phases=(Phase.generate,),
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(SAID, min_size=3, max_size=6), st.data())
    def compare(names: list[str], data: st.DataObject) -> None:
        catalogue = Catalogue(clerk)
        for number, name in enumerate(names):
            catalogue.write(number, {"features": [{"name": name}], "sponsor": {"name": "示例"}})
        at = max(catalogue.states)
        for _ in range(8):
            name = data.draw(st.sampled_from(names))
            start = data.draw(st.integers(0, len(name)))
            part = name[start : start + data.draw(st.integers(1, 5))]
            catalogue.compare({"q": part if folded(part) else name, "sort": "id"}, at, 3)
            catalogue.compare({"q": data.draw(SAID), "sort": "-changed"}, at, 3)

    compare()
