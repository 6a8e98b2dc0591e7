"""What a file has no column for stays as it is registered; what cannot be kept is told, never lost."""

from __future__ import annotations

from typing import Any

import pytest

from services.registry.imports.merging import LostError, merged

Document = dict[str, Any]

FEATURES = [{"id": "a", "name": "甲", "forced": True}, {"id": "b", "name": "乙"}]


@pytest.mark.parametrize(
    ("registered", "declared", "unmentioned", "expected"),
    [
        # A field of its own, and one of a part.
        ({"name": "旧", "role": "r"}, {"name": "新"}, ["/role"], {"name": "新", "role": "r"}),
        (
            {"sponsor": {"name": "旧", "level": "l"}},
            {"sponsor": {"name": "新"}},
            ["/sponsor/level"],
            {"sponsor": {"name": "新", "level": "l"}},
        ),
        # A part of which the file declares nothing more still keeps what the file does not mention.
        ({"sponsor": {"name": "旧", "level": "l"}}, {}, ["/sponsor/level"], {"sponsor": {"level": "l"}}),
        # What is declared to be none has nothing left to keep.
        ({"basis": {"title": "t"}}, {"basis": "none"}, ["/basis/title"], {"basis": "none"}),
        # What is registered as undeclared stays so.
        ({"name": "旧"}, {"name": "新"}, ["/role", "/sponsor/level"], {"name": "新"}),
        # Whole lists, and fields of entries that are known by their ids; an entry that is gone is gone.
        ({"features": FEATURES}, {"name": "新"}, ["/features"], {"name": "新", "features": FEATURES}),
        (
            {"features": FEATURES},
            {"features": [{"id": "b", "name": "丙"}, {"id": "a", "name": "甲"}]},
            ["/features/forced"],
            {"features": [{"id": "b", "name": "丙"}, {"id": "a", "name": "甲", "forced": True}]},
        ),
        ({"features": FEATURES}, {"features": [{"id": "b"}]}, ["/features/forced"], {"features": [{"id": "b"}]}),
        # A list that the file mentions and does not declare any more is not declared.
        ({"features": FEATURES}, {}, ["/features/forced"], {}),
        # Entries without ids matter only when something is registered there.
        ({"asks": [{"code": "c"}]}, {"asks": [{"code": "d"}]}, ["/asks/name"], {"asks": [{"code": "d"}]}),
    ],
)
def test_what_is_not_mentioned_stays(
    registered: Document, declared: Document, unmentioned: list[str], expected: Document
) -> None:
    before = repr(declared)
    assert merged(registered, declared, unmentioned) == expected
    assert repr(declared) == before


@pytest.mark.parametrize(
    ("registered", "declared", "lost"),
    [
        ({"asks": [{"code": "c", "name": "n"}]}, {"asks": [{"code": "c"}]}, "/asks/name"),
        ({"asks": [{"id": "a", "name": "n"}, {"id": "a", "name": "m"}]}, {"asks": [{"id": "a"}]}, "/asks/name"),
        ({"asks": [{"id": "a", "name": "n"}]}, {"asks": [{"code": "c"}]}, "/asks/name"),
    ],
)
def test_what_cannot_be_kept_is_told(registered: Document, declared: Document, lost: str) -> None:
    with pytest.raises(LostError) as error:
        merged(registered, declared, [lost, "/role"])
    assert error.value.pointers == (lost,)
