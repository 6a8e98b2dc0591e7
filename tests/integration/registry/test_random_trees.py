"""Random trees of organisations: the registry says of every day, as of every moment, what a simple model says.

The model keeps everything that was recorded after every registry revision, and works out everything else the plain way:
by going through all organisations, and following one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.integration.registry.clerk import Clerk, Document, new_id
from tests.integration.registry.offices import Offices, new_code

if TYPE_CHECKING:
    from services.registry.store.database import Database

DAYS = ("2020-01-01", "2021-01-01", "2022-01-01", "2023-01-01")
FIRST = "0001-01-01"
PICK = st.integers(0, 5)
ABOVE = st.lists(
    st.tuples(st.sampled_from([FIRST, *DAYS]), st.none() | PICK), max_size=3, unique_by=lambda each: each[0]
)
END = st.none() | st.tuples(st.sampled_from(["2023-06-01", "2024-01-01"]), st.none() | PICK)
SPONSOR = st.tuples(st.none() | PICK, st.none() | PICK, st.none() | PICK)


@dataclass
class State:
    """All that is recorded after one registry revision."""

    organisations: dict[str, Document] = field(default_factory=dict)
    sponsors: dict[str, Document] = field(default_factory=dict)

    def above(self, code: str, on: str) -> str | None:
        said = self.organisations[code]
        if said.get("merged_into") and said["ended_on"] <= on:
            return str(said["merged_into"])
        begun = [each for each in said["parents"] if each.get("from_on", FIRST) <= on]
        return begun[-1].get("organisation") if begun else None

    def way(self, code: str, on: str) -> list[str]:
        way = [code]
        while (above := self.above(way[-1], on)) is not None and len(way) <= len(self.organisations):
            way.append(above)
        return way

    def has_cycle(self) -> bool:
        days = [FIRST, *DAYS, "2023-06-01", "2024-01-01"]
        return any(len(self.way(code, on)) > len(self.organisations) for code in self.organisations for on in days)

    def bearer(self, name: str | None) -> str | None:
        """Give who alone bears a name: now, else now but ended, else formerly."""
        ranks: dict[int, set[str]] = {}
        for code, said in self.organisations.items():
            for i, each in enumerate(said["names"]):
                if each["name"] == name:
                    is_present = i == len(said["names"]) - 1
                    rank = 2 if not is_present else 1 if said.get("ended_on") else 0
                    ranks.setdefault(rank, set()).add(code)
        first = ranks[min(ranks)] if ranks else set()
        return next(iter(first)) if len(first) == 1 else None

    def department(self, sponsor: Document) -> str | None:
        """Give the tie of the department of a sponsor."""
        code, name, organ = (sponsor.get(part) for part in ("credit_code", "name", "root_organ"))
        found = code if code in self.organisations else self.bearer(name) or self.bearer(organ)
        if found is not None:
            return f"department:code={self.way(found, '2026-01-01')[-1]}"
        if organ or name:
            return f"department:{organ or name}"
        return None if code is None else f"department:code={code}"


class Tree(RuleBasedStateMachine):
    """The registry on one side, the states of the model by registry revision on the other."""

    def __init__(self, clerk: Clerk) -> None:
        super().__init__()
        self.clerk, self.offices = clerk, Offices(clerk)
        mark = new_code()
        self.codes = [new_code() for _ in range(6)]
        self.names = [f"示例{n}{mark}".lower() for n in range(4)]
        self.now = State()
        self.states: dict[int, State] = {self.revision(): self.now}

    def revision(self) -> int:
        reached: int = self.clerk.get("/v1/changes", since=0, limit=1)["revision"]
        return reached

    def pick(self, n: int | None) -> str | None:
        return None if n is None else self.codes[n]

    @rule(
        which=PICK,
        names=st.lists(st.integers(0, 3), min_size=1, max_size=3),
        above=ABOVE,
        end=END,
    )
    def put(self, which: int, names: list[int], above: list[tuple[str, int | None]], end: Any) -> None:  # noqa: ANN401 - a day and a pick
        code = self.codes[which]
        said: Document = {
            "names": [{"name": self.names[n]} | ({"from_on": DAYS[i]} if i else {}) for i, n in enumerate(names)],
            "parents": [self._parent(day, n) for day, n in sorted(above, key=lambda each: each[0])],
        }
        if end is not None:
            said["ended_on"] = end[0]
            if end[1] is not None:
                said["merged_into"] = self.pick(end[1])
        others = {each.get("organisation") for each in said["parents"]} | {said.get("merged_into")}
        after = State({**self.now.organisations, code: said}, self.now.sponsors)
        is_known = (others - {None}) <= self.now.organisations.keys()
        headers = {"If-Match": self.offices.tag(code)} if code in self.now.organisations else {}
        answer = self.offices.put(code, said, headers)
        if code in others:
            assert answer.status_code == 422
        elif not is_known or after.has_cycle():
            assert answer.status_code == 409, answer.text
        else:
            assert answer.status_code in {200, 201}, answer.text
            self.became(after)

    def _parent(self, day: str, n: int | None) -> Document:
        parent = {} if n is None else {"organisation": self.codes[n]}
        return parent if day == FIRST else {**parent, "from_on": day}

    @rule(sponsor=SPONSOR, again=st.none() | PICK)
    def sponsor(self, sponsor: tuple[int | None, int | None, int | None], again: int | None) -> None:
        code, name, organ = sponsor
        said = {
            part: value
            for part, value in (
                ("credit_code", self.pick(code)),
                ("name", None if name is None else self.names[name % 4]),
                ("root_organ", None if organ is None else self.names[organ % 4]),
            )
            if value is not None
        }
        known = sorted(self.now.sponsors)
        fields = {"sponsor": {"level": "central", **said}, "stage": "online", "faces_grassroots": True}
        if again is None or not known:
            app = self.clerk.register(id=new_id(), **fields)
        else:
            app = known[again % len(known)]
            self.clerk.change(app, **fields)
        self.became(State(self.now.organisations, {**self.now.sponsors, app: said}))

    def became(self, after: State) -> None:
        self.now = after
        self.states[self.revision()] = after

    @rule(n=st.integers(0, 10_000), which=PICK, on=st.sampled_from([*DAYS, "2020-06-01", "2023-06-01", "2026-01-01"]))
    def read(self, n: int, which: int, on: str) -> None:
        revision = sorted(self.states)[n % len(self.states)]
        state, code, at = self.states[revision], self.codes[which], {"on": on, "as_of": str(revision)}
        if code not in state.organisations:
            assert self.clerk.http.get(f"/v1/organisations/{code}/path", params=at).status_code == 404
            return
        assert [each["code"] for each in self.offices.path(code, **at)] == state.way(code, on)
        begun = [each["name"] for each in state.organisations[code]["names"] if each.get("from_on", FIRST) <= on]
        assert self.offices.get(code, **at)["name"] == begun[-1]
        below = sorted(each for each in state.organisations if code in state.way(each, on)[1:])
        assert self.offices.codes(under=code, ended="include", limit="1000", **at) == below
        children = sorted(each for each in state.organisations if state.above(each, on) == code)
        assert self.offices.codes(parent=code, ended="include", **at) == children

    @rule(n=st.integers(0, 10_000))
    def ask(self, n: int) -> None:
        revision = sorted(self.states)[n % len(self.states)]
        state = self.states[revision]
        offered: dict[str, set[str]] = {}
        for app, sponsor in state.sponsors.items():
            if (tie := state.department(sponsor)) is not None:
                offered.setdefault(tie, set()).add(app)
        self._compare(offered, state, {"as_of": str(revision)})

    @invariant()
    def offers_are_those_of_the_tree(self) -> None:
        for app, sponsor in self.now.sponsors.items():
            assert self.clerk.get(f"/v1/apps/{app}/sponsor")["tie"] == self.now.department(sponsor)
        offered: dict[str, set[str]] = {}
        for app, sponsor in self.now.sponsors.items():
            if (tie := self.now.department(sponsor)) is not None:
                offered.setdefault(tie, set()).add(app)
        self._compare(offered, self.now, {})

    def _compare(self, offered: dict[str, set[str]], state: State, at: dict[str, str]) -> None:
        for tie, apps in offered.items():
            asked = {"questions": [{"tie": tie, "regions": [""]}], **at}
            (answer,) = self.clerk.done(self.clerk.http.post("/v1/neighbourhoods", json=asked))["ties"]
            assert answer["tie"] == tie
            found = {each["app"] for each in answer["neighbours"]}
            assert found & state.sponsors.keys() == apps


def test_random_trees(clerk: Clerk, database: Database) -> None:
    run_state_machine_as_test(
        lambda: Tree(clerk),  # type: ignore[arg-type] # it only calls it
        settings=settings(
            max_examples=6 if database.is_postgresql else 12,
            stateful_step_count=25,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
