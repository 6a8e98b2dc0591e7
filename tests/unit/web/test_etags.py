import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from services.web import Problem, etag, not_modified, require_for_put, require_if_match, require_if_none_match
from tests.unit.web.tiny import Thing, ask, tiny_service

CURRENT = etag("7")
tags = st.builds(
    "{}{}".format,
    st.sampled_from(["", "W/"]),
    st.text(st.characters(codec="ascii", exclude_characters='"', exclude_categories=["Cc", "Zs"]), max_size=4).map(
        '"{}"'.format
    ),
)


def request(*headers: tuple[str, str]) -> Request:
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    return Request({"type": "http", "method": "PUT", "path": "/", "headers": raw})


def status_of(check: object, *headers: tuple[str, str], current: str | None = CURRENT) -> int:
    try:
        check(request(*headers), current)  # type: ignore[operator]
    except Problem as problem:
        return problem.kind.status
    return 200


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ('"7"', 200),
        ("*", 200),
        ('"6", "7"', 200),
        ('"6","7",', 200),
        ('  "7"  ', 200),
        ('"6"', 412),
        ('W/"7"', 412),
        ('"7 "', 400),
        ("7", 400),
        ("", 400),
        ('"7" "8"', 400),
        ('"7', 400),
        ('"a,b", "7"', 200),
        ('*, "7"', 400),
        (",", 400),
    ],
)
def test_a_change_needs_the_current_version(header: str, status: int) -> None:
    assert status_of(require_if_match, ("If-Match", header)) == status


def test_a_change_without_a_version_is_asked_for_one() -> None:
    assert status_of(require_if_match) == 428
    assert status_of(require_if_match, current=None) == 428


@pytest.mark.parametrize("header", ["*", '"7"'])
def test_what_is_not_there_has_no_version(header: str) -> None:
    assert status_of(require_if_match, ("If-Match", header), current=None) == 412


def test_several_header_lines_are_one_list() -> None:
    assert status_of(require_if_match, ("If-Match", '"6"'), ("If-Match", '"7"')) == 200


@pytest.mark.parametrize(
    ("header", "current", "status"),
    [("*", None, 200), ("*", CURRENT, 412), ('"7"', CURRENT, 412), ('W/"7"', CURRENT, 412), ('"6"', CURRENT, 200)],
)
def test_a_creation_must_find_nothing_there(header: str, current: str | None, status: int) -> None:
    assert status_of(require_if_none_match, ("If-None-Match", header), current=current) == status


@pytest.mark.parametrize(
    ("headers", "current", "status"),
    [
        ((), None, 200),
        ((), CURRENT, 428),
        ((("If-None-Match", "*"),), None, 200),
        ((("If-None-Match", "*"),), CURRENT, 412),
        ((("If-Match", '"7"'),), CURRENT, 200),
        ((("If-Match", '"6"'),), CURRENT, 412),
        ((("If-Match", '"7"'),), None, 412),
        ((("If-Match", "*"),), None, 412),
    ],
)
def test_a_put_creates_or_changes_but_overwrites_nothing_unseen(
    headers: tuple[tuple[str, str], ...], current: str | None, status: int
) -> None:
    assert status_of(require_for_put, *headers, current=current) == status


def test_the_answer_to_a_lost_race_names_the_current_version() -> None:
    with pytest.raises(Problem) as raised:
        require_if_match(request(("If-Match", '"6"')), CURRENT)
    assert raised.value.headers == {"ETag": CURRENT}


def test_whoever_holds_the_current_version_gets_no_copy_of_it() -> None:
    service = tiny_service(things={"a": Thing(name="a")})
    first = ask(service, "GET", "/v1/things/a")
    again = ask(service, "GET", "/v1/things/a", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    weak = ask(service, "GET", "/v1/things/a", headers={"If-None-Match": f'"x", W/{first.headers["etag"]}'})
    assert weak.status_code == 304
    other = ask(service, "GET", "/v1/things/a", headers={"If-None-Match": '"x"'})
    assert (other.status_code, other.json()) == (200, first.json())
    assert not_modified(request(("If-None-Match", "*")), CURRENT) is not None


def test_a_tag_is_its_name_or_the_digest_of_content() -> None:
    assert etag("a-1") == '"a-1"'
    assert etag(7) == '"7"'
    assert etag(b"content") == etag(b"content") != etag(b"other content")


@pytest.mark.parametrize("name", ["", 'a"b', "a b", "版本", "a\r\nb"])
def test_a_name_that_would_break_the_header_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be an entity tag"):
        etag(name)


@settings(deadline=None)
@given(st.lists(tags, min_size=1, max_size=6), st.sampled_from([",", ", ", " ,\t"]))
def test_every_list_of_tags_is_understood(listed: list[str], comma: str) -> None:
    expected = 200 if CURRENT in listed else 412
    assert status_of(require_if_match, ("If-Match", comma.join(listed))) == expected


@settings(deadline=None)
@given(st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=40))
def test_no_header_is_too_strange(header: str) -> None:
    assert status_of(require_if_match, ("If-Match", header)) in {200, 400, 412}


def test_a_list_of_many_commas_is_read_in_the_time_of_its_length() -> None:
    # A pattern that can split blanks and commas in several ways would never end here.
    assert status_of(require_if_match, ("If-Match", '"a"' + ", " * 20_000 + "x")) == 400
