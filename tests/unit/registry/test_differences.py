"""Differences: applied by somebody else's implementation of RFC 6902, they make the one document of the other."""

from __future__ import annotations

from typing import Any

import jsonpatch
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registry import differences
from services.registry.differences import difference

NAMES = st.sampled_from(["a", "b", "a/b", "~", "~1", "", "名"])
SCALARS = st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["", "x", "0"]) | st.just(1.0)
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=20
)


def same(one: object, other: object) -> bool:
    """Compare as JSON does: 1 is neither true nor 1.0."""
    return orjson.dumps(one, option=orjson.OPT_SORT_KEYS) == orjson.dumps(other, option=orjson.OPT_SORT_KEYS)


@given(DOCUMENTS, DOCUMENTS)
def test_a_difference_makes_the_one_of_the_other(before: Any, after: Any) -> None:  # noqa: ANN401 - any document
    operations = difference(before, after)
    assert same(jsonpatch.apply_patch(before, operations), after)
    assert {each["op"] for each in operations} <= {"add", "remove", "replace"}


@given(st.lists(st.integers(0, 3), max_size=12), st.lists(st.integers(0, 3), max_size=12))
def test_lists_are_matched_and_every_place_is_the_one_at_its_turn(before: list[int], after: list[int]) -> None:
    assert jsonpatch.apply_patch({"x": before}, difference({"x": before}, {"x": after})) == {"x": after}


@given(DOCUMENTS)
def test_equal_documents_do_not_differ(document: Any) -> None:  # noqa: ANN401 - any document
    assert difference(document, orjson.loads(orjson.dumps(document))) == []


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"name": "甲"}, {"name": "乙"}, [{"op": "replace", "path": "/name", "value": "乙"}]),
        ({"a/b": 1}, {"c~d": 1}, [{"op": "remove", "path": "/a~1b"}, {"op": "add", "path": "/c~0d", "value": 1}]),
        ([1, 2, 3], [1, 3], [{"op": "remove", "path": "/1"}]),
        ([{"id": "x"}, {"id": "y", "n": 1}], [{"id": "y", "n": 1}], [{"op": "remove", "path": "/0"}]),
        ([True], [1], [{"op": "replace", "path": "/0", "value": 1}]),
    ],
)
def test_a_difference_is_as_small_as_a_reader_expects(before: Any, after: Any, expected: list[Any]) -> None:  # noqa: ANN401 - any document
    assert difference(before, after) == expected


def test_long_lists_that_have_little_in_common_are_replaced_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = {"x": list(range(30))}, {"x": list(range(100, 130))}
    assert len(difference(before, after)) == 30
    monkeypatch.setattr(differences, "_MOST_COMPARISONS", 100)
    assert difference(before, after) == [{"op": "replace", "path": "/x", "value": after["x"]}]
