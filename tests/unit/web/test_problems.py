import json
import logging
from typing import Any

import pytest

from services.text import Text
from services.web import WEB_PROBLEMS, Fault, WebSettings, faults_in_body, invalid_request
from services.web.problems import preferred_language
from tests.unit.web.tiny import (
    READER,
    TOO_MANY_THINGS,
    WRITER,
    Thing,
    ask,
    bearer,
    guarded_settings,
    tiny_service,
)

JSON = {"Content-Type": "application/json"}
THINGS = {"a": Thing(name="a"), "b": Thing(name="b")}

# Method, path, what is sent; the status, problem and first pointer that come back.
CASES: dict[str, tuple[str, str, dict[str, Any], int, str, str | None]] = {
    "body-not-json": ("POST", "/v1/things/c", {"content": b"{]", "headers": JSON}, 405, "method-not-allowed", ""),
    "json-broken": ("PUT", "/v1/things/c", {"content": b"{]", "headers": JSON}, 400, "invalid-body", ""),
    "json-too-deep": ("PUT", "/v1/things/c", {"content": b"[" * 100_000, "headers": JSON}, 400, "invalid-body", None),
    "json-not-utf-8": ("PUT", "/v1/things/c", {"content": b'"\xff"', "headers": JSON}, 400, "invalid-body", None),
    "json-a-list": ("PUT", "/v1/things/c", {"json": []}, 422, "invalid-value", ""),
    "field-unknown": ("PUT", "/v1/things/c", {"json": {"name": "c", "x/y~": 1}}, 422, "invalid-value", "/x~1y~0"),
    "field-missing": ("PUT", "/v1/things/c", {"json": {}}, 422, "invalid-value", "/name"),
    "field-within-list": (
        "PUT",
        "/v1/things/c",
        {"json": {"name": "c", "weights": [1, "x"]}},
        422,
        "invalid-value",
        "/weights/1",
    ),
    "body-empty": ("PUT", "/v1/things/c", {}, 422, "invalid-value", ""),
    "raw-body-empty": ("POST", "/v1/notes", {"headers": JSON}, 400, "invalid-body", None),
    "raw-body-not-utf-8": ("POST", "/v1/notes", {"content": b"a\xff", "headers": JSON}, 400, "invalid-body", ""),
    "query-wrong": ("GET", "/v1/things?limit=0", {}, 422, "invalid-value", "?limit"),
    "query-unknown": ("GET", "/v1/things?limits=5", {}, 422, "invalid-value", "?limits"),
    "query-control-character": ("GET", "/v1/things?cursor=%00", {}, 422, "invalid-value", "?cursor"),
    "query-too-many": ("GET", "/v1/things?" + "limit=1&" * 200, {}, 422, "invalid-value", "?"),
    "cursor-damaged": ("GET", "/v1/things?cursor=x", {}, 400, "invalid-cursor", "?cursor"),
    "header-unreadable": (
        "GET",
        "/v1/things/a",
        {"headers": {"If-None-Match": "x"}},
        400,
        "invalid-header",
        "If-None-Match:",
    ),
    "path-unknown": ("GET", "/v1/nothing", {}, 404, "unknown-path", None),
    "path-with-slash-at-end": ("GET", "/v1/things/", {}, 404, "unknown-path", None),
    "path-with-encoded-slash": ("GET", "/v1/things/a%2Fb", {}, 404, "unknown-path", None),
    "path-with-line-break": ("GET", "/v1/me%0A", {}, 404, "unknown-path", None),
    "path-with-nul": ("GET", "/v1/things/a%00", {}, 404, "unknown-path", None),
    "thing-unknown": ("GET", "/v1/things/zz", {}, 404, "not-found", None),
    "method-unknown": ("BREW", "/v1/me", {}, 405, "method-not-allowed", ""),
    "domain-problem": ("PUT", "/v1/things/c", {"json": {"name": "c"}}, 409, "too-many-things", ""),
    "version-changed": (
        "DELETE",
        "/v1/things/a",
        {"headers": {"If-Match": '"x"'}},
        412,
        "precondition-failed",
        "If-Match:",
    ),
    "version-missing": ("DELETE", "/v1/things/a", {}, 428, "precondition-required", "If-Match:"),
    "body-too-large": ("POST", "/v1/small", {"content": b"x" * 17, "headers": JSON}, 413, "body-too-large", None),
    "media-type-unknown": ("POST", "/v1/notes", {"content": b"x"}, 415, "unsupported-media-type", "Content-Type:"),
    "failure": ("GET", "/v1/failure", {}, 500, "internal", None),
    "foreign-exception": ("GET", "/v1/foreign", {}, 500, "internal", None),
}


@pytest.mark.parametrize("case", CASES)
def test_every_error_has_the_one_shape(case: str) -> None:
    method, path, request, status, name, pointer = CASES[case]
    service = tiny_service(things=dict(THINGS))
    reply = ask(service, method, path, **request)
    body = reply.json()
    assert (reply.status_code, body["type"]) == (status, f"urn:govapp:problem:{name}")
    assert reply.headers["content-type"] == "application/problem+json"
    assert body.keys() == {"type", "title", "status", "detail", "instance", "request_id", "errors"}
    assert body["status"] == status
    assert body["request_id"] == reply.headers["x-request-id"]
    assert body["instance"] == path.partition("?")[0]
    assert all(error.keys() == {"pointer", "detail", "remedy"} for error in body["errors"])
    if pointer is not None:
        assert body["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("case", CASES)
def test_every_error_is_said_in_chinese_or_in_english(case: str) -> None:
    method, path, request, *_ = CASES[case]
    headers = request.get("headers", {})

    def sentences(language: str) -> list[str]:
        service = tiny_service(things=dict(THINGS))
        options = {**request, "headers": {**headers, "Accept-Language": language}}
        reply = ask(service, method, path, **options)
        assert reply.headers["content-language"].startswith(language)
        assert reply.headers["vary"] == "Accept-Language"
        body = reply.json()
        remedies = [error["remedy"] or "" for error in body["errors"]]
        return [body["title"], body["detail"], *(error["detail"] for error in body["errors"]), *remedies]

    assert all(not sentence or not sentence.isascii() for sentence in sentences("zh"))
    assert all(sentence.isascii() for sentence in sentences("en"))


# A path or a method that does not exist has no operation to announce anything, and no operation announces a failure.
ANNOUNCED = [
    case
    for case, (_, path, _, status, name, _) in CASES.items()
    if status not in {405, 500} and (name != "unknown-path" or path.startswith("/v1/things/"))
]


@pytest.mark.parametrize("case", ANNOUNCED)
def test_every_error_of_an_operation_is_announced_in_the_document(case: str) -> None:
    method, path, _, status, name, _ = CASES[case]
    template = path.partition("?")[0]
    if template.startswith("/v1/things/"):
        template = "/v1/things/{thing_id}"
    document = tiny_service().openapi()
    reference = document["paths"][template][method.lower()]["responses"][str(status)]["$ref"]
    response = document["components"]["responses"][reference.rpartition("/")[2]]
    schema = response["content"]["application/problem+json"]["schema"]
    assert f"urn:govapp:problem:{name}" in schema["allOf"][1]["properties"]["type"]["enum"]
    assert f"urn:govapp:problem:{name}" in document["x-problems"]


def test_all_faults_are_named_at_once() -> None:
    body = {"name": "", "weights": ["x", "y"], "colour": 1}
    reply = ask(tiny_service(), "PUT", "/v1/things/c", json=body)
    pointers = [error["pointer"] for error in reply.json()["errors"]]
    assert sorted(pointers) == ["/colour", "/name", "/weights/0", "/weights/1"]


def test_an_unknown_query_parameter_is_met_with_the_one_that_was_meant() -> None:
    reply = ask(tiny_service(), "GET", "/v1/things?limt=5&zzzz=1", headers={"Accept-Language": "en"})
    remedies = [error["remedy"] for error in reply.json()["errors"]]
    assert remedies == ["Did you mean limit?", "It takes cursor, limit."]
    reply = ask(tiny_service(), "GET", "/v1/me?x=1", headers={"Accept-Language": "en"})
    assert reply.json()["errors"][0]["remedy"] == "This operation takes no query parameters; remove it."


def test_a_method_that_is_not_allowed_is_met_with_all_that_are() -> None:
    assert ask(tiny_service(), "PATCH", "/v1/things/a").headers["allow"] == "DELETE, GET, PUT"


def test_a_failure_tells_the_log_everything_and_the_caller_nothing(caplog: pytest.LogCaptureFixture) -> None:
    reply = ask(tiny_service(), "GET", "/v1/failure", headers={"X-Request-Id": "failing-request"})
    assert "swordfish" not in reply.text
    assert "Traceback" not in reply.text
    [record] = [record for record in caplog.records if record.getMessage() == "request.failed"]
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert "swordfish" in str(record.exc_info[1])


def test_lone_surrogates_in_a_body_do_not_break_the_answer() -> None:
    reply = ask(tiny_service(), "PUT", "/v1/things/c", content=rb'{"\ud800": 1}', headers=JSON)
    assert reply.status_code in {400, 422}
    assert json.loads(reply.content)["status"] == reply.status_code


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "zh"),
        ("en", "en"),
        ("en-GB,en;q=0.9", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en;q=0.8,zh;q=0.9", "zh"),
        ("en;q=0.9,zh;q=0.8", "en"),
        ("fr,en;q=0.5", "en"),
        ("fr", "zh"),
        ("*", "zh"),
        ("en;q=0", "zh"),
        ("en;q=much", "zh"),
        ("en;q=nan", "zh"),
        (";;,,=;q", "zh"),
        ("zh, en", "zh"),
    ],
)
def test_english_is_spoken_only_to_those_who_prefer_it(header: str, expected: str) -> None:
    assert preferred_language(header) == expected


def test_problem_types_have_names_of_their_own_and_fitting_statuses() -> None:
    names = [kind.name for kind in WEB_PROBLEMS]
    assert len(set(names)) == len(names)
    assert all(400 <= kind.status < 600 for kind in WEB_PROBLEMS)
    assert all(not kind.title.zh.isascii() and kind.title.en.isascii() for kind in WEB_PROBLEMS)
    assert TOO_MANY_THINGS.uri == "urn:govapp:problem:too-many-things"


def test_a_caller_without_the_scope_is_told_which_one_is_needed() -> None:
    service = tiny_service(settings=guarded_settings())
    reply = ask(service, "PUT", "/v1/things/c", json={"name": "c"}, headers=bearer(READER))
    assert (reply.status_code, reply.json()["type"]) == (403, "urn:govapp:problem:forbidden")
    assert reply.headers["www-authenticate"] == 'Bearer realm="govapp", error="insufficient_scope", scope="write"'
    assert ask(service, "PUT", "/v1/things/c", json={"name": "c"}, headers=bearer(WRITER)).status_code == 200


def test_a_deadline_ends_the_waiting() -> None:
    reply = ask(tiny_service(settings=WebSettings(deadline_s=0.01)), "GET", "/v1/waiting")
    assert (reply.status_code, reply.json()["type"]) == (503, "urn:govapp:problem:deadline-exceeded")
    assert int(reply.headers["retry-after"]) > 0


def test_a_query_parameter_that_is_given_twice_is_refused_and_not_passed_over() -> None:
    reply = ask(tiny_service(), "GET", "/v1/things?limit=5&limit=6")
    assert reply.status_code == 422
    assert [error["pointer"] for error in reply.json()["errors"]] == ["?limit"]
    assert ask(tiny_service(), "GET", "/v1/things?limit=5").status_code == 200


def test_an_error_that_a_service_raises_is_said_in_its_own_words() -> None:
    said = {"zh": "甲不合。", "en": "A does not fit.", "remedy_zh": "写乙。", "remedy_en": "Write B."}
    [fault] = faults_in_body([{"type": "no_fit", "loc": ("a", 0), "msg": "no", "ctx": said}])
    assert fault == Fault("/a/0", Text("甲不合。", "A does not fit."), Text("写乙。", "Write B."))


def test_a_list_is_not_called_too_short_because_something_in_it_is_wrong() -> None:
    short = {"type": "too_short", "loc": ("a",), "msg": "short", "ctx": {"min_length": 1}}
    wrong = {"type": "missing", "loc": ("a", 0, "b"), "msg": "missing"}
    assert [fault.pointer for fault in faults_in_body([wrong, short])] == ["/a/0/b"]
    assert [fault.pointer for fault in faults_in_body([short])] == ["/a"]


def test_a_parameter_that_may_be_repeated_is_one_place() -> None:
    told = invalid_request([{"type": "int_type", "loc": ("query", "id", 0), "msg": "no"}])
    assert [fault.pointer for fault in told.errors] == ["?id"]


def test_whoever_may_not_come_in_is_told_what_to_do() -> None:
    service = tiny_service(settings=guarded_settings())
    for headers in ({}, bearer(READER)):
        [fault] = ask(service, "PUT", "/v1/things/c", json={"name": "c"}, headers=headers).json()["errors"]
        assert fault["pointer"] == "Authorization:"
        assert fault["remedy"]
