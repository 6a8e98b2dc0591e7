"""Merge patches, by the examples of RFC 7396 (appendix A) and by what holds for every document."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registry.merge_patch import merged

EXAMPLES = [
    ('{"a":"b"}', '{"a":"c"}', '{"a":"c"}'),
    ('{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'),
    ('{"a":"b"}', '{"a":null}', "{}"),
    ('{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'),
    ('{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'),
    ('{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'),
    ('{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'),
    ('{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'),
    ('["a","b"]', '["c","d"]', '["c","d"]'),
    ('{"a":"b"}', '["c"]', '["c"]'),
    ('{"a":"foo"}', "null", "null"),
    ('{"a":"foo"}', '"bar"', '"bar"'),
    ('{"e":null}', '{"a":1}', '{"e":null,"a":1}'),
    ("[1,2]", '{"a":"b","c":null}', '{"a":"b"}'),
    ("{}", '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'),
]

_SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
_NAMES = st.sampled_from("abc")
_DOCUMENTS = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3), max_leaves=12
)


@pytest.mark.parametrize(("target", "patch", "result"), EXAMPLES)
def test_the_examples_of_the_standard(target: str, patch: str, result: str) -> None:
    assert merged(json.loads(target), json.loads(patch)) == json.loads(result)


@given(_DOCUMENTS, _DOCUMENTS)
def test_a_patch_twice_is_the_patch_once(target: Any, patch: Any) -> None:  # noqa: ANN401 - any JSON document
    once = merged(target, patch)
    assert merged(once, patch) == once


@given(_DOCUMENTS, _DOCUMENTS)
def test_what_is_patched_stays_as_it_was(target: Any, patch: Any) -> None:  # noqa: ANN401 - any JSON document
    before = json.dumps([target, patch])
    merged(target, patch)
    assert json.dumps([target, patch]) == before


@given(st.dictionaries(_NAMES, _DOCUMENTS), st.dictionaries(_NAMES, _DOCUMENTS))
def test_fields_not_named_stay_and_those_set_to_null_go(target: dict[str, Any], patch: dict[str, Any]) -> None:
    result = merged(target, patch)
    for name in "abc":
        if name not in patch:
            assert (name in result) == (name in target)
            assert result.get(name) == target.get(name)
        elif patch[name] is None:
            assert name not in result
        elif not isinstance(patch[name], dict):
            assert result[name] == patch[name]
