import re

import pytest
from fastapi import APIRouter
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict
from starlette.types import Receive, Scope, Send

from services.text import Text
from services.web import CONFLICT, NOT_FOUND, ProblemType, Service, WebSettings, create_service, operation, problems
from services.web.operations import Operation, Operations
from tests.unit.web.tiny import Thing, ask, tiny_service

UNLISTED = ProblemType("unlisted", 409, Text("未列出", "Unlisted"), Text("未列出。", "Unlisted."))

segments = st.sampled_from(["a", "b", "{x}", "{y}", ""])
templates = st.lists(segments, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts))
paths = st.lists(st.sampled_from(["a", "b", "c", "", "{x}", "\x00", "a\n"]), min_size=1, max_size=4).map(
    lambda parts: "/" + "/".join(parts)
)


async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """Stand for an operation that is never called."""


def declared(template: str, method: str = "GET") -> Operation:
    return Operation(
        id=f"{method} {template}",
        method=method,
        template=template,
        scope="public",
        media_types=(),
        query_names=frozenset(),
        repeatable=frozenset(),
        max_body_bytes=0,
        is_probe=False,
        is_once=False,
        app=nothing,
    )


def make(router: APIRouter, *problem_types: ProblemType) -> Service:
    return create_service(title="t", version="1", settings=WebSettings(), routers=[router], problem_types=problem_types)


@settings(deadline=None)
@given(st.lists(templates, min_size=1, max_size=6, unique=True), paths)
def test_a_path_is_found_exactly_when_a_template_fits_it(listed: list[str], path: str) -> None:
    # Trying each template by a pattern is the slow and obvious way.
    pattern_of = {t: re.sub(r"\\{[xy]\\}", r"[^/\\x00-\\x1f]+", re.escape(t)) for t in listed}
    fitting = [template for template, pattern in pattern_of.items() if re.fullmatch(pattern, path)]
    found = {entry.template for entry in Operations(map(declared, listed)).at(path).values()}
    assert found <= set(fitting)
    assert bool(found) == bool(fitting)


@settings(deadline=None)
@given(st.permutations(["/a/b", "/a/{x}", "/{x}/b", "/{x}/{y}"]))
def test_the_earlier_fixed_segment_wins_in_whatever_order_they_were_declared(listed: list[str]) -> None:
    table = Operations(map(declared, listed))

    def template_at(path: str) -> str:
        return table.at(path)["GET"].template

    assert [template_at(path) for path in ("/a/b", "/a/c", "/c/b", "/c/c")] == ["/a/b", "/a/{x}", "/{x}/b", "/{x}/{y}"]


@settings(deadline=None)
@given(templates, st.data())
def test_parameters_are_read_from_the_path(template: str, data: st.DataObject) -> None:
    names = re.findall(r"\{(.)\}", template)
    assume(len(set(names)) == len(names))
    values = {
        name: data.draw(st.text(st.characters(exclude_characters="/", exclude_categories=["Cc"]), min_size=1))
        for name in names
    }
    path = "/".join(
        values.get(segment[1:-1], segment) if segment.startswith("{") else segment for segment in template.split("/")
    )
    table = Operations([declared(template)])
    assert table.at(path)["GET"].parameters_in(path) == values


def test_the_same_path_may_name_its_parameter_differently_for_each_method() -> None:
    table = Operations([declared("/a/{x}"), declared("/a/{y}", "PUT")])
    assert {method: entry.parameters_in("/a/1") for method, entry in table.at("/a/1").items()} == {
        "GET": {"x": "1"},
        "PUT": {"y": "1"},
    }


@pytest.mark.parametrize("template", ["/a/{x}.json", "/a/{x}{y}", "/a/v{x}"])
def test_a_parameter_is_a_whole_segment(template: str) -> None:
    with pytest.raises(ValueError, match="whole segment"):
        Operations([declared(template)])


def test_parameters_are_decoded_once() -> None:
    reply = ask(tiny_service(things={"100%": Thing(name="a")}), "GET", "/v1/things/100%25")
    assert (reply.status_code, reply.json()["name"]) == (200, "a")
    assert ask(tiny_service(things={"100%": Thing(name="a")}), "GET", "/v1/things/100%2525").status_code == 404


def test_an_operation_without_a_scope_keeps_the_service_from_starting() -> None:
    router = APIRouter()

    @router.get("/v1/open", summary="Open")
    async def get_open() -> None:
        """Declare nothing."""

    with pytest.raises(ValueError, match="GET /v1/open declares no scope"):
        make(router)


def test_an_operation_that_the_document_hides_keeps_the_service_from_starting() -> None:
    router = APIRouter()

    @router.get("/v1/hidden", summary="Hidden", include_in_schema=False, **operation("admin"))
    async def get_hidden() -> None:
        """Hide."""

    with pytest.raises(ValueError, match="no operation of the document"):
        make(router)


def test_routers_within_routers_keep_the_service_from_starting() -> None:
    outer = APIRouter()
    outer.include_router(APIRouter())
    with pytest.raises(ValueError, match="one by one"):
        make(outer)


def test_two_operations_of_one_name_keep_the_service_from_starting() -> None:
    router = APIRouter()

    @router.get("/v1/one", summary="One", name="same", **operation("public"))
    async def get_one() -> None:
        """Be one."""

    @router.get("/v1/two", summary="Two", name="same", **operation("public"))
    async def get_two() -> None:
        """Be the other."""

    with (
        pytest.warns(UserWarning, match="Duplicate Operation ID"),
        pytest.raises(ValueError, match="no operationId of its own"),
    ):
        make(router)


def test_a_problem_that_is_not_listed_keeps_the_service_from_starting() -> None:
    router = APIRouter()

    @router.get("/v1/one", summary="One", **operation("public", UNLISTED))
    async def get_one() -> None:
        """Announce."""

    with pytest.raises(ValueError, match="announces the problem unlisted"):
        make(router)
    assert "urn:govapp:problem:unlisted" in make(router, UNLISTED).openapi()["x-problems"]
    with pytest.raises(ValueError, match="the same name"):
        make(router, UNLISTED, CONFLICT)


def test_two_different_bodies_of_one_name_keep_the_service_from_starting() -> None:
    class Other(BaseModel):
        model_config = ConfigDict(title="Thing")

    router = APIRouter()

    @router.post("/v1/one", summary="One", **operation("public", body=Thing))
    async def add_one() -> None:
        """Take one."""

    @router.post("/v1/two", summary="Two", **operation("public", body=Other))
    async def add_two() -> None:
        """Take the other."""

    with pytest.raises(ValueError, match="two different schemas are called Thing"):
        make(router)


def test_problems_of_one_status_are_announced_together() -> None:
    announced = problems(NOT_FOUND, CONFLICT, UNLISTED, CONFLICT)
    assert {status: response["x-problems"] for status, response in announced.items()} == {
        404: ["not-found"],
        409: ["conflict", "unlisted"],
    }
