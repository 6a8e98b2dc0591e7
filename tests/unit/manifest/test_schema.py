"""The JSON Schema: published as generated, said in both languages, and of one mind with the reader."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from services.manifest import model
from services.manifest.model import Manifest, Part
from services.manifest.nodes import plain
from services.manifest.reading import read
from services.manifest.schema import URI, render, schema
from services.manifest.template import template
from services.manifest.terms import Term
from services.manifest.yaml_nodes import compose
from services.text import Lang
from tests import world

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
SCHEMA = schema()
VALIDATOR = Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)
PARTS = {
    name: each
    for name, each in vars(model).items()
    if isinstance(each, type) and issubclass(each, Part) and each is not Part
}
CHINESE = re.compile("[\u4e00-\u9fff]")
LANGUAGES: tuple[Lang, ...] = ("zh", "en")

BEYOND = {"unknown_division", "credit_code", "contradiction"}
"""What the reader refuses and a schema cannot say."""


def described() -> Iterator[tuple[str, dict[str, Any]]]:
    """Give everything that carries a title and a description, by a name for it."""
    for name, part in {"Manifest": SCHEMA, **SCHEMA["$defs"]}.items():
        yield name, part
        for field, each in part.get("properties", {}).items():
            yield f"{name}.{field}", each


# ---------------------------------------------------------------- the schema itself


def test_the_committed_schema_is_the_one_generated() -> None:
    assert (ROOT / "openapi" / "manifest.schema.json").read_bytes() == render()
    assert json.loads(render()) == SCHEMA


def test_it_is_a_schema_of_2020_12_with_an_address_of_its_own() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert SCHEMA["$id"] == URI == "urn:govapp:schema:manifest:1"


@pytest.mark.parametrize(("name", "each"), list(described()), ids=[name for name, _ in described()])
def test_every_part_and_field_is_described_in_both_languages(name: str, each: dict[str, Any]) -> None:
    title_zh, title_en = each["title"].split(" · ")
    zh, en = each["description"].split("\n")
    assert CHINESE.search(title_zh) or title_zh == "iOS", name
    assert CHINESE.search(zh), name
    assert zh.endswith("。"), name
    assert not CHINESE.search(title_en), name
    assert re.match("[A-Z[]", en), name
    assert en.endswith("."), name


def test_it_has_every_field_of_the_model_and_no_other() -> None:
    for name, part in PARTS.items():
        published = SCHEMA if name == "Manifest" else SCHEMA["$defs"].get(name)
        if published is None:  # a part that only others build on
            assert [each for each in PARTS.values() if part in each.__bases__], name
            continue
        assert list(published["properties"]) == list(part.model_fields), name
        assert published["additionalProperties"] is False, name


def test_every_term_is_published_by_both_its_names() -> None:
    for vocabulary in Term.__subclasses__():
        published = SCHEMA["$defs"].get(vocabulary.__name__)
        if published is None:  # a vocabulary of judging, not of the manifest
            assert not vocabulary.__module__.startswith("services.manifest"), vocabulary
            continue
        assert published["oneOf"] == [{"const": term.value, "title": f"{term.zh} · {term.en}"} for term in vocabulary]


def test_every_field_but_the_version_may_be_null() -> None:
    for name, each in described():
        if "." in name and name != "Manifest.manifest":
            assert {"type": "null"} in each["anyOf"], name
            assert "default" not in each, name


# ---------------------------------------------------------------- one mind with the reader


@pytest.mark.parametrize("name", ["local", "central"])
def test_the_exemplary_apps_are_valid(name: str) -> None:
    VALIDATOR.validate(world.load(world.RULES / "exemplary.yaml")[name]["app"])


def wrong(document: object) -> set[str]:
    """Give the kinds of mistakes that the model finds in a document."""
    try:
        Manifest.model_validate_json(json.dumps(document))
    except ValidationError as error:
        found = [(each["loc"], each["type"]) for each in error.errors()]
        # A list of which nothing is left, because its items are wrong, is not short.
        inner = {place[:-1] for place, _ in found if place}
        return {kind for place, kind in found if not (kind == "too_short" and place in inner)}
    return set()


STRINGS = (
    *(
        "",
        "a",
        "a/b",
        "A-1",
        "甲",
        "甲" * 200,
        "甲" * 201,
        "a" * 64,
        "a" * 65,
        "多\n行",
        "\t",
        "\x00",
        "\u202e",
        "x" * 4001,
    ),
    *("none", "3307", "338899", "３３", "000", "2025-03-01", "2025-02-30", "2025-3-1", "20250301", "0000-01-01"),
    *("91110000100003962Y", "91110000100003962X", "9111000010000396O2", "county", "daily"),
)
ODD = st.sampled_from([None, True, False, 0, 1.5, [], {}, [None], {"x": 1}, *STRINGS])


def documents(part: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Make documents that a part of the schema allows, mostly, and some that it does not."""
    if "$ref" in part:
        return st.deferred(lambda: documents(SCHEMA["$defs"][part["$ref"].rpartition("/")[2]]))
    if "const" in part:
        return st.just(part["const"])
    if choices := part.get("anyOf") or part.get("oneOf"):
        return st.one_of(*(documents(each) for each in choices), ODD)
    if part["type"] == "array":
        return st.lists(documents(part["items"]), max_size=3)
    if part["type"] == "object":
        fields = {name: documents(each) for name, each in part["properties"].items()}
        return st.fixed_dictionaries({}, optional=fields) | ODD
    if part["type"] == "boolean":
        return st.booleans()
    return st.sampled_from(STRINGS) if part["type"] == "string" else st.none()


@st.composite
def manifests(draw: st.DrawFn) -> Any:  # noqa: ANN401 - any document
    """Make a document with a few fields, so that what is wrong in one is not drowned by the others."""
    names = draw(st.lists(st.sampled_from(list(SCHEMA["properties"])), max_size=3, unique=True))
    document = {name: draw(documents(SCHEMA["properties"][name])) for name in names}
    document.setdefault("manifest", "1")
    if draw(st.integers(0, 19)) == 0:
        document[draw(st.sampled_from(["x", "Name", ""]))] = 1
    return document


@given(manifests())
@example({"manifest": "1", "regions": ["338899"]})
@example({"manifest": "1", "sponsor": {"credit_code": "91110000100003962X"}})
@example({"manifest": "1", "begun_on": "2025-02-01", "online_on": "2025-01-01"})
@settings(max_examples=400, deadline=None)
def test_schema_and_reader_agree_as_far_as_a_schema_can_say(document: object) -> None:
    refused = wrong(document)
    if VALIDATOR.is_valid(document):
        assert refused <= BEYOND
    else:
        assert refused


# ---------------------------------------------------------------- the template


def without_marks(text: str) -> str:
    """Take away the mark that comments out what lies inside fields."""
    return re.sub(r"(?m)^#(?=  )", "", text)


def written(document: object, place: str = "") -> Iterator[str]:
    """Give the places of a document, `[]` standing for the items of a list."""
    if isinstance(document, dict):
        for name, each in document.items():
            yield f"{place}/{name}"
            yield from written(each, f"{place}/{name}")
    elif isinstance(document, list):
        for each in document:
            yield from written(each, f"{place}[]")


def places(part: dict[str, Any], place: str = "") -> Iterator[str]:
    """Give the places that the schema allows, as `written` does."""
    if "$ref" in part:
        yield from places(SCHEMA["$defs"][part["$ref"].rpartition("/")[2]], place)
    for each in part.get("anyOf", ()):
        yield from places(each, place)
    if "items" in part:
        yield from places(part["items"], f"{place}[]")
    for name, each in part.get("properties", {}).items():
        yield f"{place}/{name}"
        yield from places(each, f"{place}/{name}")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_template_declares_nothing(lang: Lang) -> None:
    assert read(template(lang).encode(), media="yaml").manifest == Manifest(manifest="1")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_template_lists_every_field_and_is_valid_when_filled_in(lang: Lang) -> None:
    text = without_marks(template(lang))
    tree = compose(text)
    assert tree.root is not None
    document = plain(tree.root)
    assert set(written(document)) == set(places(SCHEMA))
    VALIDATOR.validate(document)
    assert read(text.encode(), media="yaml").manifest.features


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_template_explains_every_field_and_term_in_its_language(lang: Lang) -> None:
    text = template(lang)
    for name, each in described():
        zh, en = each["description"].split("\n")
        if "." in name and name != "Manifest.manifest":
            assert (zh if lang == "zh" else en) in text, name
        for term in each.get("oneOf", ()):
            assert f"{term['const']}（" in text or f"{term['const']} (" in text, term
    assert bool(CHINESE.search(text)) is (lang == "zh")
