import json
import re
from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from services.web.operations import METHODS
from tests.unit.web.tiny import ask, tiny_service

SERVICE = tiny_service()
DOCUMENT = SERVICE.openapi()
# The others of the tiny service fail or wait on purpose, or take any body.
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT).exclude(path_regex="failure|foreign|waiting|half|notes|small")
SCHEMA.app = SERVICE


def test_the_document_is_made_once_and_the_same_again() -> None:
    assert SERVICE.openapi() is DOCUMENT
    assert json.dumps(tiny_service().openapi()) == json.dumps(DOCUMENT)


def test_the_document_that_is_served_is_the_document() -> None:
    reply = ask(SERVICE, "GET", "/openapi.json")
    assert reply.json() == DOCUMENT
    again = ask(SERVICE, "GET", "/openapi.json", headers={"If-None-Match": reply.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_no_operation_announces_the_frameworks_own_shape_of_an_error() -> None:
    assert "HTTPValidationError" not in json.dumps(DOCUMENT)
    assert not re.search(r'"x-(body|problems)": [\[{"](?!urn)', json.dumps({**DOCUMENT, "x-problems": None}))


def test_every_reference_leads_somewhere() -> None:
    for reference in re.findall(r'"\$ref": "#/components/(\w+)/([^"]+)"', json.dumps(DOCUMENT)):
        assert reference[1] in DOCUMENT["components"][reference[0]]


def test_a_body_that_the_endpoint_reads_itself_is_described_in_every_format() -> None:
    content = DOCUMENT["paths"]["/v1/notes"]["post"]["requestBody"]["content"]
    assert list(content) == ["application/json", "application/yaml", "application/x-yaml", "text/yaml"]
    assert {media["schema"]["$ref"] for media in content.values()} == {"#/components/schemas/Thing"}


def test_scopes_are_shown_as_security_that_an_installation_may_waive() -> None:
    assert DOCUMENT["paths"]["/v1/things"]["get"]["security"] == [{"bearer": ["read"]}, {}]
    assert "security" not in DOCUMENT["paths"]["/v1/me"]["get"]


def test_the_page_shows_every_operation_and_problem_and_fetches_nothing() -> None:
    reply = ask(SERVICE, "GET", "/docs")
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[A-Za-z0-9+/=]+'; frame-ancestors 'none'; base-uri 'none'",
        reply.headers["content-security-policy"],
    )
    for item in DOCUMENT["paths"].values():
        for method in METHODS:
            if method in item:
                assert f'id="{item[method]["operationId"]}"' in reply.text
    assert all(uri in reply.text for uri in DOCUMENT["x-problems"])
    assert not re.search(r"<script|<link|src=|url\(|https?:", reply.text)
    for anchor in re.findall(r'href="#([^"]+)"', reply.text):
        assert f'id="{anchor}"' in reply.text


@SCHEMA.parametrize()
@settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_the_service_does_what_its_document_says(case: schemathesis.Case[Any]) -> None:
    # What a schema cannot say (a version that is no longer current, a cursor of another list) is refused rightly, and a
    # missing If-Match has a status of its own (428), so the checks that know neither do not apply.
    case.call_and_validate(
        checks=[
            not_a_server_error,
            status_code_conformance,
            content_type_conformance,
            response_schema_conformance,
            response_headers_conformance,
            negative_data_rejection,
            unsupported_method,
        ]
    )
