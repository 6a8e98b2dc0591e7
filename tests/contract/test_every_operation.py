"""Every operation of both services is documented, authorised, limited and counted: no list to forget one in.

The walk is over the committed OpenAPI documents, and each promise is proved by calling the operation. No call gets as
far as an endpoint, so neither a database nor the other service is needed: the gate has either refused it or, as proof
that it would have let it in, stumbled over a query parameter that no operation has.
"""

import asyncio
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

import services.audit.main
import services.registry.main
from services.audit.settings import AuditSettings
from services.registry.settings import RegistrySettings
from services.web import SCOPES, Service, WebSettings

DOCUMENTS = Path(__file__).parents[2] / "openapi"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

UNKNOWN = "?no-operation-has-this=1"

# Both services take their web settings as `web`.
SERVICES: dict[str, Callable[[WebSettings], Service]] = {
    "registry": lambda web: services.registry.main.create_service(RegistrySettings(web=web)),
    "audit": lambda web: services.audit.main.create_service(AuditSettings(web=web)),
}


class Call(NamedTuple):
    """One operation as its document shows it, and how to call it."""

    service: str
    method: str
    template: str
    declared: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.service} {self.method} {self.template}"

    @property
    def path(self) -> str:
        return re.sub(r"\{[^}]*\}", "x", self.template)


def calls() -> list[Call]:
    found = []
    for name in SERVICES:
        document = json.loads((DOCUMENTS / f"{name}.json").read_text("utf-8"))
        for path, item in document["paths"].items():
            found += [Call(name, method.upper(), path, item[method]) for method in METHODS if method in item]
    return found


CALLS = calls()
every_operation = pytest.mark.parametrize("call", CALLS, ids=str)


def guarded(**given: object) -> WebSettings:
    """Settings with one token for each scope: the scope's own name."""
    tokens = {
        hashlib.sha256(scope.encode()).hexdigest(): {"name": f"示例 {scope}", "scopes": [scope]} for scope in SCOPES
    }
    return WebSettings.model_validate({"tokens": tokens, "open_access": False, **given})


def ask(service: Service, call: Call, query: str = "", *, token: str | None = None, **request: Any) -> httpx.Response:  # noqa: ANN401 - as httpx takes them.
    async def one() -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        transport = httpx.ASGITransport(service, client=("192.0.2.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://contract.test") as client:
            headers.update(request.pop("headers", {}))
            return await client.request(call.method, call.path + query, headers=headers, **request)

    return asyncio.run(one())


def problem_of(reply: httpx.Response) -> str:
    assert reply.headers["content-type"] == "application/problem+json"
    return str(reply.json()["type"]).removeprefix("urn:govapp:problem:")


@pytest.mark.parametrize("name", SERVICES)
def test_the_committed_document_is_the_one_of_the_service(name: str) -> None:
    committed = json.loads((DOCUMENTS / f"{name}.json").read_text("utf-8"))
    assert SERVICES[name](WebSettings()).openapi() == committed


def test_both_documents_have_operations_of_their_own() -> None:
    for name in SERVICES:
        assert [call for call in CALLS if call.service == name and call.template.startswith("/v1/")]


@every_operation
def test_it_says_what_it_is_and_what_it_demands(call: Call) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", call.declared["operationId"])
    assert call.declared["x-scope"] in SCOPES
    # Chinese first, English after it.
    assert not call.declared["summary"].isascii()
    assert re.search(r"[A-Za-z]{2}", call.declared["summary"])
    for parameter in call.declared.get("parameters", []):
        assert parameter["in"] == "path" or parameter.get("description"), parameter["name"]


@every_operation
def test_its_ids_are_no_words_of_other_paths(call: Call) -> None:
    """A thing whose id is a word of another path, such as /apps/{id} beside /apps/words, could not be reached."""
    takes = {each["name"]: each["schema"] for each in call.declared.get("parameters", []) if each["in"] == "path"}
    mine = call.template.split("/")
    for other in {each.template for each in CALLS if each.service == call.service}:
        words = other.split("/")
        if len(words) != len(mine) or "{" in other:
            continue
        pairs = [(part, word) for part, word in zip(mine, words, strict=True) if part != word]
        assert not pairs or not all(
            part.startswith("{") and re.search(takes[part.strip("{}")].get("pattern", ""), word) for part, word in pairs
        ), other


@every_operation
def test_it_announces_its_problems(call: Call) -> None:
    announced = set(call.declared["responses"])
    expected = {"422", "429", "503"}
    if call.declared["x-scope"] != "public":
        expected |= {"401", "403"}
    if "{" in call.template:
        expected |= {"404"}
    if "requestBody" in call.declared:
        expected |= {"400", "413", "415"}
    assert expected <= announced
    assert all("$ref" in call.declared["responses"][status] for status in announced if status >= "400")


@every_operation
def test_it_is_authorised(call: Call) -> None:
    service = SERVICES[call.service](guarded())
    needed = call.declared["x-scope"]
    if needed == "public":
        assert problem_of(ask(service, call, UNKNOWN)) == "invalid-value"
        return
    assert problem_of(ask(service, call)) == "unauthenticated"
    assert problem_of(ask(service, call, token="guessed")) == "unauthenticated"
    for scope in SCOPES - {needed}:
        assert problem_of(ask(service, call, token=scope)) == "forbidden"
    assert problem_of(ask(service, call, UNKNOWN, token=needed)) == "invalid-value"


@every_operation
def test_it_is_limited(call: Call) -> None:
    service = SERVICES[call.service](guarded(rate_per_second=0.001, rate_burst=1))
    assert problem_of(ask(service, call, UNKNOWN)) in {"invalid-value", "unauthenticated"}
    assert problem_of(ask(service, call, UNKNOWN)) == "rate-limited"


@every_operation
def test_its_body_is_limited(call: Call) -> None:
    service = SERVICES[call.service](guarded())
    too_large = {"Content-Length": str(1024**4)}
    reply = ask(service, call, token=call.declared["x-scope"], headers=too_large)
    assert problem_of(reply) == "body-too-large"


@every_operation
def test_it_takes_only_the_media_types_it_lists(call: Call) -> None:
    service = SERVICES[call.service](guarded())
    headers = {"Content-Type": "x-no/type"}
    reply = ask(service, call, UNKNOWN, token=call.declared["x-scope"], content=b"-", headers=headers)
    expected = "unsupported-media-type" if "requestBody" in call.declared else "invalid-value"
    assert problem_of(reply) == expected


@every_operation
def test_it_is_counted(call: Call) -> None:
    service = SERVICES[call.service](guarded())
    for _ in range(3):
        ask(service, call, UNKNOWN)
    metrics = ask(service, Call(call.service, "GET", "/metrics", {})).text
    series = f'govapp_request_duration_seconds_count{{method="{call.method}",route="{call.template}",status="4xx"}} 3.0'
    assert series in metrics
