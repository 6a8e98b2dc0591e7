"""Random histories: whatever callers try, in whatever order, an app moves along the table of the life cycle only.

The table is written down here a second time, by hand and more naively, as who may lead from where to where.
"""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from benchmarks.auditor import Auditor
from services.registry.main import create_service
from services.registry.settings import RegistrySettings
from tests import world
from tests.integration.registry.clerk import Clerk, manifest, new_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from services.registry.store.database import Database

AUDITOR = Auditor()
SPONSOR, AUTHORITY, KEEPER = "sponsor", "authority", "keeper"
SCOPES = {SPONSOR: ["read", "write"], AUTHORITY: ["read", "write", "approve"], KEEPER: ["read", "write", "admin"]}
STAGES = ("proposed", "approved", "building", "online", "retiring", "retired")
DAYS = {"building": "begun_on", "online": "online_on", "retiring": "retire_on", "retired": "retired_on"}

# From where to where, and who leads there. What needs a receipt says so.
EVERYBODY = {SPONSOR, AUTHORITY, KEEPER}
WAYS: dict[tuple[str, str], set[str]] = {
    ("proposed", "approved with a receipt"): {AUTHORITY},
    ("proposed", "returned"): {AUTHORITY},
    ("approved", "returned"): {AUTHORITY},
    ("returned", "proposed"): EVERYBODY,
    ("approved", "building"): EVERYBODY,
    ("building", "online"): EVERYBODY,
    ("building", "retired"): EVERYBODY,
    ("online", "retiring"): EVERYBODY,
    ("online", "retired"): EVERYBODY,
    ("retiring", "online"): EVERYBODY,
    ("retiring", "retired"): EVERYBODY,
    **{("undeclared", f"{stage} by manifest"): EVERYBODY for stage in STAGES if stage != "approved"},
    ("undeclared", "approved by manifest"): {AUTHORITY},
    **{(state, "withdrawn"): EVERYBODY for state in ("undeclared", "proposed", "returned", "approved")},
    **{(state, "withdrawn"): {KEEPER} for state in ("building", "online", "retiring", "retired")},
}
BY_MANIFEST = {("approved", "building"), ("building", "online"), ("building", "retired"), ("online", "retiring")} | {
    ("online", "retired"),
    ("retiring", "online"),
    ("retiring", "retired"),
}


@dataclass(frozen=True)
class Deed:
    """Something that a caller tries."""

    caller: str
    to: str
    by_manifest: bool
    has_receipt: bool
    has_day: bool


deeds = st.builds(
    Deed,
    caller=st.sampled_from(sorted(SCOPES)),
    to=st.sampled_from(("undeclared", *STAGES, "returned", "withdrawn")),
    by_manifest=st.booleans(),
    has_receipt=st.booleans(),
    has_day=st.booleans(),
)


@pytest.fixture(scope="module")
def settings_(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> RegistrySettings:
    keys = tmp_path_factory.mktemp("keys") / "jwks.json"
    keys.write_bytes(orjson.dumps({"keys": [AUDITOR.public()]}))
    tokens = {
        hashlib.sha256(name.encode()).hexdigest(): {"name": name, "scopes": scopes} for name, scopes in SCOPES.items()
    }
    given = {"database_url": database_url, "audit_keys": str(keys), "receipt_valid_days": 1, "web": {"tokens": tokens}}
    return RegistrySettings.model_validate(given)


@pytest.fixture(scope="module")
def callers(settings_: RegistrySettings) -> Iterator[dict[str, TestClient]]:
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(
                TestClient(create_service(settings_), headers={"Authorization": f"Bearer {name}"})
            )
            for name in SCOPES
        }


def expected(state: str, deed: Deed) -> str:
    """Tell the state to which a deed leads; the state itself when it is refused."""
    if deed.by_manifest:
        if deed.to in {"returned", "withdrawn"} or state == "withdrawn":
            return state
        if deed.to == ("proposed" if state == "returned" else state):
            return state
        allowed = WAYS.get((state, f"{deed.to} by manifest"))
        if allowed is None and (state, deed.to) in BY_MANIFEST and (deed.has_day or state == "retiring"):
            allowed = WAYS[state, deed.to]
            if state == "retiring" and deed.to == "retired" and not deed.has_day:
                allowed = None
        return deed.to if deed.caller in (allowed or ()) else state
    if deed.to == "approved":
        way = "approved with a receipt" if deed.has_receipt else ""
        return "approved" if deed.caller in WAYS.get((state, way), ()) else state
    if deed.has_receipt or (deed.to == "retiring" and not deed.has_day):
        return state
    if deed.has_day and (
        deed.to in {"returned", "proposed", "withdrawn"} or (state, deed.to) == ("retiring", "online")
    ):
        return state
    return deed.to if deed.caller in WAYS.get((state, deed.to), ()) else state


def attempt(callers: dict[str, TestClient], database: Database, app: str, deed: Deed) -> httpx.Response:
    client = callers[deed.caller]
    headers = {"If-Match": client.get(f"/v1/apps/{app}").headers["ETag"]}
    day = {"retiring": "2999-12-31"}.get(deed.to, "2025-01-01")
    answer: httpx.Response
    if deed.by_manifest:
        stage = {} if deed.to == "undeclared" else {"stage": deed.to}
        days = {DAYS[deed.to]: day} if deed.has_day and deed.to in DAYS else {}
        document = manifest(app, **stage, **days)
        answer = client.put(f"/v1/apps/{app}", json=document, params={"reason": "示例"}, headers=headers)
        return answer
    body: dict[str, Any] = {"to": deed.to, "reason": "示例"}
    if deed.has_receipt:
        told = client.get(f"/v1/apps/{app}").json()
        claims = AUDITOR.claims(world.manifest(told["manifest"]), told["revision"], database.today())
        body["receipt"] = AUDITOR.sign(claims)
    if deed.has_day and deed.to != "approved":
        body["on"] = day
    answer = client.post(f"/v1/apps/{app}/transitions", json=body, headers=headers)
    return answer


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=st.sampled_from(("undeclared", *STAGES)), tried=st.lists(deeds, min_size=4, max_size=14))
def test_histories_never_leave_the_table(
    callers: dict[str, TestClient], database: Database, first: str, tried: list[Deed]
) -> None:
    app, state = new_id(), first
    document = manifest(app, **({} if first == "undeclared" else {"stage": first}))
    Clerk.done(callers[AUTHORITY].put(f"/v1/apps/{app}", json=document), 201)
    for deed in tried:
        before = callers[SPONSOR].get(f"/v1/apps/{app}/transitions").json()
        assert before["state"] == state
        answer = attempt(callers, database, app, deed)
        after = callers[SPONSOR].get(f"/v1/apps/{app}/transitions").json()
        assert (deed, after["state"]) == (deed, expected(state, deed)), answer.text
        if answer.is_success:
            state = after["state"]
        else:
            assert answer.status_code in {403, 409, 422}, answer.text
            assert after == before
