"""What is derived from a manifest and kept for a while is the same when it is read again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given, settings

from services.registry.store import prepared
from services.registry.store.prepared import packed, packed_columns, prepare, unpacked
from tests import world
from tests.property.any_manifests import documents

if TYPE_CHECKING:
    import pytest

MAX_OFFERS = 10_000


@given(documents(app="x"))
@settings(max_examples=100)
def test_what_is_packed_is_unpacked(document: dict[str, Any]) -> None:
    wanted = prepare("x", world.manifest({**document, "id": "x"}), MAX_OFFERS)
    kept = packed(wanted)
    assert unpacked("x", wanted.text, kept) == wanted
    assert packed_columns(kept) == wanted.columns


def test_what_other_software_derived_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = prepare("x", world.manifest({"id": "x"}), MAX_OFFERS)
    kept = packed(wanted)
    monkeypatch.setattr(prepared, "_SOFTWARE", "0")
    assert unpacked("x", wanted.text, kept) is None
