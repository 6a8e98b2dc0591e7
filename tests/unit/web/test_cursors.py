import base64
import hashlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.web import Problem, decode_cursor, encode_cursor
from tests.unit.web.tiny import ask, tiny_service

FIELDS: dict[str, type[str | int]] = {"id": str, "revision": int}
FILTERS = {"level": "county", "sectors": ["health"], "faces_grassroots": None}
POSITION: dict[str, str | int] = {"id": "示例", "revision": 7}

texts = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=30)
positions = st.fixed_dictionaries({"id": texts, "revision": st.integers(-(2**63) + 1, 2**63 - 1)})
filters = st.dictionaries(st.text(max_size=5), st.none() | st.booleans() | st.integers() | texts | st.lists(texts))


def forged(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def sealed(position: object) -> str:
    """Make a cursor as one who knows how could."""
    said = {"filters": digest(), "position": position}
    seal = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]
    return forged([digest(), position, seal])


def digest() -> str:
    cursor = encode_cursor(POSITION, FILTERS)
    return str(json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))[0])


@settings(deadline=None)
@given(positions, filters)
def test_a_cursor_leads_back_to_its_position(position: dict[str, str | int], filters: dict[str, object]) -> None:
    cursor = encode_cursor(position, filters)
    assert cursor.replace("-", "").replace("_", "").isalnum()
    assert decode_cursor(cursor, filters, FIELDS) == position


@settings(deadline=None)
@given(positions, filters, filters)
def test_a_cursor_belongs_to_its_filters(
    position: dict[str, str | int], ours: dict[str, object], theirs: dict[str, object]
) -> None:
    cursor = encode_cursor(position, ours)
    if json.dumps(ours, sort_keys=True) == json.dumps(theirs, sort_keys=True):
        assert decode_cursor(cursor, theirs, FIELDS) == position
        return
    with pytest.raises(Problem) as raised:
        decode_cursor(cursor, theirs, FIELDS)
    assert raised.value.kind.name == "invalid-cursor"


def test_the_order_of_filters_does_not_matter() -> None:
    cursor = encode_cursor(POSITION, FILTERS)
    assert decode_cursor(cursor, dict(reversed(FILTERS.items())), FIELDS) == POSITION


@settings(deadline=None)
@given(st.text(max_size=100) | st.from_regex(r"[A-Za-z0-9_-]{0,80}", fullmatch=True))
def test_rubbish_is_a_problem_with_its_place(rubbish: str) -> None:
    with pytest.raises(Problem) as raised:
        decode_cursor(rubbish, FILTERS, FIELDS)
    assert raised.value.kind.name == "invalid-cursor"
    assert [fault.pointer for fault in raised.value.errors] == ["?cursor"]


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    )
)
def test_a_position_that_a_caller_wrote_is_a_problem(content: object) -> None:
    for cursor in (forged(content), forged([digest(), content]), forged([digest(), content, digest()])):
        with pytest.raises(Problem):
            decode_cursor(cursor, FILTERS, FIELDS)


@pytest.mark.parametrize(
    "position",
    [
        {"id": "a"},
        {"id": "a", "revision": 1, "more": 1},
        {"id": 1, "revision": 1},
        {"id": "a", "revision": "1"},
        {"id": "a", "revision": True},
        {"id": "a", "revision": 1.0},
        {"id": "a", "revision": None},
        {"id": "a", "revision": 2**63},
        {"id": "a\x00", "revision": 1},
        {"id": "\ud800", "revision": 1},
    ],
)
def test_a_forged_position_with_names_or_values_that_no_database_takes_is_a_problem(position: object) -> None:
    with pytest.raises(Problem):
        decode_cursor(sealed(position), FILTERS, FIELDS)


def test_a_cursor_that_was_altered_is_a_problem() -> None:
    cursor = encode_cursor(POSITION, FILTERS)
    said, position, seal = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    assert decode_cursor(forged([said, position, seal]), FILTERS, FIELDS) == POSITION
    assert decode_cursor(sealed(position), FILTERS, FIELDS) == POSITION
    with pytest.raises(Problem):
        decode_cursor(forged([said, {**position, "revision": 8}, seal]), FILTERS, FIELDS)


def test_a_cursor_of_enormous_depth_or_length_is_a_problem() -> None:
    deep = base64.urlsafe_b64encode(b"[" * 1500).decode()
    for cursor in (deep, "A" * 100_000):
        with pytest.raises(Problem):
            decode_cursor(cursor, FILTERS, FIELDS)


def test_a_service_says_what_was_wrong_with_a_cursor() -> None:
    service = tiny_service()
    cursor = ask(service, "GET", "/v1/things").json()["seen"]
    assert ask(service, "GET", f"/v1/things?cursor={cursor}").json()["seen"] == "{'after': 'a'}"
    reply = ask(service, "GET", f"/v1/things?limit=5&cursor={cursor}", headers={"Accept-Language": "en"})
    assert (reply.status_code, reply.json()["detail"]) == (400, "The cursor belongs to other filters.")
