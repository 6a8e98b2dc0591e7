"""Checks over HTTP: the audit service before a real registry, with good, bad and hostile input."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date
from typing import TYPE_CHECKING

import httpx
import orjson
import pytest
from pydantic import SecretStr

from services.audit.engine import report
from services.audit.formats import json as json_format
from services.audit.main import create_service
from services.audit.regulation import LAW
from services.audit.settings import AuditSettings
from services.registry.main import create_service as create_registry
from services.registry.settings import RegistrySettings
from tests import world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from starlette.types import Receive, Scope, Send

    from services.web import Service

EXEMPLARY = world.load(world.RULES / "exemplary.yaml")["local"]
APP = EXEMPLARY["app"]
ON = "2026-03-01"
JSON = {"Content-Type": "application/json"}
YAML = {"Content-Type": "application/yaml"}


@asynccontextmanager
async def running(service: Service) -> AsyncIterator[httpx.ASGITransport]:
    """Run a service's lifespan, and hand its state to every request as a server would."""
    async with service.router.lifespan_context(service) as state:

        async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
            scope["state"] = dict(state or {})
            await service(scope, receive, send)

        yield httpx.ASGITransport(with_state)


def refuse(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


def ask(
    path: Path | None, what: Callable[[httpx.AsyncClient, httpx.AsyncClient | None], Awaitable[httpx.Response]]
) -> httpx.Response:
    """Ask the audit before a registry that keeps its facts under `path`, or before none that answers."""

    async def run() -> httpx.Response:
        async with AsyncExitStack() as stack:
            registry: httpx.AsyncClient | None = None
            transport: httpx.AsyncBaseTransport = httpx.MockTransport(refuse)
            if path is not None:
                settings = RegistrySettings(database_url=SecretStr(f"sqlite:///{path}/registry.db"))
                transport = await stack.enter_async_context(running(create_registry(settings)))
                registry = httpx.AsyncClient(transport=transport, base_url="http://registry.example")
                await load(registry)
            audit = await stack.enter_async_context(
                running(create_service(AuditSettings(registry_url="http://registry.example"), transport))
            )
            async with httpx.AsyncClient(transport=audit, base_url="http://audit.example") as client:
                return await what(client, registry)

    return asyncio.run(run())


async def load(registry: httpx.AsyncClient) -> None:
    """Register the exemplary app, what is around it, and its approval."""
    for each in [APP, *EXEMPLARY["around"]]:
        answer = await registry.put(f"/v1/apps/{each['id']}", json={"manifest": "1", **each})
        assert answer.status_code == 201, answer.text
    grant = {
        "kind": "approval",
        "granter": {"name": "示例市发展和改革局"},
        "basis": {"title": "示例批复", "number": "示发改〔2025〕7号"},
        "granted_on": "2025-01-06",
        "from_on": "2025-01-06",
        "reason": "立项批准",
    }
    answer = await registry.post(f"/v1/apps/{APP['id']}/grants", json=grant)
    assert answer.status_code == 201, answer.text


async def post(client: httpx.AsyncClient, content: bytes, headers: dict[str, str], **query: str) -> httpx.Response:
    return await client.post("/v1/checks", content=content, headers=headers, params={"on": ON, **query})


def test_the_exemplary_app_is_approved_by_id_and_by_manifest(tmp_path: Path) -> None:
    async def both(client: httpx.AsyncClient, _: httpx.AsyncClient | None) -> httpx.Response:
        by_id = await client.post("/v1/checks", params={"app": APP["id"], "on": ON})
        by_manifest = await post(client, orjson.dumps(APP), JSON)
        assert by_id.status_code == 200, by_id.text
        assert by_id.content == by_manifest.content
        return by_id

    told = ask(tmp_path, both).json()
    assert told["outcome"] == "approve"
    assert len(told["rulings"]) == 26
    assert told["revision"] > 0


def test_yaml_and_json_give_the_same_bytes(tmp_path: Path) -> None:
    async def both(client: httpx.AsyncClient, _: httpx.AsyncClient | None) -> httpx.Response:
        as_yaml = await post(client, orjson.dumps(APP, option=orjson.OPT_INDENT_2), YAML)
        as_json = await post(client, orjson.dumps(APP), JSON)
        assert as_yaml.content == as_json.content
        return as_yaml

    assert ask(tmp_path, both).status_code == 200


def test_without_the_registry_the_answer_is_the_engines_own_and_never_an_approval() -> None:
    answer = ask(None, lambda client, _: post(client, orjson.dumps(APP), JSON))
    assert answer.status_code == 200
    assert answer.json()["outcome"] == "refer"
    assert answer.json()["revision"] is None
    expected = report(world.manifest(APP), None, LAW, date.fromisoformat(ON))
    assert answer.content == json_format.render(expected)
    lacks = [lack for ruling in answer.json()["rulings"] for lack in ruling["lacks"]]
    assert {lack["kind"] for lack in lacks} == {"registry"}


def test_a_registered_app_needs_the_registry() -> None:
    answer = ask(None, lambda client, _: client.post("/v1/checks", params={"app": APP["id"], "on": ON}))
    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:govapp:problem:registry-unavailable"
    assert answer.headers["Retry-After"] == "5"


@pytest.mark.parametrize("app", ["example-nobody", "example-withdrawn"])
def test_an_app_that_is_not_on_the_books_is_not_found(tmp_path: Path, app: str) -> None:
    async def check(client: httpx.AsyncClient, registry: httpx.AsyncClient | None) -> httpx.Response:
        assert registry is not None
        made = await registry.put("/v1/apps/example-withdrawn", json={"manifest": "1", "id": "example-withdrawn"})
        gone = await registry.post(
            "/v1/apps/example-withdrawn/withdraw",
            json={"reason": "登记错误"},
            headers={"If-Match": made.headers["ETag"]},
        )
        assert gone.status_code == 200, gone.text
        return await client.post("/v1/checks", params={"app": app, "on": ON})

    answer = ask(tmp_path, check)
    assert answer.status_code == 404
    assert answer.json()["errors"][0]["pointer"] == "?app"


def test_a_batch_is_answered_in_order_each_by_itself(tmp_path: Path) -> None:
    asked = {
        "on": ON,
        "checks": [
            {"manifest": {"manifest": "1", "kind": "work_group"}},
            {"app": "example-nobody"},
            {"app": APP["id"]},
            {"manifest": {"manifest": "1", "kindd": "app"}},
            {},
        ],
    }
    answer = ask(tmp_path, lambda client, _: client.post("/v1/checks/batch", json=asked))
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert [each["report"] and each["report"]["outcome"] for each in results] == [
        "out_of_scope",
        None,
        "approve",
        None,
        None,
    ]
    assert [each["problem"] and each["problem"]["status"] for each in results] == [None, 404, None, 422, 422]
    assert results[3]["problem"]["errors"][0]["pointer"] == "/checks/3/manifest/kindd"
    assert results[4]["problem"]["errors"][0]["pointer"] == "/checks/4"


def test_a_batch_has_at_most_a_hundred() -> None:
    asked = {"checks": [{"manifest": {"manifest": "1"}}] * 101}
    answer = ask(None, lambda client, _: client.post("/v1/checks/batch", json=asked))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/checks"


BAD = {
    "unknown field": (b'{"manifest": "1", "namee": "x"}', JSON, 422, "/namee"),
    "wrong term": (b'{"manifest": "1", "stage": "onlin"}', JSON, 422, "/stage"),
    "duplicate key": (b'{"manifest": "1", "name": "a", "name": "b"}', JSON, 422, "/name"),
    "duplicate yaml key": (b'manifest: "1"\nname: a\nname: b\n', YAML, 422, "/name"),
    "aliases": (b'manifest: "1"\nvendor: &a x\nname: *a\n', YAML, 422, None),
    "deep json": (b'{"manifest": "1", "features": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", JSON, 422, None),
    "deep yaml": (b'manifest: "1"\nfeatures: ' + b"[" * 10_000 + b"]" * 10_000, YAML, 422, None),
    "not utf-8": ("manifest: '1'\nname: 示例".encode("gbk"), YAML, 400, ""),
    "nan": (b'{"manifest": NaN}', JSON, 422, None),
    "impossible day": (b'{"manifest": "1", "begun_on": "2025-02-30"}', JSON, 422, "/begun_on"),
    "control character": (b'{"manifest": "1", "name": "a\\u0007"}', JSON, 422, "/name"),
    "list": (b"[]", JSON, 422, ""),
    "empty": (b"", JSON, 400, None),
    "slash in id": (b'{"manifest": "1", "id": "a/b"}', JSON, 422, "/id"),
    "unknown division": (b'{"manifest": "1", "regions": ["339999"]}', JSON, 422, "/regions/0"),
    "check character": (
        b'{"manifest": "1", "sponsor": {"credit_code": "91350100M000100Y44"}}',
        JSON,
        422,
        "/sponsor/credit_code",
    ),
    "lone surrogate": (b'{"manifest": "1", "name": "\\ud800"}', JSON, 422, None),
    "media type": (b"{}", {"Content-Type": "text/plain"}, 415, "Content-Type:"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_told_with_place_and_remedy(name: str) -> None:
    content, headers, status, place = BAD[name]
    answer = ask(None, lambda client, _: post(client, content, headers))
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    errors = answer.json()["errors"]
    if place is not None:
        assert place in {each["pointer"] for each in errors}
    assert all(each["detail"] and each["remedy"] for each in errors)
    assert "Traceback" not in answer.text


def test_five_megabytes_are_refused_unread() -> None:
    answer = ask(None, lambda client, _: post(client, b" " * 5_000_000, JSON))
    assert answer.status_code == 413


def test_a_check_by_id_takes_no_body() -> None:
    answer = ask(None, lambda client, _: post(client, b"{}", JSON, app=APP["id"]))
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("path", "status"), [("/v1/rules/13.7a", 200), ("/v1/rules/nothing", 404), ("/v1/law/12.1", 200)]
)
def test_rules_and_law_are_told(path: str, status: int) -> None:
    answer = ask(None, lambda client, _: client.get(path))
    assert answer.status_code == status


def test_the_whole_law_and_every_rule_are_listed() -> None:
    law = ask(None, lambda client, _: client.get("/v1/law")).json()
    assert [len(each["provisions"]) for each in law["instruments"]] == [24]
    rules = ask(None, lambda client, _: client.get("/v1/rules")).json()
    assert len(rules) == 26
    told = [rule["label"] for each in law["instruments"][0]["provisions"] for rule in each["rules"]]
    assert told == [rule["label"] for rule in rules]
