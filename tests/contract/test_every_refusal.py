"""Whatever a service refuses, it says why in one shape (RFC 9457), and what to do: at every operation and beside them.

And what changes something can be sent again: every such POST and PATCH takes an `Idempotency-Key`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from services.web import Service, WebSettings
from tests.contract.test_every_operation import CALLS, SERVICES, Call, ask

if TYPE_CHECKING:
    import httpx

every_operation = pytest.mark.parametrize("call", CALLS, ids=str)
CHANGING = {"write", "approve", "admin"}
ONCE_BY_THEMSELVES = {
    # A file is known by its bytes: sent again it is the same import, and it is too large to be held in memory.
    ("registry", "POST", "/v1/imports"),
    # So is a piece of evidence.
    ("audit", "POST", "/v1/findings/{id}/evidence"),
}
MEMBERS = {"type", "title", "status", "detail", "instance", "request_id", "errors"}


@pytest.fixture(scope="module")
def services() -> dict[str, Service]:
    """Both services, open to everyone; no request here gets as far as a database."""
    return {name: make(WebSettings()) for name, make in SERVICES.items()}


def refused(reply: httpx.Response, status: int, name: str) -> dict[str, Any]:
    """Hold an answer to be this problem, in the one shape."""
    assert reply.status_code == status, reply.text
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.headers["Content-Language"] == "zh-CN"
    told: dict[str, Any] = reply.json()
    assert set(told) == MEMBERS
    assert (told["type"], told["status"]) == (f"urn:govapp:problem:{name}", status)
    assert told["request_id"] == reply.headers["X-Request-Id"]
    assert told["detail"]
    return told


def with_remedy(told: dict[str, Any]) -> None:
    assert told["errors"]
    assert all(fault["remedy"] for fault in told["errors"])


@every_operation
def test_what_changes_something_takes_a_key(call: Call) -> None:
    headers = {each["name"] for each in call.declared.get("parameters", []) if each["in"] == "header"}
    is_changing = call.method in {"POST", "PATCH"} and call.declared["x-scope"] in CHANGING
    is_changing = is_changing and (call.service, call.method, call.template) not in ONCE_BY_THEMSELVES
    assert ("Idempotency-Key" in headers) == is_changing
    assert call.declared.get("x-once", False) == is_changing


@every_operation
def test_every_announced_refusal_is_a_problem(call: Call) -> None:
    for status, response in call.declared["responses"].items():
        if int(status) >= 400:
            assert re.fullmatch(r"#/components/responses/[a-z_-]+", response["$ref"])


@every_operation
def test_another_method_is_told_which_there_are(call: Call, services: dict[str, Service]) -> None:
    here = {each.method for each in CALLS if (each.service, each.template) == (call.service, call.template)}
    for method in {"GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"} - here:
        reply = ask(services[call.service], call._replace(method=method))
        told = refused(reply, 405, "method-not-allowed")
        assert set(reply.headers["Allow"].split(", ")) >= here
        with_remedy(told)


@every_operation
def test_a_slash_in_a_parameter_is_another_path(call: Call, services: dict[str, Service]) -> None:
    if "{" not in call.template:
        return
    path = re.sub(r"\{[^}]*\}", "a%2Fb%2Fc%2Fd%2Fe%2Ff", call.template)
    with_remedy(refused(ask(services[call.service], call._replace(template=path)), 404, "unknown-path"))


@every_operation
def test_its_media_types_are_told(call: Call, services: dict[str, Service]) -> None:
    content = call.declared.get("requestBody", {}).get("content", {})
    if not content:
        return
    reply = ask(services[call.service], call, content=b"-", headers={"Content-Type": "x-no/type"})
    with_remedy(refused(reply, 415, "unsupported-media-type"))
    header = "Accept-Patch" if call.method == "PATCH" else "Accept"
    assert set(reply.headers[header].split(", ")) == set(content)


@pytest.mark.parametrize("name", SERVICES)
class TestBesideOperations:
    @pytest.mark.parametrize("path", ["/", "/v1", "/v2/apps", "/v1/apps/", "/v1/apps/b%2Fc", "//", "/%00", "/v1/%0a"])
    def test_an_unknown_path(self, name: str, path: str, services: dict[str, Service]) -> None:
        for method in ("GET", "POST", "DELETE"):
            with_remedy(refused(ask(services[name], Call(name, method, path, {})), 404, "unknown-path"))

    def test_a_path_that_is_too_long(self, name: str, services: dict[str, Service]) -> None:
        for path in ("/" + "a" * 20_000, "/docs?" + "a" * 20_000):
            with_remedy(refused(ask(services[name], Call(name, "GET", path, {})), 414, "path-too-long"))

    def test_headers_that_are_too_large(self, name: str, services: dict[str, Service]) -> None:
        headers = {f"X-{n}": "a" * 1000 for n in range(70)}
        refused(ask(services[name], Call(name, "GET", "/docs", {}), headers=headers), 431, "headers-too-large")

    def test_a_length_that_is_no_number(self, name: str, services: dict[str, Service]) -> None:
        reply = ask(services[name], Call(name, "GET", "/docs", {}), headers={"Content-Length": "many"})
        refused(reply, 400, "invalid-header")
