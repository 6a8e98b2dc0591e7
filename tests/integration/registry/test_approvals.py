"""Race-free approval: an app is approved against a receipt whose pins still hold, and against nothing else."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from benchmarks.auditor import Auditor
from services.manifest import divisions, receipt, ties
from services.manifest.neighbourhood import FoundBy, Recorded
from services.registry.life_cycle import State, require_move
from services.registry.settings import RegistrySettings
from services.registry.store import live, moves
from services.registry.store.database import Act
from tests import world
from tests.integration.registry.clerk import Clerk, new_id, problem
from tests.integration.registry.offices import Offices

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    import httpx

    from services.manifest.model import Manifest
    from services.registry.store.database import Database

ROOT = Path(__file__).parents[3]
STUCK_AFTER_S = 100
RIVALS = 50
AUDITOR = Auditor()
SAID = re.compile("never (changed|deleted)|is refused|open registry revision")
AGAIN = "urn:govapp:problem:decide-again"


@pytest.fixture(scope="module")
def settings(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> RegistrySettings:
    keys = tmp_path_factory.mktemp("keys") / "jwks.json"
    keys.write_bytes(orjson.dumps({"keys": [AUDITOR.public()]}))
    # Tests may run while a day begins.
    given = {"database_url": database_url, "audit_keys": str(keys), "receipt_valid_days": 2}
    return RegistrySettings.model_validate(given)


class Ministry:
    """A department of the centre that nobody else knows, and proposals of its own."""

    def __init__(self, clerk: Clerk, database: Database) -> None:
        self.clerk = clerk
        self.database = database
        self.mark = new_id()
        sponsor = {"name": f"示例部{self.mark}", "level": "central", "root_organ": f"示例部{self.mark}"}
        self.fields: dict[str, Any] = {
            "sponsor": sponsor,
            "faces_grassroots": True,
            "regions": ["33"],
            "asks": [{"code": self.mark, "levels": ["county"]}],
        }

    def register(self, **fields: Any) -> str:  # noqa: ANN401 - any field of a manifest
        return self.clerk.register(**{**self.fields, "stage": "proposed", **fields})

    def declared(self, app: str) -> Manifest:
        return world.manifest(self.clerk.get(f"/v1/apps/{app}")["manifest"])

    def today(self) -> date:
        return self.database.today()

    def claims(self, app: str, **changed: Any) -> receipt.Claims:  # noqa: ANN401 - any claim
        with self.database.reading() as connection:
            revision = live.registry_revision(connection)
        return replace(AUDITOR.claims(self.declared(app), revision, self.today()), **changed)

    def decide(self, app: str, **changed: Any) -> str:  # noqa: ANN401 - any claim
        return AUDITOR.sign(self.claims(app, **changed))

    def approve(self, app: str, signed: str) -> httpx.Response:
        headers = {"If-Match": self.clerk.etag(f"/v1/apps/{app}")}
        body = {"to": "approved", "reason": "示例批准", "receipt": signed}
        answer: httpx.Response = self.clerk.http.post(f"/v1/apps/{app}/transitions", json=body, headers=headers)
        return answer

    def state(self, app: str) -> str:
        told: str = self.clerk.get(f"/v1/apps/{app}/transitions")["state"]
        return told

    def reached(self) -> int:
        with self.database.reading() as connection:
            return live.registry_revision(connection)


@pytest.fixture
def ministry(clerk: Clerk, database: Database) -> Ministry:
    return Ministry(clerk, database)


FORGERIES: dict[str, Callable[[Ministry, str], str]] = {
    "of another key": lambda ministry, app: Auditor(AUDITOR.kid).sign(ministry.claims(app)),
    "of an unknown key": lambda ministry, app: AUDITOR.sign(ministry.claims(app), kid="another"),
    "of another type": lambda ministry, app: AUDITOR.sign(ministry.claims(app), typ="JWT"),
    "of a decision to refer": lambda ministry, app: AUDITOR.sign(ministry.claims(app, outcome="refer")),
    "of another app": lambda ministry, app: AUDITOR.sign(ministry.claims(app, sub="another-app")),
    "of another issuer": lambda ministry, app: AUDITOR.sign(ministry.claims(app, iss="another")),
    "unsigned": lambda ministry, app: "eyJhbGciOiJub25lIn0." + ministry.decide(app).split(".")[1] + ".",
    "cut off": lambda ministry, app: ministry.decide(app)[:-2],
    "as large as can be": lambda *_: "A" * receipt.MAX_CHARACTERS,
    "too large": lambda *_: "A" * (receipt.MAX_CHARACTERS + 1),
    "half a character": lambda *_: "\ud800",
    "a word": lambda *_: "收据",
}


def receipts(database: Database) -> int:
    with database.reading() as connection:
        return int(connection.execute(text("SELECT count(*) FROM receipts")).scalar_one())


def again(answer: httpx.Response) -> list[str]:
    """Give what has changed, from an answer that says so."""
    told = problem(answer, 409, "/receipt")
    assert told["type"] == AGAIN
    assert all(each["remedy"] for each in told["errors"])
    return [each["detail"] for each in told["errors"]]


def test_an_app_is_approved_against_a_receipt_which_is_kept(ministry: Ministry) -> None:
    app = ministry.register()
    claims = ministry.claims(app)
    signed = AUDITOR.sign(claims)
    told = Clerk.done(ministry.approve(app, signed))
    assert (told["stage"], ministry.state(app)) == ("approved", "approved")
    assert ministry.clerk.get(f"/v1/apps/{app}/transitions")["receipt"] == {
        "issuer": receipt.ISSUER,
        "decision": claims.jti,
        "revision": told["revision"],
        "receipt": signed,
    }


def test_the_second_of_two_proposals_has_to_be_decided_again(ministry: Ministry) -> None:
    first, second = ministry.register(), ministry.register()
    decided = {app: ministry.decide(app) for app in (first, second)}
    Clerk.done(ministry.approve(first, decided[first]))
    before = ministry.reached(), receipts(ministry.database)
    told = again(ministry.approve(second, decided[second]))
    assert any(f"department:示例部{ministry.mark}" in each and first in each for each in told)
    assert any(f"item:code={ministry.mark}" in each and first in each for each in told)
    assert (ministry.reached(), receipts(ministry.database)) == before
    assert ministry.state(second) == "proposed"
    # Decided again on what is recorded now, it is the audit's word that counts.
    Clerk.done(ministry.approve(second, ministry.decide(second)))


class TestWhatWasNotSeen:
    """Whatever began or ended after the registry revision of the decision, in the ties and regions that were asked."""

    def test_an_app_that_offers_something_now(self, ministry: Ministry) -> None:
        app = ministry.register()
        signed = ministry.decide(app)
        other = ministry.register(stage="online")
        assert [each for each in again(ministry.approve(app, signed)) if other in each]

    def test_an_app_that_offers_something_else_or_nothing_any_more(self, ministry: Ministry) -> None:
        other = ministry.register(stage="online")
        app = ministry.register()
        signed = ministry.decide(app)
        ministry.clerk.change(other, **{**ministry.fields, "stage": "online", "consolidation": "none"})
        assert [each for each in again(ministry.approve(app, signed)) if other in each]
        signed = ministry.decide(app)
        ministry.clerk.withdraw(other)
        assert [each for each in again(ministry.approve(app, signed)) if other in each]
        Clerk.done(ministry.approve(app, ministry.decide(app)))

    def test_a_change_of_nothing_that_rules_look_at_is_none(self, ministry: Ministry) -> None:
        other = ministry.register(stage="online")
        app = ministry.register()
        signed = ministry.decide(app)
        ministry.clerk.change(other, **{**ministry.fields, "stage": "online", "vendor": "示例公司"})
        ministry.register(name="另一份提案")
        Clerk.done(ministry.approve(app, signed))

    @pytest.mark.parametrize(("region", "is_seen"), [("3307", True), ("", True), ("34", False), ("99", False)])
    def test_only_regions_that_overlap_those_asked_count(
        self, ministry: Ministry, region: str, *, is_seen: bool
    ) -> None:
        app = ministry.register(faces_grassroots=None, asks=[{"code": ministry.mark}], sponsor={"level": "city"})
        signed = ministry.decide(app)
        other = ministry.register(stage="online", sponsor={"level": "city"}, regions=[region])
        answer = ministry.approve(app, signed)
        if is_seen:
            assert [each for each in again(answer) if other in each]
        else:
            Clerk.done(answer)

    def test_only_ties_that_were_asked_count(self, ministry: Ministry) -> None:
        app = ministry.register(sector="甲行业")
        signed = ministry.decide(app)
        ministry.clerk.register(stage="online", sector="甲行业", asks=[{"code": new_id()}], regions=["33"])
        Clerk.done(ministry.approve(app, signed))  # an app of the centre does not ask about its sector

    def test_all_of_many_changes_are_told_up_to_a_limit(self, ministry: Ministry) -> None:
        app = ministry.register()
        signed = ministry.decide(app)
        for _ in range(12):
            ministry.register(stage="online")
        assert len(again(ministry.approve(app, signed))) == 21

    def test_a_manifest_that_was_changed(self, ministry: Ministry) -> None:
        app = ministry.register()
        signed = ministry.decide(app)
        ministry.clerk.change(app, **{**ministry.fields, "stage": "proposed", "vendor": "示例公司"})
        (told,) = again(ministry.approve(app, signed))
        assert "清单已变更" in told
        # What was judged is what counts, so a manifest that is as it was may be approved.
        ministry.clerk.change(app, **{**ministry.fields, "stage": "proposed"})
        Clerk.done(ministry.approve(app, signed))

    def test_the_manifest_of_another_app(self, ministry: Ministry) -> None:
        app, other = ministry.register(), ministry.register(name="另一个")
        signed = ministry.decide(app, manifest=ministry.claims(other).manifest)
        (told,) = again(ministry.approve(app, signed))
        assert "清单已变更" in told

    def test_that_the_proposal_was_returned(self, ministry: Ministry) -> None:
        app = ministry.register()
        signed = ministry.decide(app)
        for to in ("returned", "proposed"):
            headers = {"If-Match": ministry.clerk.etag(f"/v1/apps/{app}")}
            body = {"to": to, "reason": "示例办理"}
            Clerk.done(ministry.clerk.http.post(f"/v1/apps/{app}/transitions", json=body, headers=headers))
        (told,) = again(ministry.approve(app, signed))
        assert "退回" in told


class TestGrants:
    @pytest.fixture
    def app(self, ministry: Ministry) -> str:
        return ministry.register()

    def approval_is_refused_for(self, ministry: Ministry, app: str, signed: str, grant: str) -> None:
        (told,) = again(ministry.approve(app, signed))
        assert f"批准 {grant} " in told

    def test_one_that_was_recorded(self, ministry: Ministry, app: str) -> None:
        signed = ministry.decide(app)
        ministry.clerk.grant(ministry.register(name="另一个"))
        grant = ministry.clerk.grant(app)
        self.approval_is_refused_for(ministry, app, signed, grant["id"])
        Clerk.done(ministry.approve(app, ministry.decide(app)))

    @pytest.mark.parametrize("deed", ["revoke", "renew"])
    def test_one_that_was_changed(self, ministry: Ministry, app: str, deed: str) -> None:
        until_on = ministry.today() + timedelta(days=30)
        grant = ministry.clerk.grant(app, until_on=until_on.isoformat())
        signed = ministry.decide(app)
        place = f"/v1/apps/{app}/grants/{grant['id']}"
        days = {"revoke": {"revoked_on": until_on}, "renew": {"until_on": until_on + timedelta(days=1)}}[deed]
        body = {"reason": "示例变更", **{name: day.isoformat() for name, day in days.items()}}
        headers = {"If-Match": ministry.clerk.etag(place)}
        Clerk.done(ministry.clerk.http.post(f"{place}/{deed}", json=body, headers=headers))
        self.approval_is_refused_for(ministry, app, signed, grant["id"])

    @pytest.mark.parametrize(
        ("from_in", "until_in", "is_as_judged"),
        [(-9, 9, True), (-9, None, True), (0, 9, False), (-1, 9, True), (-9, -1, False), (-9, 0, True), (1, 9, True)],
    )
    def test_one_that_came_into_force_or_ran_out_by_its_days(
        self, ministry: Ministry, app: str, from_in: int, until_in: int | None, *, is_as_judged: bool
    ) -> None:
        today = ministry.today()
        terms = {"granted_on": "2020-01-01", "from_on": (today + timedelta(days=from_in)).isoformat()}
        if until_in is not None:
            terms["until_on"] = (today + timedelta(days=until_in)).isoformat()
        grant = ministry.clerk.grant(app, **terms)
        signed = ministry.decide(app, day=today - timedelta(days=1))
        if is_as_judged:
            Clerk.done(ministry.approve(app, signed))
        else:
            self.approval_is_refused_for(ministry, app, signed, grant["id"])


class TestTheReceipt:
    def test_it_holds_on_its_day_and_as_many_days_after_as_is_set(self, ministry: Ministry) -> None:
        app = ministry.register()
        for ago in (-1, 3, 400):
            signed = ministry.decide(app, day=ministry.today() - timedelta(days=ago))
            (told,) = again(ministry.approve(app, signed))
            assert "收据判定的是" in told
        Clerk.done(ministry.approve(app, ministry.decide(app, day=ministry.today() - timedelta(days=1))))

    def test_it_is_used_once(self, ministry: Ministry) -> None:
        app = ministry.register()
        claims = ministry.claims(app)
        Clerk.done(ministry.approve(app, AUDITOR.sign(claims)))
        problem(ministry.approve(app, AUDITOR.sign(claims)), 409, "/to")
        # Even where the app is a proposal again, and the decision is said to have seen that.
        for to in ("returned", "proposed"):
            headers = {"If-Match": ministry.clerk.etag(f"/v1/apps/{app}")}
            body = {"to": to, "reason": "示例办理"}
            Clerk.done(ministry.clerk.http.post(f"/v1/apps/{app}/transitions", json=body, headers=headers))
        same = replace(claims, revision=ministry.reached())
        (told,) = again(ministry.approve(app, AUDITOR.sign(same)))
        assert "已用于登记号" in told
        Clerk.done(ministry.approve(app, AUDITOR.sign(replace(same, jti=new_id()))))

    def test_it_is_of_this_registry(self, ministry: Ministry) -> None:
        app = ministry.register()
        told = problem(ministry.approve(app, ministry.decide(app, revision=ministry.reached() + 1)), 422, "/receipt")
        assert "还没有到达" in told["errors"][0]["detail"]

    @pytest.mark.parametrize("forgery", FORGERIES)
    def test_one_that_is_not_genuine_leaves_no_trace(self, ministry: Ministry, forgery: str) -> None:
        app = ministry.register()
        forged = FORGERIES[forgery](ministry, app)
        before = ministry.reached(), receipts(ministry.database), ministry.clerk.get(f"/v1/apps/{app}")
        headers = {"If-Match": ministry.clerk.etag(f"/v1/apps/{app}"), "Content-Type": "application/json"}
        body = json.dumps({"to": "approved", "reason": "示例批准", "receipt": forged})
        answer = ministry.clerk.http.post(f"/v1/apps/{app}/transitions", content=body, headers=headers)
        told = problem(answer, 422, "/receipt")
        assert told["errors"][0]["detail"]
        assert (ministry.reached(), receipts(ministry.database), ministry.clerk.get(f"/v1/apps/{app}")) == before

    def test_a_body_that_is_too_large_for_any_receipt_is_not_read(self, ministry: Ministry) -> None:
        app = ministry.register()
        answer = ministry.approve(app, "A" * (4 * receipt.MAX_CHARACTERS))
        problem(answer, 413)


class TestKeptReceipts:
    """The database itself keeps receipts as they were used."""

    def refused(self, database: Database, *statements: str) -> bool:
        """Try statements in one transaction of a writer who knows only SQL, and tell whether they were refused."""
        # A door of its own: what is tried must not depend on the store's care.
        with database._engine.connect().execution_options(is_writing=True) as connection:  # noqa: SLF001
            try:
                for statement in statements:
                    connection.execute(text(statement))
            except DBAPIError as error:
                connection.invalidate()
                return SAID.search(str(error.orig)) is not None
        return False

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE receipts SET receipt = 'x'",
            "UPDATE receipts SET revision = revision",
            "DELETE FROM receipts",
            "INSERT INTO receipts SELECT 'x', 'x', 'x', revision, 'x' FROM registry_revision",
            "INSERT INTO receipts SELECT 'x', 'x', 'x', revision + 1, 'x' FROM registry_revision",
        ],
    )
    def test_they_are_neither_changed_nor_removed_nor_made_up(self, ministry: Ministry, statement: str) -> None:
        app = ministry.register()
        Clerk.done(ministry.approve(app, ministry.decide(app)))
        assert self.refused(ministry.database, statement)
        moved = "UPDATE registry_revision SET revision = revision + 1"
        assert self.refused(ministry.database, moved, statement) == ("revision, 'x'" not in statement)

    def test_none_is_replaced(self, ministry: Ministry) -> None:
        app = ministry.register()
        Clerk.done(ministry.approve(app, ministry.decide(app)))
        same = (
            "INSERT {} INTO receipts SELECT issuer, decision, app, r.revision, 'x' FROM receipts, registry_revision r"
        )
        again = f"{same.format('OR REPLACE')}"
        if ministry.database.is_postgresql:
            again = f"{same.format('')} WHERE true ON CONFLICT (issuer, decision) DO UPDATE SET receipt = 'x'"
        assert self.refused(ministry.database, "UPDATE registry_revision SET revision = revision + 1", again)


def race(database_url: str, departments: int) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "benchmarks.rivals", database_url, str(RIVALS), str(departments)]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=STUCK_AFTER_S, check=False)
    assert said.returncode == 0, said.stderr
    outcomes: list[dict[str, Any]] = json.loads(said.stdout)
    assert len(outcomes) == RIVALS
    return outcomes


def test_of_rivals_exactly_one_of_each_department_wins(database_url: str) -> None:
    """Processes that approve at the same moment. One race comes after the other: a server has a hundred connections."""
    outcomes = race(database_url, 1)
    (winner,) = (each["app"] for each in outcomes if each["has_won"])
    losers = [each for each in outcomes if not each["has_won"]]
    assert all(each["changed"] and all(winner in change for change in each["changed"]) for each in losers)
    assert all(each["has_won"] for each in race(database_url, RIVALS))


def test_an_approved_app_offers_what_a_proposal_does_not(ministry: Ministry) -> None:
    app = ministry.register()
    question = (f"department:示例部{ministry.mark}", [""])
    assert ministry.clerk.neighbourhood(None, question)["ties"][0]["total"] == 0
    Clerk.done(ministry.approve(app, ministry.decide(app)))
    assert ministry.clerk.neighbourhood(None, question)["ties"][0]["total"] == 1


def test_an_app_with_the_most_ties_and_regions_is_approved_in_time(ministry: Ministry) -> None:
    asks = [{"code": f"{ministry.mark}-{n}", "levels": ["county"]} for n in range(300)]
    app = ministry.register(regions=sorted(divisions.PROVINCES), asks=asks)
    Clerk.done(ministry.approve(app, ministry.decide(app)))


def test_the_store_asks_for_a_receipt_where_the_table_does(ministry: Ministry) -> None:
    """The door above refuses earlier; below it, a move without its receipt is a mistake of ours and must not pass."""
    app = ministry.register()

    def guard(current: Any) -> Any:  # noqa: ANN401 - the store's own types
        return require_move(current, State.APPROVED, {"approve"})

    with pytest.raises(ValueError, match="without a receipt"):
        moves.make(ministry.database, app, Act("test", "test"), guard, moves.Given(), 100)
    assert ministry.state(app) == "proposed"


class TestTheTree:
    """A receipt pins the department that the tree gave the sponsor when it was decided."""

    def claims(self, ministry: Ministry, app: str, recorded: Recorded) -> str:
        asked = receipt.asked(ties.questions(ministry.declared(app), recorded))
        return ministry.decide(app, asked=asked)

    def proposed(self, ministry: Ministry, offices: Offices) -> tuple[str, str, Recorded]:
        unit = offices.record(ministry.fields["sponsor"]["name"])
        recorded = Recorded(FoundBy.CREDIT_CODE, unit, ("示例",), unit, ("示例",))
        return ministry.register(sponsor={"level": "central", "credit_code": unit}), unit, recorded

    def test_an_app_is_approved_for_its_department_in_the_tree(self, ministry: Ministry) -> None:
        app, _, recorded = self.proposed(ministry, Offices(ministry.clerk))
        Clerk.done(ministry.approve(app, self.claims(ministry, app, recorded)))

    def test_a_receipt_for_the_department_claimed_is_not_enough(self, ministry: Ministry) -> None:
        offices = Offices(ministry.clerk)
        _, unit, _ = self.proposed(ministry, offices)
        app = ministry.register(sponsor={"level": "central", "credit_code": unit, "root_organ": "示例别的部"})
        assert [each for each in again(ministry.approve(app, ministry.decide(app))) if unit in each]

    def test_a_sponsor_that_has_moved_since_has_to_be_decided_again(self, ministry: Ministry) -> None:
        offices = Offices(ministry.clerk)
        app, unit, recorded = self.proposed(ministry, offices)
        signed = self.claims(ministry, app, recorded)
        above = offices.record("示例别的部")
        offices.change(unit, names=[{"name": "示例中心"}], parents=[{"organisation": above}])
        assert [each for each in again(ministry.approve(app, signed)) if above in each]

    def test_another_app_that_moves_into_the_department_is_a_change(self, ministry: Ministry) -> None:
        offices = Offices(ministry.clerk)
        app, unit, recorded = self.proposed(ministry, offices)
        other_unit = offices.record("示例别的中心")
        other = ministry.register(sponsor={"level": "central", "credit_code": other_unit}, stage="online")
        signed = self.claims(ministry, app, recorded)
        offices.change(other_unit, names=[{"name": "示例别的中心"}], parents=[{"organisation": unit}])
        assert [each for each in again(ministry.approve(app, signed)) if other in each]
