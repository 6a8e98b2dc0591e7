"""History: every write is one revision, complete and in order, and offers begin and end with it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from services.registry.store import apps
from services.registry.store.database import Act, Database
from services.registry.tables import Action, Noun
from tests import world
from tests.integration.registry.clerk import Clerk, manifest, new_id

if TYPE_CHECKING:
    from collections.abc import Sequence

ACT = Act("示例经办人", "示例理由")


def rows(database: Database, sql: str, **values: Any) -> Sequence[Any]:  # noqa: ANN401 - any value
    with database.reading() as connection:
        return connection.execute(text(sql), values).all()


def history(database: Database, thing: str) -> list[dict[str, Any]]:
    with database.reading() as connection:
        found = connection.execute(
            text("SELECT * FROM revisions WHERE thing = :thing ORDER BY revision"), {"thing": thing}
        )
        return [dict(row) for row in found.mappings()]


def offers(database: Database, app: str) -> list[tuple[Any, ...]]:
    sql = "SELECT tie, division, since, until FROM offers WHERE app = :app ORDER BY tie, division, since"
    return [tuple(row) for row in rows(database, sql, app=app)]


def test_every_write_to_an_app_is_in_its_history(clerk: Clerk, database: Database) -> None:
    app = clerk.register(name="初名")
    changed = clerk.change(app, name="新名")
    withdrawn = clerk.withdraw(app)
    first, second, third = history(database, app)
    told = ("noun", "app", "who", "action", "reason")
    assert [tuple(each[name] for name in told) for each in (first, second, third)] == [
        ("app", app, "anonymous", "register", "登记 · registered"),
        ("app", app, "anonymous", "change", "示例变更"),
        ("app", app, "anonymous", "withdraw", "示例撤回"),
    ]
    assert [each["revision"] for each in (second, third)] == [changed["revision"], withdrawn["revision"]]
    assert first["before"] is None
    assert json.loads(first["after"]) == manifest(app, name="初名")
    assert first["after"] == second["before"]
    assert json.loads(second["after"]) == manifest(app, name="新名")
    assert second["after"] == third["before"]
    assert third["after"] is None


def test_every_write_to_a_grant_is_in_its_history(clerk: Clerk, database: Database) -> None:
    app = clerk.register()
    grant = clerk.grant(app, reason="示例授权")
    place = f"/v1/apps/{app}/grants/{grant['id']}"
    body = {"revoked_on": "2025-06-01", "reason": "示例撤销"}
    clerk.done(clerk.http.post(f"{place}/revoke", json=body, headers={"If-Match": clerk.etag(place)}))
    first, second = history(database, grant["id"])
    told = ("noun", "app", "action", "reason")
    assert [tuple(each[name] for name in told) for each in (first, second)] == [
        ("grant", app, "grant", "示例授权"),
        ("grant", app, "revoke", "示例撤销"),
    ]
    assert first["before"] is None
    assert first["after"] == second["before"]
    assert json.loads(second["after"]) == {**json.loads(first["after"]), "revoked_on": "2025-06-01"}


def test_what_is_refused_leaves_no_trace(clerk: Clerk, database: Database) -> None:
    app = clerk.register()
    before = rows(database, "SELECT * FROM registry_revision")
    clerk.http.put(f"/v1/apps/{app}", json=manifest(app, name="新名"), params={"reason": "变更"})
    clerk.http.post(f"/v1/apps/{app}/withdraw", json={"reason": "撤回"}, headers={"If-Match": '"0"'})
    clerk.http.put(
        f"/v1/apps/{app}",
        json=manifest(app),
        params={"reason": "重复"},
        headers={"If-Match": clerk.etag(f"/v1/apps/{app}")},
    )
    assert rows(database, "SELECT * FROM registry_revision") == before
    assert len(history(database, app)) == 1


def test_revisions_have_no_gap_and_instants_never_go_back(clerk: Clerk, database: Database) -> None:
    clerk.withdraw(clerk.register())
    told = rows(database, "SELECT revision, at FROM revisions ORDER BY revision")
    assert [revision for revision, _ in told] == list(range(len(told)))
    instants = [at for _, at in told]
    assert instants == sorted(instants)
    assert rows(database, "SELECT revision FROM registry_revision") == [(len(told) - 1,)]


def test_a_clock_set_back_does_not_set_history_back(database_url: str, database: Database) -> None:
    late = datetime.now(UTC) + timedelta(days=1)
    early = late - timedelta(days=400)
    ids = [new_id(), new_id()]
    for app, now in zip(ids, (late, early), strict=True):
        own = Database(database_url, now=lambda now=now: now)  # type: ignore[misc]
        apps.put(own, app, world.manifest(manifest(app)), ACT, lambda *_: None, 100)
        own.close()
    first, second = (apps.get(database, app) for app in ids)
    assert first.registered_at == second.registered_at == late
    assert second.revision == first.revision + 1


ASK = {"code": "offers-test", "levels": ["county"]}


class TestOffers:
    def test_one_is_written_again_only_when_its_own_facts_change(self, clerk: Clerk, database: Database) -> None:
        fields: dict[str, Any] = {"asks": [ASK], "sector": "示例行业", "regions": ["33", "34"]}
        app = clerk.register(**fields)
        first = offers(database, app)
        assert first
        assert {until for *_, until in first} == {None}
        clerk.change(app, **fields, vendor="示例公司", version="2")
        assert offers(database, app) == first
        # The asks of an item are facts of that item's tie only.
        revision = clerk.change(app, **{**fields, "asks": [{**ASK, "period": "daily"}]})["revision"]
        now = offers(database, app)
        assert {offer for offer in now if offer[0].startswith("sector:")} == {
            o for o in first if o[0].startswith("sector:")
        }
        since = first[0][2]
        assert [offer for offer in now if offer[0].startswith("item:")] == [
            ("item:code=offers-test", division, begun, ended)
            for division in ("33", "34")
            for begun, ended in ((since, revision), (revision, None))
        ]

    def test_a_withdrawn_app_offers_nothing(self, clerk: Clerk, database: Database) -> None:
        app = clerk.register(asks=[ASK])
        revision = clerk.withdraw(app)["revision"]
        assert {until for *_, until in offers(database, app)} == {revision}
        question = ("item:code=offers-test", [""])
        told = clerk.neighbourhood(None, question)["ties"][0]["neighbours"]
        assert app not in [each["app"] for each in told]


def test_a_write_that_fails_leaves_the_database_unlocked(database: Database) -> None:
    app = new_id()

    def write_half() -> None:
        with database.writing(ACT) as write:
            write.close(Noun.APP, app, Action.CHANGE, app=app, before=None, after=None)
            raise LookupError

    with pytest.raises(LookupError):
        write_half()
    apps.put(database, app, world.manifest(manifest(app)), ACT, lambda *_: None, 100)
    assert [each["action"] for each in history(database, app)] == ["register"]
