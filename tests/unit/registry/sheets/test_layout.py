"""The tables hold the whole manifest, by headings that are found again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from services.manifest import expected
from services.manifest.model import Manifest, Part
from services.registry.sheets import shape
from services.registry.sheets.cell_texts import writer
from services.registry.sheets.cells import read
from services.registry.sheets.layout import LONGEST_CELL, Column, Key, Table, folded, headings, names, tables
from services.registry.sheets.marks import RISKY
from services.text import Lang

if TYPE_CHECKING:
    from collections.abc import Iterator

LANGS: tuple[Lang, ...] = ("zh", "en")

COLUMNS = [(table, column) for table in tables() for column in table.columns]


def _fields(part: type[Part], above: tuple[str | int, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Give the paths of all fields of a part, found in the model and not in its schema."""
    for name in part.model_fields:
        path = (*above, name)
        place = expected.at(path)
        assert place is not None
        yield tuple(step for step in path if isinstance(step, str))
        entry = (*path, 0) if place.is_list else path
        inner = expected.at(entry)
        if inner is not None and inner.part is not None:
            yield from _fields(inner.part, entry)


def test_every_field_of_the_model_has_a_column() -> None:
    held = {((table.field,) if table.field else ()) + column.path for table, column in COLUMNS}
    missing = set(_fields(Manifest)) - held - {(name,) for name in shape.constants()}
    assert not missing


def test_the_tables_are_those_that_people_know() -> None:
    titles = [table.title.zh for table in tables()]
    assert titles[0] == "应用"
    assert {"功能", "要求报送", "持有", "使用要求", "考评依据"} <= set(titles)
    assert all(
        len(name) <= 31 and not re.search(r"[\[\]:*?/\\]", name) for table in tables() for name in names(table.title)
    )


@pytest.mark.parametrize("table", tables(), ids=lambda table: table.title.zh)
def test_every_heading_finds_its_column_however_it_is_punctuated(table: Table) -> None:
    known = headings(table)
    for column in table.columns:
        for heading in names(column.heading):
            for written in (heading, heading.replace("·", "."), heading.replace("·", "—"), f" {heading.upper()}＊"):
                assert known[folded(written)] == column
        if column.path:
            assert known[".".join(column.path)] == column


@pytest.mark.parametrize(
    "column", [pytest.param(column, id=f"{table.title.zh}/{column.heading.zh}") for table, column in COLUMNS]
)
def test_words_of_a_column_are_read_as_they_are_written_and_are_no_formula(column: Column) -> None:
    for lang in LANGS:
        for word in column.words:
            value = [word.value] if column.is_list else word.value
            text = writer(column, lang)(value)
            assert read(column, text) == value
            assert text[0] not in RISKY
    for word in column.words:
        assert read(column, word.value) == ([word.value] if column.is_list else word.value)


def test_every_list_in_a_cell_fits_into_it() -> None:
    longest = {column.path: column for table, column in COLUMNS if column.is_list}
    for field in shape.manifest():
        if field.is_list and (field.name,) in longest and field.most:
            assert field.most * ((field.longest or 12) + 1) < LONGEST_CELL


def test_explanations_speak_of_cells_and_not_of_documents() -> None:
    for _, column in COLUMNS:
        assert not re.search(r"\[\]|`|写 none|引号|空串|quotation marks", column.description.zh + column.description.en)
        assert column.description.zh
        assert column.description.en


def test_only_keys_and_values_have_no_path() -> None:
    for table, column in COLUMNS:
        assert column.path or column.kind in set(Key) or table.has_values
