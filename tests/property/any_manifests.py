"""Any manifest, for hypothesis: made from the published schema, with the texts that files are likely to spoil."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import strategies as st
from pydantic import ValidationError

from services.manifest import credit_code
from services.manifest.model import Manifest
from services.manifest.schema import schema
from services.manifest.values import DIVISION_PATTERN
from tests.property.strategies import without_contradictions

Draw = Any

NASTY = (
    *("无", "none", "有", "是", "'", "''", "'无", "=1+1", "+86 571", "-", "@SUM(A1)", "＝1", "/", "——", "√", "1E+17"),
    *(
        "9.1E+17",
        " x",
        "x ",
        "\u3000全角\u3000",
        "甲、乙",
        "甲；乙",
        "a,b",
        '"',
        '"甲"',
        "甲\u2028乙",
        "_x000D_",
        "_x0041_x",
    ),
    *(
        "<a>&amp;</a>",
        "]]>",
        "\ufffe",
        "\uffff",
        "\ufeff甲",
        "😀",
        "0",
        "007",
        "1.10",
        "2024-08-06",
        "TRUE",
        "null",
        "~",
        "# 甲",
    ),
    *(
        "a: b",
        "- a",
        "{}",
        "&x",
        "*x",
        "!x",
        "|",
        ">",
        "%",
        "yes",
        "1_0",
        "0x1F",
        "12:30:45",
        "https://示例.example/a?b=c#d",
    ),
)
"""Single lines that one form or another would take for something else."""

LINES = ("\r", "\n", "\r\n甲", "甲\n乙", "甲\r乙\n", "\t=1", "=1\n+1", " \n ")
"""Texts of several lines."""

_DIVISIONS = ("", "33", "3307", "330783", "99", "9901")
_CREDIT_CODES = ("91330000000000000", "11330000002482000", "N2330000000000000")
_SEVERAL = 3


@st.composite
def documents(draw: Draw, app: str | None = None) -> dict[str, Any]:
    """Draw the document of a valid manifest with an id."""
    described = schema()
    nasty = draw(st.sampled_from((True, True, False)))
    document = draw(_objects(described, described["$defs"], nasty=nasty))
    document["id"] = app or draw(st.from_regex(r"[a-z0-9]([a-z0-9._-]{0,20}[a-z0-9])?", fullmatch=True))
    document = without_contradictions(document)
    document["manifest"] = "1"
    try:
        Manifest.model_validate_json(orjson.dumps(document))
    except ValidationError as error:
        for each in error.errors():
            document.pop(str(each["loc"][0]) if each["loc"] else "levels", None)
        document["id"] = document.get("id", app or "a")
    return document


@st.composite
def manifests(draw: Draw, app: str | None = None) -> Manifest:
    """Draw a valid manifest with an id."""
    return Manifest.model_validate_json(orjson.dumps(draw(documents(app))))


@st.composite
def _objects(draw: Draw, described: dict[str, Any], parts: dict[str, Any], *, nasty: bool) -> dict[str, Any]:
    names = [name for name, field in described["properties"].items() if "const" not in field]
    most = draw(st.sampled_from((0, 1, 3, len(names))))
    chosen = draw(st.lists(st.sampled_from(names), max_size=most, unique=True))
    return {name: draw(_values(described["properties"][name], parts, nasty=nasty)) for name in chosen}


def _values(described: dict[str, Any], parts: dict[str, Any], *, nasty: bool) -> st.SearchStrategy[Any]:  # noqa: C901
    match described:
        case {"anyOf": choices}:
            return st.one_of(*(_values(each, parts, nasty=nasty) for each in choices if each.get("type") != "null"))
        case {"$ref": reference}:
            return _values(parts[reference.rpartition("/")[2]], parts, nasty=nasty)
        case {"const": value}:
            return st.just(value)
        case {"oneOf": words}:
            return st.sampled_from([word["const"] for word in words])
        case {"type": "object"}:
            return _objects(described, parts, nasty=nasty)
        case {"type": "array", "items": items}:
            least = described.get("minItems", 0)
            return st.lists(_values(items, parts, nasty=nasty), min_size=least, max_size=_SEVERAL)
        case {"type": "boolean"}:
            return st.booleans()
        case {"format": "date"}:
            return st.dates().map(str)
        case {"pattern": pattern} if pattern == DIVISION_PATTERN:
            return st.sampled_from(_DIVISIONS)
        case {"pattern": pattern} if credit_code.ALPHABET in pattern:
            return st.sampled_from([code + credit_code.check_character(code) for code in _CREDIT_CODES])
        case {"pattern": pattern, "maxLength": most}:
            return _texts(pattern, most, nasty=nasty)
        case _:
            raise TypeError(described)


def _texts(pattern: str, most: int, *, nasty: bool) -> st.SearchStrategy[str]:
    anything = st.from_regex(pattern, fullmatch=True, alphabet=st.characters(codec="utf-8")).filter(
        lambda text: len(text) <= most
    )
    if pattern.startswith(("^[A-Za-z0-9]", "^[a-z0-9]")):
        return anything
    tricky = st.sampled_from(NASTY + (LINES if most > 200 else ()))
    joined = st.lists(tricky, min_size=1, max_size=3).map("".join).filter(lambda text: len(text) <= most)
    plain = st.sampled_from(("示例局", "示例办法", "甲", "A1"))
    return st.one_of(tricky, joined, anything) if nasty else plain
