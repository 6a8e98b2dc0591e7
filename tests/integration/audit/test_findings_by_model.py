"""Findings against a plain model: whatever is declared, granted, moved and audited, both say the same."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from services.audit import receipts
from services.audit.audits import Judged
from services.audit.engine import report
from services.audit.ledger import read_entry
from services.audit.rectification import STATES, State, move_between
from services.audit.regulation import LAW
from services.audit.store import audits, finding_lists, findings, ledger, recorded
from services.audit.store.findings import Happening
from services.database.doors import commit
from tests import world
from tests.conftest import new_database
from tests.integration.audit.inspector import RULE, check_in, forced
from tests.integration.audit.test_reminders import Desk

if TYPE_CHECKING:
    from pathlib import Path

BASE = forced("甲")
FEATURES = ("check-in", "roll-call", "night-watch")
SCENARIO = {"kind": "security", "prescription": "示例重大活动安保规定"}
STATUS = ("absent", "forced", "free", "undeclared", "claimed")


class Followed(RuleBasedStateMachine):
    """One app with three features, each of which breaks the rule, does not, says nothing, or claims a scenario."""

    url: str

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk(self.url)
        self.app = f"{BASE['id']}-{Followed.count}"
        Followed.count += 1
        self.revision = 0
        self.start = ledger.head(self.desk.database).size
        self.since, _ = finding_lists.feed(self.desk.database, 0, 1, None)
        self.declared = dict.fromkeys(FEATURES, "absent")
        self.granted = False
        self.model: dict[str, State] = {}

    count = 0

    @rule(feature=st.sampled_from(FEATURES), status=st.sampled_from(STATUS))
    def declare(self, feature: str, status: str) -> None:
        self.declared[feature] = status

    @rule(is_granted=st.booleans())
    def grant(self, *, is_granted: bool) -> None:
        self.granted = is_granted

    @rule(forward=st.booleans())
    def audit(self, *, forward: bool) -> None:
        """Audit the app, with its features in one order or the other."""
        self.revision += 1
        manifest = world.manifest(self._document(forward=forward))
        seen = world.neighbourhood(manifest, (), self._grants())
        found = report(manifest, seen, LAW, self.desk.now.date())
        judged = Judged(self.app, 1, manifest, self.revision, found, None)
        with self.desk.database.changing() as connection:
            audits.record(connection, judged, "示例", self.desk.database.now())
            commit(connection)
        for feature in FEATURES:
            self._expect(feature)

    @precondition(lambda self: self.model)
    @rule(data=st.data(), to=st.sampled_from(State))
    def move(self, data: st.DataObject, to: State) -> None:
        feature = data.draw(st.sampled_from(sorted(self.model)))
        move = move_between(self.model[feature], to)
        if move is None or move.scope is None:
            return
        due_on = (self.desk.now + timedelta(days=3)).date()
        changed = {"state": to.value} | ({"due_on": due_on} if move.needs else {})
        (finding,) = [each for each in self._listed() if feature in each.place]
        with self.desk.database.changing() as connection:
            happening = Happening(move.action, {}, changed)
            findings.change(connection, self.desk.database.now(), finding.id, "示例", lambda _: happening)
            commit(connection)
        self.model[feature] = to

    @rule()
    def go_on(self) -> None:
        self.desk.now += timedelta(days=1)

    @invariant()
    def both_say_the_same(self) -> None:
        listed = {each.place.split("/")[2]: STATES[each.state] for each in self._listed()}
        assert listed == self.model

    @invariant()
    def every_state_is_that_of_its_last_event(self) -> None:
        for each in self._listed():
            events = finding_lists.history(self.desk.database, each.id, 0, 1000)
            assert [event.number for event in events] == list(range(1, each.number + 1))
            assert [event.was for event in events] == [None, *(event.state for event in events[:-1])]
            assert events[-1].state == each.state

    def teardown(self) -> None:
        """What is in the ledger is what was recorded; what came in is told in the order of its commits."""
        _, entries = ledger.entries(self.desk.database, self.start, 10_000, with_decisions=False)
        with self.desk.database.reading() as connection:
            for each in entries:
                entry = read_entry(each.content.encode())
                assert receipts.digest(recorded.content(connection, entry.place)) == entry.digest
        last, events = finding_lists.feed(self.desk.database, self.since, 10_000, None)
        assert [event.serial for event in events] == list(range(self.since + 1, last + 1))
        assert sorted(events, key=lambda event: event.ledger) == events
        self.desk.database.close()

    def _document(self, *, forward: bool) -> dict[str, Any]:
        document = copy.deepcopy(BASE)
        document["id"] = self.app
        document["features"].pop()
        for id, status in self.declared.items():
            if status != "absent":
                document["features"].append(_feature(id, status))
        if not forward:
            document["features"].reverse()
        return document

    def _grants(self) -> list[Any]:
        granted = {"id": "g-special", "kind": "special_scenario", "granted_on": "2025-08-01", "from_on": "2025-08-01"}
        return [world.grant(granted, self.app)] if self.granted else []

    def _expect(self, feature: str) -> None:
        """Say in plain words what an audit makes of the finding at a feature."""
        status, state = self.declared[feature], self.model.get(feature)
        is_exempt = status == "claimed" and self.granted
        # Whoever took the feature out may have renamed it to one of which something is lacking.
        others = [self.declared[each] for each in FEATURES if each != feature]
        is_hidden = status == "absent" and ("undeclared" in others or ("claimed" in others and not self.granted))
        is_lacking = status == "undeclared" or (status == "claimed" and not self.granted) or is_hidden
        is_lifted = is_exempt or (status == "absent" and "claimed" in others and self.granted)
        if status == "forced":
            if state is None:
                self.model[feature] = State.OPEN
            elif state in {State.RECTIFIED, State.VERIFIED, State.WAIVED}:
                self.model[feature] = State.REOPENED
        elif state is None or (state is State.VERIFIED and not is_lacking):
            pass
        elif is_lacking:
            if state is State.WAIVED and not is_lifted:
                self.model[feature] = State.REOPENED
        else:
            self.model[feature] = State.WAIVED if is_lifted else State.VERIFIED

    def _listed(self) -> list[Any]:
        wanted = finding_lists.Filter(self.desk.now.date(), app=self.app, rule=RULE)
        return [each.finding for each in finding_lists.page(self.desk.database, wanted, 100, None).rows]


def _feature(id: str, status: str) -> dict[str, Any]:
    match status:
        case "free":
            return check_in(id, forced=False, all_users=False, decline={"how": "可不签到", "costs": []})
        case "claimed":
            return check_in(id, special_scenario=SCENARIO)
        case "undeclared":
            document = check_in(id, all_users=False)
            del document["forced"]
            return document
        case _:
            return check_in(id)


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_findings_are_as_the_model_has_them(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    with new_database(engine, tmp_path, request) as url:
        machine = type("Machine", (Followed,), {"url": url})
        few = settings(
            max_examples=15 if engine == "sqlite" else 5,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        run_state_machine_as_test(machine, settings=few)
